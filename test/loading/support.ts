/**
 * An account whose rules are a little of everything, aggregates over one store that share nothing else, and a store that says what is read.
 */
import { Context, Effect, Layer, Result, Schema, Stream } from "effect"
import { Aggregate, Decider, Event, EventStore } from "eventfold"
import { MemoryEventStore } from "eventfold/memory"

export class Overdrawn extends Schema.TaggedError<Overdrawn>("test/Overdrawn")("Overdrawn", {
  balance: Schema.Number
}) {}

export const Booked = Event.define({ Booked: { amount: Schema.Number }, Closed: {} })

const vocabulary = Decider.make({
  name: "account",
  state: Schema.Struct({ balance: Schema.Number, bookings: Schema.Array(Schema.Number), isClosed: Schema.Boolean }),
  initial: { balance: 0, bookings: [], isClosed: false },
  commands: Schema.TaggedUnion({
    Deposit: { amount: Schema.Number },
    Withdraw: { amount: Schema.Number },
    /** Nothing to do when the balance is there already. */
    Settle: { balance: Schema.Number },
    Close: {}
  }),
  events: Booked,
  isTerminal: ({ isClosed }) => isClosed
})

export const account = vocabulary
  .evolve({
    Booked: (state, { amount }) => ({
      ...state,
      balance: state.balance + amount,
      bookings: [...state.bookings.slice(-9), amount]
    }),
    Closed: (state) => ({ ...state, isClosed: true })
  })
  .decide({
    Deposit: ({ amount }) => [{ _tag: "Booked", amount }],
    Withdraw: ({ amount }, { balance }) =>
      amount > balance ? Result.fail(new Overdrawn({ balance })) : [{ _tag: "Booked", amount: -amount }],
    Settle: ({ balance }, state) =>
      state.balance === balance ? [] : [{ _tag: "Booked", amount: balance - state.balance }],
    Close: (_, { isClosed }) => (isClosed ? [] : [{ _tag: "Closed" }])
  })

/** Where each read of a stream began, in the order of the reads. */
export class Reads extends Context.Service<Reads, Array<number>>()("test/Reads") {}

/** The memory stores, with an account of what is read. */
export const watched = Layer.effectContext(
  Effect.gen(function* () {
    const all = yield* Layer.build(MemoryEventStore.layer)
    const reads: Array<number> = []
    const store = Context.get(all, EventStore.EventStore)
    const readStream: typeof store.readStream = (stream, options) =>
      Stream.suspend(() => {
        reads.push(options?.from ?? 1)
        return store.readStream(stream, options)
      })
    return all.pipe(Context.add(EventStore.EventStore, { ...store, readStream }), Context.add(Reads, reads))
  })
)

/** Takes what was read so far. */
export const takeReads = Effect.map(Reads, (reads) => reads.splice(0))

/** An aggregate of its own: what another one has in memory it does not have. */
export const anAggregate = Aggregate.make({ decider: account })
export const uncached = Aggregate.make({ decider: account, cache: { entries: 0 } })

export const deposit = (amount: number) => ({ _tag: "Deposit", amount }) as const
export const withdraw = (amount: number) => ({ _tag: "Withdraw", amount }) as const
export const settle = (balance: number) => ({ _tag: "Settle", balance }) as const
