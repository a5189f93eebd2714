import { InMemoryEventStorageAdapter } from "@castore/event-storage-adapter-in-memory"
import { ZodError } from "zod"
import type { Bank } from "../../contract.ts"
import {
  accounts,
  deposit,
  depositInput,
  InsufficientFunds,
  NotOpen,
  open,
  openInput,
  withdraw,
  withdrawInput
} from "./account.ts"

accounts.eventStorageAdapter = new InMemoryEventStorageAdapter()

// A command of Castore has a schema and does not use it: whoever calls its handler parses the input.
const run = (command: string, input: object) => {
  switch (command) {
    case "Open":
      return open.handler(openInput.parse(input), [accounts])
    case "Deposit":
      return deposit.handler(depositInput.parse(input), [accounts])
    case "Withdraw":
      return withdraw.handler(withdrawInput.parse(input), [accounts])
    default:
      throw new ZodError([])
  }
}

export const bank: Bank = async (accountId, command, input, requestId) => {
  try {
    return { status: 200, ...(await run(command, { ...input, accountId, requestId })) }
  } catch (error) {
    if (error instanceof ZodError) return { status: 400 }
    if (error instanceof NotOpen) return { status: 404 }
    if (error instanceof InsufficientFunds) return { status: 409, balance: error.balance }
    throw error
  }
}
