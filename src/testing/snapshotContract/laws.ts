/**
 * All the laws of snapshots, by theme. They need no test framework.
 */
import type { Law } from "./fixtures.ts"
import * as keeping from "./keeping.ts"
import * as loading from "./loading.ts"
import * as races from "./races.ts"
import * as refusals from "./refusals.ts"
import * as removing from "./removing.ts"
import * as states from "./states.ts"
import * as transactions from "./transactions.ts"

/** What every store of snapshots must keep. */
export const laws: ReadonlyArray<Law> = [
  ...loading.laws,
  ...keeping.laws,
  ...states.laws,
  ...removing.laws,
  ...races.laws,
  ...refusals.laws,
  ...transactions.laws
]
