import { type Aggregate, EventStore, tuple } from "@castore/core"
import { ZodCommand } from "@castore/command-zod"
import { ZodEventType } from "@castore/event-type-zod"
import { z } from "zod"

const owner = z.string().min(1)
const amount = z.number().int()
const metadataSchema = z.object({ requestId: z.string() })

const accountOpened = new ZodEventType({ type: "ACCOUNT_OPENED", payloadSchema: z.object({ owner }), metadataSchema })
const deposited = new ZodEventType({ type: "DEPOSITED", payloadSchema: z.object({ amount }), metadataSchema })
const withdrawn = new ZodEventType({ type: "WITHDRAWN", payloadSchema: z.object({ amount }), metadataSchema })

export class NotOpen extends Error {}
export class InsufficientFunds extends Error {
  readonly balance: number
  constructor(balance: number) {
    super("Insufficient funds")
    this.balance = balance
  }
}

interface Account extends Aggregate {
  balance: number
}

export const accounts = new EventStore({
  eventStoreId: "ACCOUNTS",
  eventTypes: [accountOpened, deposited, withdrawn],
  reducer: (account: Account, event): Account => {
    const { aggregateId, version } = event
    switch (event.type) {
      case "ACCOUNT_OPENED":
        return { aggregateId, version, balance: 0 }
      case "DEPOSITED":
        return { ...account, version, balance: account.balance + event.payload.amount }
      case "WITHDRAWN":
        return { ...account, version, balance: account.balance - event.payload.amount }
    }
  }
})

const of = { accountId: z.string(), requestId: z.string() }
export const openInput = z.object({ ...of, owner })
export const depositInput = z.object({ ...of, amount })
export const withdrawInput = z.object({ ...of, amount })
const outputSchema = z.object({ balance: z.number() })

/** An account, and whether a request is in its events: Castore has no ids of requests. */
const load = async (store: typeof accounts, accountId: string, requestId: string) => {
  const { aggregate, events } = await store.getAggregate(accountId)
  return { account: aggregate, isAnswered: events.some(({ metadata }) => metadata.requestId === requestId) }
}

export const open = new ZodCommand({
  commandId: "OPEN",
  requiredEventStores: tuple(accounts),
  inputSchema: openInput,
  outputSchema,
  handler: async ({ accountId, requestId, owner }, [store]) => {
    const { aggregate } = await store.getAggregate(accountId)
    if (aggregate !== undefined) return { balance: aggregate.balance }
    await store.pushEvent({
      aggregateId: accountId,
      version: 1,
      type: "ACCOUNT_OPENED",
      payload: { owner },
      metadata: { requestId }
    })
    return { balance: 0 }
  }
})

export const deposit = new ZodCommand({
  commandId: "DEPOSIT",
  requiredEventStores: tuple(accounts),
  inputSchema: depositInput,
  outputSchema,
  handler: async ({ accountId, requestId, amount }, [store]) => {
    const { account, isAnswered } = await load(store, accountId, requestId)
    if (account === undefined) throw new NotOpen()
    if (isAnswered) return { balance: account.balance }
    await store.pushEvent({
      aggregateId: accountId,
      version: account.version + 1,
      type: "DEPOSITED",
      payload: { amount },
      metadata: { requestId }
    })
    return { balance: account.balance + amount }
  }
})

export const withdraw = new ZodCommand({
  commandId: "WITHDRAW",
  requiredEventStores: tuple(accounts),
  inputSchema: withdrawInput,
  outputSchema,
  handler: async ({ accountId, requestId, amount }, [store]) => {
    const { account, isAnswered } = await load(store, accountId, requestId)
    if (account === undefined) throw new NotOpen()
    if (isAnswered) return { balance: account.balance }
    if (account.balance < amount) throw new InsufficientFunds(account.balance)
    await store.pushEvent({
      aggregateId: accountId,
      version: account.version + 1,
      type: "WITHDRAWN",
      payload: { amount },
      metadata: { requestId }
    })
    return { balance: account.balance - amount }
  }
})
