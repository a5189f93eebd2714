import { EventStoreContract } from "eventfold/testing"
import { EmbeddedEventStore } from "eventfold/postgres/embedded"

await EventStoreContract.suite("the embedded store", EmbeddedEventStore.layer())
