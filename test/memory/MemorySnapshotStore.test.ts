import { MemoryEventStore } from "eventfold/memory"
import { SnapshotStoreContract } from "eventfold/testing"

await SnapshotStoreContract.suite("the memory store", MemoryEventStore.layer)
