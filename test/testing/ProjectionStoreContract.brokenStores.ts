/**
 * Stores of projections that break promises, each in one way: what the conformance kit must notice.
 */
import { control } from "./ProjectionStoreContract.brokenControl.ts"
import { documents } from "./ProjectionStoreContract.brokenDocuments.ts"
import { running } from "./ProjectionStoreContract.brokenRunning.ts"
import { sharing } from "./ProjectionStoreContract.brokenSharing.ts"
import { status } from "./ProjectionStoreContract.brokenStatus.ts"
import { takeOvers } from "./ProjectionStoreContract.brokenTakeOvers.ts"
import type { BrokenStore } from "./ProjectionStoreContract.toolkit.ts"

export const brokenStores: ReadonlyArray<BrokenStore> = [
  ...running,
  ...sharing,
  ...documents,
  ...takeOvers,
  ...control,
  ...status
]
