/**
 * All the laws, by theme. They need no test framework.
 */
import * as appends from "./appends.ts"
import * as backPressure from "./backPressure.ts"
import * as conditionRaces from "./conditionRaces.ts"
import * as conditions from "./conditions.ts"
import * as idempotency from "./idempotency.ts"
import * as immutability from "./immutability.ts"
import * as interruptions from "./interruptions.ts"
import type { Law } from "./Law.ts"
import * as order from "./order.ts"
import * as races from "./races.ts"
import * as reads from "./reads.ts"
import * as refusals from "./refusals.ts"
import * as restores from "./restores.ts"
import * as roundTrips from "./roundTrips.ts"
import * as subscriptions from "./subscriptions.ts"

/** What every store must keep. */
export const laws: ReadonlyArray<Law> = [
  ...appends.laws,
  ...races.laws,
  ...conditions.laws,
  ...conditionRaces.laws,
  ...order.laws,
  ...reads.laws,
  ...roundTrips.laws,
  ...subscriptions.laws,
  ...backPressure.laws,
  ...idempotency.laws,
  ...refusals.laws,
  ...immutability.laws,
  ...interruptions.laws,
  ...restores.laws
]
