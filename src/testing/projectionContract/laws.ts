/**
 * All the laws of projections, by theme. They need no test framework.
 */
import * as changes from "./changes.ts"
import * as claims from "./claims.ts"
import * as commits from "./commits.ts"
import * as control from "./control.ts"
import * as documents from "./documents.ts"
import type { Law } from "./fixtures.ts"
import * as generations from "./generations.ts"
import * as inline from "./inline.ts"
import * as parking from "./parking.ts"
import * as reading from "./reading.ts"
import * as sharing from "./sharing.ts"
import * as takeOvers from "./takeOvers.ts"

/** What every store of projections must keep. */
export const laws: ReadonlyArray<Law> = [
  ...generations.laws,
  ...claims.laws,
  ...sharing.laws,
  ...commits.laws,
  ...documents.laws,
  ...reading.laws,
  ...takeOvers.laws,
  ...inline.laws,
  ...control.laws,
  ...parking.laws,
  ...changes.laws
]
