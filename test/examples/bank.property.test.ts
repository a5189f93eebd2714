/**
 * Money in the bank is neither made nor lost, whatever is asked of it and in whatever order.
 */
import { assert, it } from "@effect/vitest"
import { Effect, Layer, Schema, Stream } from "effect"
import { Event, EventStore } from "eventfold"
import { MemoryEventStore } from "eventfold/memory"
import { AccountEvent, Amount } from "../../examples/bank/events.ts"
import { Accounts, transfer } from "../../examples/bank/service.ts"

const names = ["ada", "bob", "cid"] as const
const Name = Schema.Literals(names)
const SomeAmount = Schema.Union([Amount.check(Schema.isLessThan(100)), Schema.Literal(Number.MAX_SAFE_INTEGER)])

const Step = Schema.TaggedUnion({
  Open: { who: Name },
  Deposit: { who: Name, amount: SomeAmount },
  Withdraw: { who: Name, amount: SomeAmount },
  Transfer: { from: Name, to: Name, amount: SomeAmount },
  Close: { who: Name }
})
type Step = typeof Step.Type

/** Asks one thing of the bank, and gives by how much the money in it grew: not at all if the bank refused. */
const take = Effect.fnUntraced(
  function* (accounts: Accounts["Service"], step: Step, index: number) {
    switch (step._tag) {
      case "Open":
        yield* accounts.execute(step.who, { _tag: "Open", owner: step.who })
        return 0n
      case "Deposit":
        yield* accounts.execute(step.who, { _tag: "Deposit", amount: Amount.make(step.amount) })
        return BigInt(step.amount)
      case "Withdraw":
        yield* accounts.execute(step.who, { _tag: "Withdraw", amount: Amount.make(step.amount) })
        return -BigInt(step.amount)
      case "Transfer": {
        const { from, to } = step
        yield* transfer(accounts, { transferId: `t${index}`, from, to, amount: Amount.make(step.amount) }, {})
        return 0n
      }
      case "Close":
        yield* accounts.execute(step.who, { _tag: "Close" })
        return 0n
    }
  },
  (effect) =>
    Effect.catch(effect, (error) =>
      error._tag === "ConcurrencyConflict" || error._tag === "StoreError" || error._tag === "DecodeError"
        ? Effect.die(error)
        : Effect.succeed(0n)
    )
)

const balanceOf = (accounts: Accounts["Service"], name: string, at?: number) =>
  Effect.map(accounts.state(name, at === undefined ? undefined : { at }), ({ state }) =>
    state._tag === "Open" ? state.balance : 0
  )

/** Every transfer as the log has it: both sides, one right after the other, and of the same amount. */
const transfersOf = Effect.fnUntraced(function* (store: EventStore.EventStore["Service"]) {
  const log = yield* Stream.runCollect(store.readLog())
  const events = yield* Effect.forEach(log, (recorded) => Effect.fromResult(Event.decode(AccountEvent, recorded)))
  return events.flat().flatMap((event, index, all) => {
    if (event._tag !== "TransferSent") return []
    return [{ sent: event, received: all[index + 1] }]
  })
})

/** A store that lets everybody read before anybody writes. */
const contested = Layer.effect(
  EventStore.EventStore,
  Effect.map(MemoryEventStore.make, (store) => ({
    ...store,
    append: (...args: Parameters<typeof store.append>) => Effect.andThen(Effect.yieldNow, store.append(...args))
  }))
)

const holds = Effect.fnUntraced(
  function* (steps: ReadonlyArray<Step>, concurrency: number) {
    const accounts = yield* Accounts
    const store = yield* EventStore.EventStore
    yield* Effect.forEach(names, (who) => take(accounts, { _tag: "Open", who }, -1))
    const grown = yield* Effect.forEach(steps, (step, index) => take(accounts, step, index), { concurrency })

    const balances = yield* Effect.forEach(names, (name) => balanceOf(accounts, name))
    const total = (amounts: ReadonlyArray<bigint>) => amounts.reduce((sum, amount) => sum + amount, 0n)
    assert.strictEqual(total(balances.map(BigInt)), total(grown))

    for (const name of names) {
      const version = yield* store.streamVersion(accounts.streamOf(name))
      for (let at = 1; at <= version; at++) assert.isAtLeast(yield* balanceOf(accounts, name, at), 0)
    }
    for (const { sent, received } of yield* transfersOf(store)) {
      assert.strictEqual(received?._tag, "TransferReceived")
      if (received?._tag !== "TransferReceived") continue
      assert.strictEqual(received.transferId, sent.transferId)
      assert.strictEqual(received.amount, sent.amount)
    }
  },
  (effect) => Effect.provide(effect, Accounts.layer.pipe(Layer.provideMerge(contested)))
)

const Steps = Schema.Array(Step).check(Schema.isMaxLength(40))

it.effect.prop("one after the other", [Steps], ([steps]) => holds(steps, 1))

it.effect.prop("all at once", [Steps], ([steps]) => holds(steps, 16))
