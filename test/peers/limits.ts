/**
 * What the server and the driver do without a store: the limits that stores are held against. The table is a copy of Eventfold's.
 */
import { contend } from "../../bench/peers/contend.ts"
import type { Contender, Running, Task } from "../../bench/peers/contract.ts"
import { selecting, selectingPages } from "./limits/reading.ts"
import { copying, inserting } from "./limits/writing.ts"

/** Does it in the way that the task names. */
const variants =
  (ways: Readonly<Record<string, (task: Task) => Promise<Running>>>) =>
  (task: Task): Promise<Running> => {
    const way = ways[task.variant]
    return way === undefined ? Promise.reject(new Error(`no such variant: ${task.variant}`)) : way(task)
  }

const limits: Contender = {
  append: variants({ INSERT: inserting, COPY: copying }),
  load: variants({ SELECT: selecting }),
  "catch-up": variants({ "paged SELECT": selectingPages })
}

contend(limits)
