/**
 * Handlers that are right compile, whatever their events and states are made of: the sentences of `rightHandlers.ts` are for those that are wrong.
 */
import { Array, type DateTime, HashMap, Option, Result, Schema } from "effect"
import { Decider, Event } from "eventfold"
import { holds, type Same } from "./domain.ts"
class Money extends Schema.Class<Money>("Money")({ cents: Schema.Int, currency: Schema.String }) {
  get euros() {
    return this.cents / 100
  }
}
const E = Event.define({
  Paid: {
    amount: Money,
    lines: Schema.Array(Schema.Struct({ sku: Schema.String, count: Schema.optionalKey(Schema.Int) }))
  },
  Noted: {
    kind: Schema.Union([Schema.Literal("a"), Schema.Literal("b")]),
    by: Schema.optional(Schema.String),
    at: Schema.DateTimeUtc
  },
  Done: {}
})
type Ev = typeof E.Type
const helper = (n: number): ReadonlyArray<Ev> => (n > 0 ? [{ _tag: "Done" }] : [])
const one = (kind: "a" | "b", at: DateTime.Utc): Ev => ({ _tag: "Noted", kind, at })
const State = Schema.Struct({
  pair: Schema.Tuple([Schema.Int, Schema.String]),
  total: Schema.Option(Money),
  map: Schema.Record(Schema.String, Schema.Int),
  last: Schema.optionalKey(Schema.String)
})
type S = typeof State.Type
const empty: S = { pair: [0, ""], total: Option.none(), map: {} }
export const d = Decider.make({
  name: "x",
  state: State,
  initial: empty,
  events: E,
  commands: Schema.TaggedUnion({ A: { n: Schema.Int }, B: {}, C: { kind: Schema.Literals(["a", "b"]) }, D: {} })
})
  .evolve({
    Paid: (s, { amount, lines }) => ({
      ...s,
      pair: [lines.length, "x"],
      total: Option.some(amount),
      map: { ...s.map, [amount.currency]: 1 }
    }),
    Noted: (s, { by }) => (by === undefined ? s : { ...s, last: by }),
    Done: () => empty
  })
  .decide({
    A: ({ n }, _, { now }) => {
      if (n === 0) return []
      if (n === 1) return helper(n)
      if (n === 2) return Result.fail({ _tag: "Bad" as const, n })
      if (n === 3) return [...helper(n), { _tag: "Done" }, one("a", now)]
      const events: Array<Ev> = []
      events.push({ _tag: "Done" })
      return n === 4 ? Result.succeed(events) : events
    },
    B: (_, s, { now }) => [
      { _tag: "Paid", amount: new Money({ cents: 1, currency: "EUR" }), lines: [{ sku: "a" }, { sku: "b", count: 2 }] },
      ...(s.last === undefined ? [] : [{ _tag: "Noted" as const, kind: "b" as const, by: s.last, at: now }]),
      { _tag: "Done" }
    ],
    C: ({ kind }, s, { now }) => [{ _tag: "Noted", kind, by: Option.isSome(s.total) ? "x" : undefined, at: now }],
    D: () => Result.succeed([{ _tag: "Done" }])
  })
export const arr = Decider.make({
  name: "y",
  state: Schema.Tuple([Schema.Int, Schema.Int]),
  initial: [0, 0],
  events: Event.define({ Up: {} }),
  commands: Schema.TaggedUnion({ Up: {} })
})
  .evolve({ Up: ([a, b]) => [a + 1, b] })
  .decide({ Up: () => [{ _tag: "Up" }] })
export const cls = Decider.make({
  name: "z",
  state: Money,
  initial: new Money({ cents: 0, currency: "E" }),
  events: Event.define({ Up: {} }),
  commands: Schema.TaggedUnion({ Up: {} })
})
  .evolve({ Up: (m) => new Money({ cents: m.cents + 1, currency: m.currency }) })
  .decide({ Up: () => [{ _tag: "Up" }] })
export const arr2 = Decider.make({
  name: "w",
  state: Schema.Array(Schema.Struct({ a: Schema.Int })),
  initial: [],
  events: Event.define({ Up: { a: Schema.Int } }),
  commands: Schema.TaggedUnion({ Up: { a: Schema.Int } })
})
  .evolve({ Up: (all, { a }) => (a > 1 ? [{ a }] : [...all, { a }]) })
  .decide({
    Up: ({ a }) =>
      a > 0
        ? [
            { _tag: "Up", a },
            { _tag: "Up", a: 2 }
          ]
        : []
  })

// Generic in its state.
export const latest = <S>(state: Schema.Codec<S, unknown>, initial: S) =>
  Decider.make({
    name: "latest",
    state,
    initial: initial as never,
    commands: Schema.TaggedUnion({ Touch: {} }),
    events: Event.define({ Touched: {} })
  })
    .evolve({ Touched: (s) => s })
    .decide({ Touch: () => [{ _tag: "Touched" }] })

// States that are no plain objects.
class Model extends Schema.Class<Model>("Model")({ n: Schema.Int }) {
  get twice() {
    return this.n * 2
  }
  add(m: number) {
    return new Model({ n: this.n + m })
  }
}
const ev = Event.define({ Added: { n: Schema.Int }, Removed: {} })
const cm = Schema.TaggedUnion({ Add: { n: Schema.Int } })
Decider.make({ name: "a", state: Model, initial: new Model({ n: 0 }), commands: cm, events: ev }).evolve({
  Added: (m, { n }) => m.add(n),
  Removed: () => new Model({ n: 0 })
})
Decider.make({ name: "a", state: Schema.Array(Schema.String), initial: [], commands: cm, events: ev }).evolve({
  Added: (m, { n }) => [...m, String(n)],
  Removed: () => []
})
Decider.make({
  name: "a",
  state: Schema.Record(Schema.String, Schema.Int),
  initial: {},
  commands: cm,
  events: ev
}).evolve({ Added: (m, { n }) => ({ ...m, a: n }), Removed: () => ({}) })
Decider.make({
  name: "a",
  state: Schema.HashMap(Schema.String, Schema.Int),
  initial: HashMap.empty(),
  commands: cm,
  events: ev
}).evolve({ Added: (m, { n }) => HashMap.set(m, "a", n), Removed: () => HashMap.empty() })
Decider.make({
  name: "a",
  state: Schema.ReadonlyMap(Schema.String, Schema.Int),
  initial: new Map(),
  commands: cm,
  events: ev
}).evolve({ Added: (m, { n }) => new Map([...m, ["a", n]]), Removed: () => new Map() })
Decider.make({ name: "a", state: Schema.Option(Schema.Int), initial: null as never, commands: cm, events: ev })
  .evolve({ Added: (m) => m, Removed: (m) => m })
  .decide({
    Add: ({ n }) =>
      Result.gen(function* () {
        yield* Result.succeed(1)
        return [{ _tag: "Added" as const, n }]
      })
  })
const written = (n: number): ReadonlyArray<typeof ev.Type> => [{ _tag: "Added", n }]
Decider.make({ name: "a", state: Schema.Int, initial: 0, commands: cm, events: ev })
  .evolve({ Added: (m) => m, Removed: (m) => m })
  .decide({ Add: ({ n }) => (n > 1 ? written(n) : Result.succeed(written(n))) })

// Lists that are known to be of some length.
const lists = Decider.make({ name: "a", state: Schema.Array(Schema.Int), initial: [], commands: cm, events: ev })
lists.evolve({ Added: (m, { n }) => Array.append(m, n), Removed: () => [1, 2] as const })
Decider.make({ name: "a", state: Schema.NonEmptyArray(Schema.Int), initial: [0], commands: cm, events: ev }).evolve({
  Added: (m, { n }) => [n, ...m],
  Removed: () => [0, 0]
})
Decider.make({
  name: "a",
  state: Schema.TupleWithRest(Schema.Tuple([Schema.String]), [Schema.Int]),
  initial: ["a"],
  commands: cm,
  events: ev
}).evolve({
  Added: ([name, ...counts], { n }) => (n > 1 ? [name, ...counts, n] : [name, n, n]),
  Removed: ([name]) => [name]
})

// Generic in what a state is made of, and in what an event holds.
export const shelf = <T>(item: Schema.Codec<T, unknown>) =>
  Decider.make({
    name: "shelf",
    state: Schema.Struct({ items: Schema.Array(item), last: Schema.NullOr(item) }),
    initial: { items: [], last: null },
    commands: Schema.TaggedUnion({ Put: { item: Schema.Int }, Clear: {} }),
    events: Event.define({ Put: { item }, Cleared: { count: Schema.Int } })
  })
    .evolve({
      Put: ({ items }, { item }) => ({ items: [...items, item], last: item }),
      Cleared: (s) => ({ ...s, items: s.items.slice(1) })
    })
    .decide({
      Put: ({ item }, { items }) => items.slice(0, item).map((again) => ({ _tag: "Put" as const, item: again })),
      Clear: (_, { items, last }) =>
        last === null
          ? []
          : [
              { _tag: "Put", item: last },
              { _tag: "Cleared", count: items.length }
            ]
    })
export const list = <T>(item: Schema.Codec<T, unknown>) =>
  Decider.make({
    name: "list",
    state: Schema.Array(item),
    initial: [],
    commands: Schema.TaggedUnion({ Put: {} }),
    events: Event.define({ Put: { item } })
  })
    .evolve({ Put: (items, { item }) => [...items, item] })
    .decide({ Put: (_, [item]) => (item === undefined ? [] : [{ _tag: "Put", item }]) })
export const last = <T>(item: Schema.Codec<T, unknown>) =>
  Decider.make({
    name: "last",
    state: Schema.NullOr(item),
    initial: null,
    commands: Schema.TaggedUnion({ Put: {} }),
    events: Event.define({ Put: { item }, Taken: {} })
  })
    .evolve({ Put: (_, { item }) => item, Taken: () => null })
    .decide({ Put: () => [{ _tag: "Taken" }] })

// A field that need not be there, also beside events that have it; and one of two tags with the fields of both.
const noted = Decider.make({
  name: "a",
  state: Schema.Int,
  initial: 0,
  commands: cm,
  events: Event.define({ A: { n: Schema.Int, note: Schema.optionalKey(Schema.String) }, B: { n: Schema.Int }, C: {} })
}).evolve({ A: (m) => m, B: (m) => m, C: (m) => m })
noted.decide({
  Add: ({ n }) => [
    { _tag: "A", n },
    { _tag: "A", n, note: "first" },
    { _tag: n > 1 ? "A" : "B", n }
  ]
})
noted.decide({ Add: ({ n }) => [{ _tag: "A", n, ...(n > 1 ? { note: "many" } : {}) }, { _tag: "C" }] })

// What a command is rejected with is told apart by its tag, written as it comes; and what always succeeds is never rejected.
type Refused<D extends Decider.Any> = Decider.Rejection<D, "Add">
const plain = noted.decide({
  Add: ({ n }) => {
    if (n > 2) return Result.fail({ _tag: "TooMany", n })
    return n > 1 ? Result.fail({ _tag: "Odd" }) : Result.succeed([{ _tag: "C" }])
  }
})
holds<Same<Refused<typeof plain>["_tag"], "TooMany" | "Odd">>()
const sure = noted.decide({ Add: ({ n }) => (n > 1 ? Result.succeed([{ _tag: "C" }]) : []) })
holds<Same<Refused<typeof sure>, never>>()
const always = noted.decide({ Add: () => Result.succeed([{ _tag: "C" }]) })
holds<Same<Refused<typeof always>, never>>()
