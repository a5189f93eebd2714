/**
 * Stores that break promises, each in one way that stores have been known to: what the conformance kit must notice.
 */
import { appends } from "./broken/appends.ts"
import { conditions } from "./broken/conditions.ts"
import { expectations } from "./broken/expectations.ts"
import { idempotency } from "./broken/idempotency.ts"
import { reads } from "./broken/reads.ts"
import { restores } from "./broken/restores.ts"
import { subscriptions } from "./broken/subscriptions.ts"
import type { BrokenStore } from "./broken/toolkit.ts"

export const brokenStores: ReadonlyArray<BrokenStore> = [
  ...expectations,
  ...appends,
  ...conditions,
  ...idempotency,
  ...reads,
  ...subscriptions,
  ...restores
]
