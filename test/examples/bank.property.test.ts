/**
 * Money in the bank is neither made nor lost, whatever is asked of it and in whatever order; and its overview shows what the accounts
 * fold to.
 */
import { assert, layer } from "@effect/vitest"
import { Effect, HashMap, Layer, Option, Schema, Stream } from "effect"
import { Event, EventStore, Projection } from "eventfold"
import { MemoryEventStore } from "eventfold/memory"
import { AccountEvent, Amount } from "../../examples/bank/events.ts"
import { overview, Overview } from "../../examples/bank/read-models.ts"
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
  function* (accounts: Accounts["Service"], step: Step, index: number, named: (name: string) => string) {
    switch (step._tag) {
      case "Open":
        yield* accounts.execute(named(step.who), { _tag: "Open", owner: step.who })
        return 0n
      case "Deposit":
        yield* accounts.execute(named(step.who), { _tag: "Deposit", amount: Amount.make(step.amount) })
        return BigInt(step.amount)
      case "Withdraw":
        yield* accounts.execute(named(step.who), { _tag: "Withdraw", amount: Amount.make(step.amount) })
        return -BigInt(step.amount)
      case "Transfer": {
        const [from, to] = [named(step.from), named(step.to)]
        yield* transfer(accounts, { transferId: `t${index}`, from, to, amount: Amount.make(step.amount) }, {})
        return 0n
      }
      case "Close":
        yield* accounts.execute(named(step.who), { _tag: "Close" })
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

const balanceOf = (accounts: Accounts["Service"], name: string, version?: number) =>
  Effect.map(accounts.state(name, version === undefined ? undefined : { at: { version } }), ({ state }) =>
    state._tag === "Open" ? state.balance : 0
  )

/** Every transfer as the log has it after a position: both sides, one right after the other, and of the same amount. */
const transfersOf = Effect.fnUntraced(function* (store: EventStore.EventStore["Service"], after: number) {
  const log = yield* Stream.runCollect(store.readLog({ from: after + 1 }))
  const events = yield* Effect.forEach(log, (recorded) => Effect.fromResult(Event.decode(AccountEvent, recorded)))
  return events.flat().flatMap((event, index, all) => {
    if (event._tag !== "TransferSent") return []
    return [{ sent: event, received: all[index + 1] }]
  })
})

/** A bank over a store that lets everybody read before anybody writes. */
const bank = Layer.mergeAll(Accounts.layer, Overview.layer).pipe(
  Layer.provideMerge(
    Layer.effect(
      EventStore.EventStore,
      Effect.map(EventStore.EventStore, (store) => ({
        ...store,
        append: (...args: Parameters<typeof store.append>) => Effect.andThen(Effect.yieldNow, store.append(...args))
      }))
    )
  ),
  Layer.provideMerge(Projection.withInline(MemoryEventStore.layer, [overview]))
)

/** What the overview must show of an account: what its events fold to, counted here once more. */
const summaryOf = Effect.fnUntraced(function* (accounts: Accounts["Service"], name: string) {
  const { state } = yield* accounts.state(name)
  const history = yield* Stream.runCollect(accounts.history(name))
  const transfers = history.filter(({ event }) => "transferId" in event).length
  if (state._tag === "NotOpen") return undefined
  return state._tag === "Open"
    ? { owner: state.owner, status: "open" as const, balance: state.balance, transfers }
    : { owner: state.owner, status: "closed" as const, balance: 0, transfers }
})

/** Each bank is of its own accounts, so that one store is enough for all of them. */
let banks = 0

const holds = Effect.fnUntraced(function* (steps: ReadonlyArray<Step>, concurrency: number) {
  const run = ++banks
  const named = (name: string) => `${name}-${run}`
  const accounts = yield* Accounts
  const overview = yield* Overview
  const store = yield* EventStore.EventStore
  const before = yield* store.head
  yield* Effect.forEach(names, (who) => take(accounts, { _tag: "Open", who }, -1, named))
  const grown = yield* Effect.forEach(steps, (step, index) => take(accounts, step, index, named), { concurrency })

  const balances = yield* Effect.forEach(names, (name) => balanceOf(accounts, named(name)))
  const total = (amounts: ReadonlyArray<bigint>) => amounts.reduce((sum, amount) => sum + amount, 0n)
  assert.strictEqual(total(balances.map(BigInt)), total(grown))

  const shown = yield* overview.getMany(names.map(named))
  for (const name of names.map(named)) {
    assert.deepStrictEqual(Option.getOrUndefined(HashMap.get(shown, name)), yield* summaryOf(accounts, name))
    const version = yield* store.streamVersion(accounts.streamOf(name))
    for (let at = 1; at <= version; at++) assert.isAtLeast(yield* balanceOf(accounts, name, at), 0)
  }
  for (const { sent, received } of yield* transfersOf(store, before)) {
    assert.strictEqual(received?._tag, "TransferReceived")
    if (received?._tag !== "TransferReceived") continue
    assert.strictEqual(received.transferId, sent.transferId)
    assert.strictEqual(received.amount, sent.amount)
  }
})

const Steps = Schema.Array(Step).check(Schema.isMaxLength(40))

layer(bank, { excludeTestServices: true })("the bank", (it) => {
  it.effect.prop("one after the other", [Steps], ([steps]) => holds(steps, 1))

  it.effect.prop("all at once", [Steps], ([steps]) => holds(steps, 16))
})
