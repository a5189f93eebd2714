import { MemoryEventStore } from "eventfold/memory"
import { EventStoreContract } from "eventfold/testing"

await EventStoreContract.suite("the memory store", MemoryEventStore.layer)
