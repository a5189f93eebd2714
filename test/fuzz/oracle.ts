/**
 * What a stored row is to be read as, or why it cannot be: written by hand, without the library's codecs.
 */
import type { Event } from "eventfold"
import { evolve, initial, type State } from "./domain.ts"

/** A stored event, whatever has become of it. */
export interface Row {
  readonly type: string
  readonly schemaVersion: number
  readonly data: unknown
}

export type Verdict =
  | { readonly isValid: true; readonly fold: (state: State) => State }
  | {
      readonly isValid: false
      readonly reason: Event.DecodeReason
      /** Each place that is wrong. One with "…" stands for all that begin so. */
      readonly paths: ReadonlyArray<string>
    }

/** Recursion of any kind gets as deep as this. What nests much deeper than that cannot be read by a schema that does. */
const surelyShallow = 150

type Path = ReadonlyArray<string>
type Check = (value: unknown, path: Path, wrong: Array<string>) => void

const written = (path: Path): string =>
  path.map((key, i) => (/^\d+$/.test(key) ? `[${key}]` : i === 0 ? key : `.${key}`)).join("")

const that =
  (holds: (value: unknown) => boolean): Check =>
  (value, path, wrong) => {
    if (!holds(value)) wrong.push(written(path))
  }

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const text = that((value) => typeof value === "string")
const filled = that((value) => typeof value === "string" && value !== "")
const int = that(Number.isSafeInteger)
const finite = that(Number.isFinite)
const flag = that((value) => typeof value === "boolean")
const number = that((value) => Number.isFinite(value) || ["Infinity", "-Infinity", "NaN"].includes(value as string))
const date = that((value) => typeof value === "string" && !Number.isNaN(Date.parse(value)))
const oneOf = (...values: ReadonlyArray<unknown>) => that((value) => values.includes(value))

/** Whatever JSON text can say, but for numbers that no JavaScript number is. */
const json = that((value) => {
  const rest = [value]
  while (rest.length > 0) {
    const one = rest.pop()
    if (typeof one === "number" && !Number.isFinite(one)) return false
    if (typeof one === "object" && one !== null) for (const member of Object.values(one)) rest.push(member)
  }
  return true
})

const list =
  (item: Check): Check =>
  (value, path, wrong) => {
    if (!Array.isArray(value)) wrong.push(written(path))
    else for (const [i, member] of value.entries()) item(member, [...path, String(i)], wrong)
  }

const record =
  (item: Check): Check =>
  (value, path, wrong) => {
    if (!isRecord(value)) wrong.push(written(path))
    else for (const [key, member] of Object.entries(value)) item(member, [...path, key], wrong)
  }

/** Fields whose name ends in `?` may be missing. What is there beside them does not matter. */
const struct =
  (fields: { readonly [name: string]: Check }): Check =>
  (value, path, wrong) => {
    if (!isRecord(value)) return void wrong.push(written(path))
    for (const [field, check] of Object.entries(fields)) {
      const name = field.replace("?", "")
      if (Object.hasOwn(value, name)) check(value[name], [...path, name], wrong)
      else if (name === field) wrong.push(written([...path, name]))
    }
  }

const either =
  (...checks: ReadonlyArray<Check>): Check =>
  (value, path, wrong) => {
    const isOne = checks.some((check) => {
      const here: Array<string> = []
      check(value, path, here)
      return here.length === 0
    })
    if (!isOne) wrong.push(`${written(path)}…`)
  }

const line = struct({ sku: filled, quantity: int, labels: list(text) })
const channel = oneOf("web", "shop")

const tree: Check = (value, path, wrong) => {
  // Without recursion: it may be deeper than the stack is.
  const rest: Array<readonly [value: unknown, depth: number, path: Path]> = [[value, 0, path]]
  for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
    const [one, depth, path] = next
    // Then the schema runs out of stack before it comes to what is wrong.
    if (depth > surelyShallow) return void wrong.push("?")
    const here: Array<string> = []
    struct({ value: int, children: list(() => {}) })(one, path, here)
    wrong.push(...here)
    const children = isRecord(one) && Array.isArray(one["children"]) ? one["children"] : []
    for (const [i, child] of children.entries()) {
      rest.push([child, depth + 1, [...path, "children", String(i)]])
    }
  }
}

// oxlint-disable-next-line typescript/no-explicit-any -- data that has been checked
type Checked = any
type Fold = (state: State, data: Checked) => State

interface Version {
  readonly check: Check
  readonly fold: Fold
  /** What the way to today's shape refuses of data that was right once, and where. */
  readonly refuses?: (data: Checked) => ReadonlyArray<string>
}

const opened: ReadonlyArray<Version> = [
  {
    check: struct({ name: text }),
    refuses: ({ name }) => (name.startsWith("!") ? [""] : []),
    fold: (state, { name }) => evolve.Opened(state, { customer: name, vip: false })
  },
  {
    check: struct({ customer: text, channel }),
    fold: (state, { customer }) => evolve.Opened(state, { customer, vip: false })
  },
  { check: struct({ customer: text, channel, vip: flag }), fold: evolve.Opened }
]

const only = <A extends object>(value: A, keys: ReadonlyArray<keyof A>): Checked =>
  Object.fromEntries(keys.filter((key) => Object.hasOwn(value, key)).map((key) => [key, value[key]]))

const lineOf = (data: Checked) => only(data, ["sku", "quantity", "labels"])

const added: ReadonlyArray<Version> = [
  {
    check: struct({ sku: text, quantity: int }),
    refuses: ({ sku }) => (sku === "" ? ["line.sku"] : []),
    fold: (state, { quantity, sku }) => evolve.Added(state, { line: { sku, quantity, labels: [] } })
  },
  { check: struct({ line }), fold: (state, { line }) => evolve.Added(state, { line: lineOf(line) }) }
]

const paid: ReadonlyArray<Version> = [
  {
    check: struct({
      method: either(struct({ kind: oneOf("card"), digits: text }), struct({ kind: oneOf("cash") })),
      amount: number,
      "note?": text
    }),
    fold: (state, { amount, ...rest }) => evolve.Paid(state, { ...rest, amount: Number(amount) })
  }
]

const stored: { readonly [type: string]: ReadonlyArray<Version> } = {
  Opened: opened,
  Added: added,
  Paid: paid,
  Payed: paid,
  Noted: [
    { check: struct({ note: either(text, oneOf(null)), "extra?": json, scores: record(finite) }), fold: evolve.Noted }
  ],
  Shipped: [
    {
      check: struct({ at: date, parcels: list(struct({ id: text, weight: finite })) }),
      fold: (state, { at, parcels }) => evolve.Shipped(state, { _tag: "Shipped", at: new Date(at), parcels })
    }
  ],
  Grown: [{ check: struct({ tree }), fold: evolve.Grown }],
  Merged: [
    {
      check: struct({ items: list(text), quantity: int }),
      refuses: ({ items }) => (items.includes("") ? ["line.sku"] : []),
      fold: (state, { items, quantity }) =>
        items.reduce(
          (state: State, sku: string) => evolve.Added(state, { line: { sku, quantity, labels: ["merged"] } }),
          state
        )
    }
  ]
}

/** Judges a row. */
export const judge = ({ data, schemaVersion, type }: Row): Verdict => {
  if (type === "Heartbeat") return { isValid: true, fold: (state) => state }
  if (!Object.hasOwn(stored, type)) return { isValid: false, reason: "UnknownType", paths: [""] }
  const version = stored[type]![schemaVersion - 1]
  if (version === undefined) return { isValid: false, reason: "UnknownVersion", paths: [""] }
  const paths: Array<string> = []
  version.check(data, [], paths)
  if (paths.length > 0) return { isValid: false, reason: "InvalidData", paths }
  const refused = version.refuses?.(data) ?? []
  return refused.length > 0
    ? { isValid: false, reason: "UpcastFailed", paths: refused }
    : { isValid: true, fold: (state) => version.fold(state, data) }
}

/** Whether a path is one of those that a verdict names. */
export const isPlausible = (path: string, paths: ReadonlyArray<string>): boolean =>
  paths.some((one) => one === "?" || (one.endsWith("…") ? path.startsWith(one.slice(0, -1)) : path === one))

/** The state that rows lead to, and the first of them that cannot be read. */
export const foldRows = <R extends Row>(
  rows: ReadonlyArray<R>,
  from: State = initial
): { readonly state: State; readonly invalid: R | undefined; readonly verdict: Verdict | undefined } => {
  let state = from
  for (const row of rows) {
    const verdict = judge(row)
    if (!verdict.isValid) return { state, invalid: row, verdict }
    state = verdict.fold(state)
  }
  return { state, invalid: undefined, verdict: undefined }
}
