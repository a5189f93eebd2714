import { CommandHandler, getInMemoryEventStore } from "@event-driven-io/emmett"
import type { Bank } from "../../contract.ts"
import {
  AccountCommand,
  type AccountEvent,
  decide,
  evolve,
  initialState,
  InsufficientFunds,
  NotOpen
} from "./account.ts"

// Emmett has no command ids: each event says of which request it came, and the state knows the requests.
type Requested = AccountEvent & { readonly metadata: { readonly requestId: string } }

const handle = CommandHandler({
  initialState: () => ({ account: initialState(), requests: new Set<string>() }),
  evolve: ({ account, requests }, event: Requested) => ({
    account: evolve(account, event),
    requests: new Set(requests).add(event.metadata.requestId)
  }),
  mapToStreamId: (id) => `account-${id}`,
  retry: { onVersionConflict: true }
})

const store = getInMemoryEventStore()

export const bank: Bank = async (id, command, input, requestId) => {
  const asked = AccountCommand.safeParse({ type: command, data: input })
  if (!asked.success) return { status: 400 }
  try {
    const { newState } = await handle(store, id, ({ account, requests }) =>
      requests.has(requestId) ? [] : decide(asked.data, account).map((event) => ({ ...event, metadata: { requestId } }))
    )
    return { status: 200, balance: newState.account.status === "Open" ? newState.account.balance : 0 }
  } catch (error) {
    if (error instanceof NotOpen) return { status: 404 }
    if (error instanceof InsufficientFunds) return { status: 409, balance: error.balance }
    throw error
  }
}
