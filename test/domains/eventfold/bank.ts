import { Effect, Layer, ManagedRuntime, Schema } from "effect"
import { Aggregate } from "eventfold"
import { MemoryEventStore } from "eventfold/memory"
import type { Answer, Bank } from "../contract.ts"
import { account } from "./account.ts"

class Accounts extends Aggregate.Service<Accounts>()("bank/Accounts", { decider: account }) {}

const handle = (
  ...[id, command, input, requestId]: Parameters<Bank>
): Effect.Effect<Answer, Aggregate.ExecuteError, Accounts> =>
  Effect.gen(function* () {
    const accounts = yield* Accounts
    const asked = yield* Schema.decodeEffect(account.commands)({ ...input, _tag: command })
    const { state } = yield* accounts.execute(id, asked, { commandId: requestId })
    return { status: 200, balance: state._tag === "Open" ? state.balance : 0 }
  }).pipe(
    Effect.catchTags({
      SchemaError: () => Effect.succeed({ status: 400 }),
      NotOpen: () => Effect.succeed({ status: 404 }),
      InsufficientFunds: ({ balance }) => Effect.succeed({ status: 409, balance })
    })
  )

const runtime = ManagedRuntime.make(Accounts.layer.pipe(Layer.provide(MemoryEventStore.layer)))

export const bank: Bank = (...asked) => runtime.runPromise(handle(...asked))
