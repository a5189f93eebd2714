/**
 * What docs/same-domain.md says of the others beside what their compiler output shows.
 */
import {
  CommandHandlerStreamVersionConflictRetryOptions,
  DeciderSpecification,
  type Event,
  getInMemoryEventStore,
  IllegalStateError
} from "@event-driven-io/emmett"
import { mockEventStore } from "@castore/lib-test-tools"
import assert from "node:assert/strict"
import { test } from "node:test"
import { accounts, deposit, open } from "./castore/account.ts"
import { type Account, type AccountEvent, decide, evolve, initialState } from "./emmett/account.ts"

/** What comes from outside is of any type. */
const outside = (json: string): never => JSON.parse(json) as never

test("Emmett: an error that extends one of its errors is no instance of its own class", () => {
  class Closed extends IllegalStateError {}
  assert.equal(new Closed() instanceof Closed, false)
  assert.equal(new Closed() instanceof IllegalStateError, true)
})

test("a conflict is decided again: 3 times by Emmett when it is asked to, twice by Castore", () => {
  assert.equal(CommandHandlerStreamVersionConflictRetryOptions.retries, 3)
  assert.equal(deposit.eventAlreadyExistsRetries, 2)
})

test("Emmett: what is stored is not checked when it is read", async () => {
  const store = getInMemoryEventStore()
  const opened = { type: "AccountOpened", data: { owner: "Ada" } }
  await store.appendToStream("ada", [opened, outside('{ "type": "Deposited", "data": { "amount": "7" } }')])
  const { state } = await store.aggregateStream("ada", { evolve, initialState })
  assert.deepEqual(state, { status: "Open", balance: "07" })
})

test("Emmett: an evolve with a default takes an event type that it has no case for", () => {
  const usual = (state: Account, event: AccountEvent | Event<"Frozen", { reason: string }>): Account => {
    switch (event.type) {
      case "AccountOpened":
        return { status: "Open", balance: 0 }
      default:
        return state
    }
  }
  assert.deepEqual(usual({ status: "New" }, { type: "Frozen", data: { reason: "fraud" } }), { status: "New" })
})

test("Emmett: a spec passes with fields left out", () => {
  DeciderSpecification.for({ decide, evolve, initialState })([{ type: "AccountOpened", data: { owner: "Ada" } }])
    .when({ type: "Deposit", data: { amount: 5 } })
    .then([outside('{ "type": "Deposited" }')])
})

test("Castore: neither a command nor an event is held against its schema", async () => {
  const store = mockEventStore(accounts)
  await open.handler({ accountId: "ada", requestId: "1", owner: "" }, [store])
  await deposit.handler(outside('{ "accountId": "ada", "requestId": "2", "amount": "7" }'), [store])
  const { aggregate } = await store.getAggregate("ada")
  assert.deepEqual(aggregate, { aggregateId: "ada", version: 2, balance: "07" })
})

test("Castore: a version that leaves a gap is stored", async () => {
  const store = mockEventStore(accounts)
  const payload = { owner: "Ada" }
  await store.pushEvent({
    aggregateId: "ada",
    version: 5,
    type: "ACCOUNT_OPENED",
    payload,
    metadata: { requestId: "1" }
  })
  const { aggregate } = await store.getAggregate("ada")
  assert.equal(aggregate?.version, 5)
})
