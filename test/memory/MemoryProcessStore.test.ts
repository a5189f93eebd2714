import { MemoryEventStore } from "eventfold/memory"
import { ProcessStoreContract } from "eventfold/testing"

await ProcessStoreContract.suite("the memory store", MemoryEventStore.layer)
