// @effect-diagnostics floatingEffect:off missingLayerContext:off missingEffectError:off
/**
 * What the types of projections hold. Compiled by `npm run check`; each refusal has its positive twin above it.
 */
import { Context, DateTime, Effect, type Layer, type Option, Schema, type Stream } from "effect"
import {
  Event,
  type EventStore,
  type ProcessStore,
  Projection,
  type ProjectionStore,
  type SnapshotStore,
  StreamName,
  View
} from "eventfold"
import { MemoryEventStore } from "eventfold/memory"
import { AccountEvent, holds, type Same } from "./domain.ts"

type Stores = EventStore.EventStore | ProjectionStore.ProjectionStore
type InMemory = Stores | ProcessStore.ProcessStore | SnapshotStore.SnapshotStore

const Balance = Schema.Struct({ owner: Schema.String, amount: Schema.Int, since: Schema.DateTimeUtcFromString })
type Balance = typeof Balance.Type

const balances = View.keyed({
  name: "balances",
  events: AccountEvent,
  key: (_, { stream }) => StreamName.id(stream),
  model: Balance,
  initial: { owner: "", amount: 0, since: DateTime.makeUnsafe(0) }
}).evolve({
  AccountOpened: (balance, { owner }, { recordedAt }) => ({ ...balance, owner, since: recordedAt }),
  Deposited: (balance, { amount }) => ({ ...balance, amount: balance.amount + amount }),
  Withdrawn: () => View.gone
})
const total = View.make({
  name: "total",
  events: Event.pick(AccountEvent, ["Deposited"]),
  model: Schema.Int,
  initial: 0
}).evolve({ Deposited: (sum, { amount }) => sum + amount })

// What it is read as follows from the view.
class Balances extends Projection.Service<Balances>()(
  "bank/Balances",
  Projection.make({ version: 1, view: balances })
) {}
class Total extends Projection.Service<Total>()("bank/Total", Projection.make({ version: 1, view: total })) {}
declare const keyed: Balances["Service"]
declare const whole: Total["Service"]
holds<Same<Effect.Success<ReturnType<typeof keyed.get>>, Option.Option<Balance>>>()
holds<Same<Effect.Success<typeof whole.get>, number>>()
holds<
  Same<
    ReturnType<typeof keyed.query>,
    Stream.Stream<readonly [string, Balance], EventStore.StoreError | Projection.DocumentDecodeError>
  >
>()
// @ts-expect-error a whole view has no keys
whole.getMany(["ada"])
// @ts-expect-error a keyed view has no one model
holds<Same<Effect.Success<typeof keyed.get>, Balance>>()

// It is searched by the fields of its model.
export const queries = [
  keyed.query({ where: { owner: "Ada" } }),
  keyed.query({ where: { amount: 1, since: DateTime.makeUnsafe(0) }, after: "ada", limit: 10 })
]
// @ts-expect-error no field of the model
keyed.query({ where: { name: "Ada" } })
// @ts-expect-error not of the field's type
keyed.query({ where: { amount: "1" } })
// @ts-expect-error the JSON of a field is not the field
keyed.query({ where: { since: "2026-01-01T00:00:00Z" } })
export const points = [keyed.at({ position: 1 }), whole.at({ instant: DateTime.makeUnsafe(0) })]
// @ts-expect-error a point says what it is
keyed.at(1)
// @ts-expect-error a view has no version
keyed.at({ version: 1 })
// @ts-expect-error a point is one thing
keyed.at({ position: 1, instant: DateTime.makeUnsafe(0) })
type Compared<T extends (...args: never) => unknown> = Effect.Success<ReturnType<T>>
holds<Same<Compared<typeof keyed.compare>, Projection.DocumentsComparison<Balance, typeof AccountEvent.Type>>>()
holds<Same<Compared<typeof whole.compare>["events"][number]["event"]["_tag"], "Deposited">>()

// Its layer needs the stores, and what its handler needs; one that only reads does not.
class Mailer extends Context.Service<Mailer, { readonly send: (to: string) => Effect.Effect<void> }>()("test/Mailer") {}
class Refused extends Schema.TaggedError<Refused>("test/Refused")("Refused", {}) {}
const mails = Projection.handler({
  name: "mails",
  version: 1,
  events: AccountEvent,
  tables: { sent: "(id uuid PRIMARY KEY)", queue: "(id uuid)" },
  key: (event) => (event._tag === "AccountOpened" ? event.owner : ""),
  handle: (batch, { phase, table }) =>
    Effect.gen(function* () {
      const { send } = yield* Mailer
      if (phase === "rebuild") return
      for (const { event } of batch) if (event._tag === "AccountOpened") yield* send(`${event.owner} ${table("sent")}`)
      return yield* new Refused()
    })
})
class Mails extends Projection.Service<Mails>()("bank/Mails", mails) {}
declare const tables: Mails["Service"]
holds<Same<typeof Balances.layer, Layer.Layer<Balances, EventStore.StoreError, Stores>>>()
holds<Same<typeof Mails.layer, Layer.Layer<Mails, EventStore.StoreError, Stores | Mailer>>>()
holds<Same<typeof Mails.layerReader, Layer.Layer<Mails, never, Stores>>>()
export const names = [tables.table("sent"), tables.table("queue")]
// @ts-expect-error a table that is not declared
tables.table("received")
Projection.handler({
  name: "x",
  version: 1,
  events: AccountEvent,
  tables: { sent: "(id uuid)" },
  // @ts-expect-error a table that is not declared
  handle: (_, { table }) => Effect.succeed(table("received"))
})
Projection.handler({
  name: "x",
  version: 1,
  events: AccountEvent,
  // @ts-expect-error there are no tables
  handle: (_, { table }) => Effect.succeed(table("sent"))
})
Projection.handler({
  name: "x",
  version: 1,
  events: AccountEvent,
  // @ts-expect-error neither "live" nor "rebuild"
  handle: (_, { phase }) => Effect.succeed(phase === "x")
})

Projection.handler({
  name: "x",
  version: 1,
  events: AccountEvent,
  // A batch has a first event.
  handle: ([first]) => Effect.succeed(first.event._tag)
})

// Inline projections are kept by a store; others are not.
const inline = Projection.make({ version: 1, view: balances, mode: "inline" })
const counting = Projection.handler({
  name: "counting",
  version: 1,
  events: AccountEvent,
  mode: "inline",
  handle: () => Mailer
})
const kept = Projection.withInline(MemoryEventStore.layer, [inline, counting])
holds<Same<typeof kept, Layer.Layer<InMemory, EventStore.StoreError, Mailer>>>()
const alone = Projection.withInline(MemoryEventStore.layer, [inline])
holds<Same<typeof alone, Layer.Layer<InMemory, EventStore.StoreError>>>()
// @ts-expect-error not an inline one
Projection.withInline(MemoryEventStore.layer, [Projection.make({ version: 1, view: total })])
// @ts-expect-error not an inline one
Projection.withInline(MemoryEventStore.layer, [mails])

// @ts-expect-error a version has to be given
Projection.make({ view: balances })
// @ts-expect-error neither "async" nor "inline"
Projection.make({ version: 1, view: balances, mode: "sync" })
// @ts-expect-error neither "stop" nor "park"
Projection.make({ version: 1, view: balances, onFailure: "skip" })
