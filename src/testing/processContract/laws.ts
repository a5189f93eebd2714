/**
 * All the laws of processes, by theme. They need no test framework.
 */
import * as contents from "./contents.ts"
import type { Law } from "./fixtures.ts"
import * as refusals from "./refusals.ts"
import * as running from "./running.ts"
import * as saving from "./saving.ts"
import * as tending from "./tending.ts"
import * as transactions from "./transactions.ts"

/** What every store of processes must keep. */
export const laws: ReadonlyArray<Law> = [
  ...saving.laws,
  ...contents.laws,
  ...transactions.laws,
  ...running.laws,
  ...tending.laws,
  ...refusals.laws
]
