/**
 * A domain with some of everything that stored data can be: versions with steps, a step that throws, a renamed, a retired and an ignored
 * type, structs in lists in structs, fields that may be missing, unions, numbers, dates, literals, and data that nests as deep as it likes.
 */
import { Schema } from "effect"
import { Decider, Event } from "eventfold"

const Line = Schema.Struct({ sku: Schema.NonEmptyString, quantity: Schema.Int, labels: Schema.Array(Schema.String) })

interface Tree {
  readonly value: number
  readonly children: ReadonlyArray<Tree>
}
const Tree = Schema.Struct({
  value: Schema.Int,
  children: Schema.Array(Schema.suspend((): Schema.Codec<Tree> => Tree))
})

export const OrderEvent = Event.define({
  Opened: Event.version({ name: Schema.String })
    .next({ customer: Schema.String, channel: Schema.Literals(["web", "shop"]) }, ({ name }) => {
      if (name.startsWith("!")) throw new Error(`${name} was never a customer`)
      return { customer: name, channel: "web" as const }
    })
    .next({ customer: Schema.String, channel: Schema.Literals(["web", "shop"]), vip: Schema.Boolean }, (v2) => ({
      ...v2,
      vip: false
    })),
  Added: Event.version({ sku: Schema.String, quantity: Schema.Int }).next({ line: Line }, ({ quantity, sku }) => ({
    // What was an empty text once is refused today.
    line: { sku, quantity, labels: [] }
  })),
  Paid: {
    method: Schema.Union([
      Schema.Struct({ kind: Schema.Literal("card"), digits: Schema.String }),
      Schema.Struct({ kind: Schema.Literal("cash") })
    ]),
    // @effect-diagnostics-next-line schemaNumber:off
    amount: Schema.Number,
    note: Schema.optionalKey(Schema.String)
  },
  Noted: {
    note: Schema.NullOr(Schema.String),
    extra: Schema.optionalKey(Schema.Json),
    scores: Schema.Record(Schema.String, Schema.Finite)
  },
  Shipped: { at: Schema.Date, parcels: Schema.Array(Schema.Struct({ id: Schema.String, weight: Schema.Finite })) },
  Grown: { tree: Tree }
})
  .renamed({ Paid: "Payed" })
  .retired("Merged", Event.version({ items: Schema.Array(Schema.String), quantity: Schema.Int }), (merged) =>
    merged.items.map((sku) => ({ _tag: "Added", line: { sku, quantity: merged.quantity, labels: ["merged"] } }))
  )
  .ignoring(["Heartbeat"])
export type OrderEvent = typeof OrderEvent.Type

const State = Schema.Struct({
  customer: Schema.String,
  vip: Schema.Boolean,
  lines: Schema.Array(Line),
  paid: Schema.Array(Schema.Unknown),
  notes: Schema.Array(Schema.NullOr(Schema.String)),
  scores: Schema.Record(Schema.String, Schema.Finite),
  extra: Schema.Json,
  shipped: Schema.Array(Schema.String),
  /** The values of trees, from the root to the first leaf. */
  trees: Schema.Array(Schema.Array(Schema.Int))
})
export type State = typeof State.Type

export const initial: State = {
  customer: "",
  vip: false,
  lines: [],
  paid: [],
  notes: [],
  scores: {},
  extra: null,
  shipped: [],
  trees: []
}

const trunk = (tree: Tree): ReadonlyArray<number> => {
  const values = []
  for (let at: Tree | undefined = tree; at !== undefined; at = at.children[0]) values.push(at.value)
  return values
}

/** Numbers that are none in JSON, as texts. */
const plain = (amount: number): unknown => (Number.isFinite(amount) ? amount : String(amount))

export const evolve = {
  Opened: (state: State, { customer, vip }: { readonly customer: string; readonly vip: boolean }): State => ({
    ...state,
    customer,
    vip
  }),
  Added: (state: State, { line }: { readonly line: typeof Line.Type }): State => ({
    ...state,
    lines: [...state.lines, line]
  }),
  Paid: (state: State, { amount, method, note }: Event.Case<OrderEvent, "Paid">): State => ({
    ...state,
    paid: [...state.paid, [method.kind === "card" ? method.digits : null, plain(amount), note ?? null]]
  }),
  Noted: (state: State, { extra, note, scores }: Event.Case<OrderEvent, "Noted">): State => ({
    ...state,
    notes: [...state.notes, note],
    scores,
    extra: extra ?? null
  }),
  Shipped: (state: State, { at, parcels }: Event.Case<OrderEvent, "Shipped">): State => ({
    ...state,
    shipped: [...state.shipped, at.toISOString(), ...parcels.map(({ id, weight }) => `${id}: ${weight}`)]
  }),
  Grown: (state: State, { tree }: { readonly tree: Tree }): State => ({
    ...state,
    trees: [...state.trees, trunk(tree)]
  })
}

export const order = Decider.make({
  name: "order",
  state: State,
  initial,
  commands: Schema.TaggedUnion({
    Note: { note: Schema.String },
    /** Nothing to do. */
    Look: {}
  }),
  events: OrderEvent
})
  .evolve(evolve)
  .decide({
    Note: ({ note }) => [{ _tag: "Noted", note, scores: {} }],
    Look: () => []
  })

/** What an event of each type and version may look like in the store. */
export const samples: ReadonlyArray<{ readonly type: string; readonly schemaVersion: number; readonly data: unknown }> =
  [
    { type: "Opened", schemaVersion: 1, data: { name: "Ada" } },
    { type: "Opened", schemaVersion: 2, data: { customer: "Béla 🦊", channel: "shop" } },
    { type: "Opened", schemaVersion: 3, data: { customer: "Cy", channel: "web", vip: true } },
    { type: "Added", schemaVersion: 1, data: { sku: "nut", quantity: 3 } },
    { type: "Added", schemaVersion: 2, data: { line: { sku: "bolt", quantity: 1, labels: ["m8", "zinc"] } } },
    { type: "Paid", schemaVersion: 1, data: { method: { kind: "card", digits: "4711" }, amount: 12.5, note: "ok" } },
    { type: "Payed", schemaVersion: 1, data: { method: { kind: "cash" }, amount: "NaN" } },
    {
      type: "Noted",
      schemaVersion: 1,
      data: { note: null, extra: { a: [1, { b: "c" }] }, scores: { x: 1, "2": 0.5 } }
    },
    { type: "Noted", schemaVersion: 1, data: { note: "n", scores: {} } },
    {
      type: "Shipped",
      schemaVersion: 1,
      data: {
        at: "2026-01-02T03:04:05.678Z",
        parcels: [
          { id: "p", weight: 2 },
          { id: "q", weight: 0.25 }
        ]
      }
    },
    {
      type: "Grown",
      schemaVersion: 1,
      data: {
        tree: {
          value: 1,
          children: [
            { value: 2, children: [] },
            { value: 3, children: [] }
          ]
        }
      }
    },
    { type: "Merged", schemaVersion: 1, data: { items: ["nut", "bolt"], quantity: 2 } },
    { type: "Merged", schemaVersion: 1, data: { items: [], quantity: 2 } },
    { type: "Heartbeat", schemaVersion: 9, data: [null] }
  ]
