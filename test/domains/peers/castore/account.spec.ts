import { mockEventStore } from "@castore/lib-test-tools"
import assert from "node:assert/strict"
import { test } from "node:test"
import { accounts, deposit, InsufficientFunds, NotOpen, withdraw } from "./account.ts"

const timestamp = "2026-01-01T00:00:00.000Z"
const of = { aggregateId: "ada", timestamp, metadata: { requestId: "before" } }
const opened = { ...of, version: 1, type: "ACCOUNT_OPENED", payload: { owner: "Ada" } } as const
const deposited = { ...of, version: 2, type: "DEPOSITED", payload: { amount: 5 } } as const

test("a deposit is added", async () => {
  const store = mockEventStore(accounts, [opened])
  await deposit.handler({ accountId: "ada", requestId: "now", amount: 5 }, [store])
  const { events } = await store.getEvents("ada", { minVersion: 2 })
  assert.equal(events.length, 1)
  assert.partialDeepStrictEqual(events[0], { type: "DEPOSITED", payload: { amount: 5 } })
})

test("no money goes into an account that is not open", async () => {
  const store = mockEventStore(accounts)
  await assert.rejects(deposit.handler({ accountId: "ada", requestId: "now", amount: 5 }, [store]), NotOpen)
})

test("no more is withdrawn than there is", async () => {
  const store = mockEventStore(accounts, [opened, deposited])
  await assert.rejects(
    withdraw.handler({ accountId: "ada", requestId: "now", amount: 6 }, [store]),
    new InsufficientFunds(5)
  )
})
