import type { Event } from "@event-driven-io/emmett"
import { z } from "zod"

export type AccountEvent =
  | Event<"AccountOpened", { owner: string }>
  | Event<"Deposited", { amount: number }>
  | Event<"Withdrawn", { amount: number }>

// Emmett's commands are types and nothing else. A schema of another library gives the type, and checks what comes in.
export const AccountCommand = z.discriminatedUnion("type", [
  z.object({ type: z.literal("Open"), data: z.object({ owner: z.string().min(1) }) }),
  z.object({ type: z.literal("Deposit"), data: z.object({ amount: z.number().int() }) }),
  z.object({ type: z.literal("Withdraw"), data: z.object({ amount: z.number().int() }) })
])
export type AccountCommand = z.infer<typeof AccountCommand>

// Not of IllegalStateError: what extends one of Emmett's errors is no longer an instance of its own class.
export class NotOpen extends Error {}
export class InsufficientFunds extends Error {
  readonly balance: number
  constructor(balance: number) {
    super("Insufficient funds")
    this.balance = balance
  }
}

export type Account = { status: "New" } | { status: "Open"; balance: number }

export const initialState = (): Account => ({ status: "New" })

export const evolve = (state: Account, event: AccountEvent): Account => {
  switch (event.type) {
    case "AccountOpened":
      return { status: "Open", balance: 0 }
    case "Deposited":
      return state.status === "Open" ? { ...state, balance: state.balance + event.data.amount } : state
    case "Withdrawn":
      return state.status === "Open" ? { ...state, balance: state.balance - event.data.amount } : state
  }
}

export const decide = (command: AccountCommand, state: Account): AccountEvent[] => {
  switch (command.type) {
    case "Open":
      return state.status === "New" ? [{ type: "AccountOpened", data: command.data }] : []
    case "Deposit":
      if (state.status === "New") throw new NotOpen()
      return [{ type: "Deposited", data: command.data }]
    case "Withdraw":
      if (state.status === "New") throw new NotOpen()
      if (state.balance < command.data.amount) throw new InsufficientFunds(state.balance)
      return [{ type: "Withdrawn", data: command.data }]
  }
}
