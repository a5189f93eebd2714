/**
 * Loads of streams, and of the whole log.
 */
import type { Running, Task } from "../../../bench/peers/contract.ts"
import { streamOf, sumOf } from "../../../bench/peers/payload.ts"
import { timed } from "../../../bench/peers/times.ts"
import { checkRead, type Read, reader, said, verdict } from "./checks.ts"
import { prepare } from "./database.ts"
import { load, pageSize, readPage } from "./events.ts"

export const loading = async (task: Task): Promise<Running> => {
  const db = await prepare(task)
  let loads = 0
  let wrong = 0
  return {
    run: () =>
      timed(
        1,
        task.each,
        async (_, place) => {
          const events = await load(db, streamOf("account", (place % task.streams) + 1))
          let sum = 0
          let isInOrder = true
          events.forEach(({ data, version }, i) => {
            sum += data.amount
            isInOrder &&= version === i + 1
          })
          loads++
          if (events.length !== task.length || sum !== sumOf(task.length) || !isInOrder) wrong++
        },
        task.length
      ),
    check: async () => verdict([wrong === 0 ? "" : `${said(wrong)} of ${said(loads)} loads gave something else`]),
    close: () => db.end()
  }
}

export const catchingUp = async (task: Task): Promise<Running> => {
  const db = await prepare(task)
  const reads: Array<Read> = []
  return {
    run: () => {
      const { result, take } = reader()
      const readAll = async (): Promise<void> => {
        let after = 0
        for (;;) {
          const page = await readPage(db, after)
          for (const { data, position, stream, version } of page) {
            take(stream, version, data.amount)
            after = position
          }
          if (page.length < pageSize) break
        }
        reads.push(result())
      }
      return timed(1, 1, readAll, task.streams * task.length)
    },
    check: async () => verdict([checkRead(task, reads)]),
    close: () => db.end()
  }
}
