/**
 * What can become of stored data: from a seed, and told in a form that a failing test can print.
 */

/** A source of numbers that is a function of its seed: mulberry32. */
export class Random {
  #state: number
  constructor(seed: number) {
    this.#state = seed | 0
  }
  /** From 0 up to, and without, `below`. */
  int(below: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below)
  }
  pick<A>(all: ReadonlyArray<A>): A {
    return all[this.int(all.length)]!
  }
}

/** Data, and what was done to it. */
export interface Mutated {
  readonly data: unknown
  readonly did: string
}

const numbers = [0, -0, -1, 1.5, Infinity, -Infinity, 2 ** 31, 2 ** 53, 2 ** 60, -(2 ** 60), 1e21, Number.MIN_VALUE]
const texts = [
  "",
  " ",
  "1",
  "NaN",
  "-Infinity",
  "null",
  "infinity",
  "2026-02-30",
  "ß\u0130\u200b",
  "\ud83e\udd8a\u202e",
  "\uffff",
  "a".repeat(3000)
]
const odd = [
  ...numbers,
  ...texts,
  null,
  true,
  false,
  [],
  {},
  [null],
  [[]],
  { _tag: "Opened" },
  { length: 1 },
  { value: 1, children: [] }
]
const keys = [
  "__proto__",
  "constructor",
  "_tag",
  "toJSON",
  "",
  "0",
  "length",
  "note",
  "extra",
  "key",
  "value",
  "é\u0301"
]
const depths = [10, 100, 500, 1000, 3000]
const abyss = [10_000, 100_000]

/** Nests a value so many times. */
export const nested = (value: unknown, depth: number, wrap: (inner: unknown) => unknown): unknown => {
  let all = value
  for (let i = 0; i < depth; i++) all = wrap(all)
  return all
}

const wraps: ReadonlyArray<(inner: unknown) => unknown> = [
  (inner) => [inner],
  (inner) => ({ a: inner }),
  (inner) => ({ value: 1, children: [inner] })
]

type Parent = Record<string, unknown> | Array<unknown>

/** Every place that has a value: who holds it, and under which key. */
const placesOf = (data: unknown) => {
  const places: Array<{ readonly parent: Parent; readonly key: string; readonly path: string }> = []
  const look = (parent: unknown, path: string) => {
    if (typeof parent !== "object" || parent === null) return
    for (const key of Object.keys(parent)) {
      if (key === "__proto__") continue
      const of = parent as Record<string, unknown>
      places.push({ parent: of, key, path: `${path}/${key}` })
      look(of[key], `${path}/${key}`)
    }
  }
  look(data, "")
  return places
}

const set = (parent: Parent, key: string, value: unknown): void =>
  void Object.defineProperty(parent, key, { value, enumerable: true, configurable: true, writable: true })

const remove = ({ key, parent }: { readonly parent: Parent; readonly key: string }): void => {
  if (Array.isArray(parent)) parent.splice(Number(key), 1)
  else delete parent[key]
}

export const short = (value: unknown): string => {
  try {
    return (typeof value === "number" ? String(value) : (JSON.stringify(value) ?? String(value))).slice(0, 100)
  } catch {
    return "something very deep"
  }
}

const truncated = (random: Random, value: unknown): unknown => {
  if (typeof value === "string") return value.slice(0, random.int(value.length + 1))
  if (Array.isArray(value)) return value.slice(0, random.int(value.length + 1))
  return typeof value === "number" ? Math.trunc(value / 10) : null
}

/** Changes data in one place. `deepest` is how deep its medium can hold it. */
export const mutateData = (random: Random, from: unknown, deepest: number): Mutated => {
  const all = { data: structuredClone(from) }
  const places = placesOf(all)
  const place = random.pick(places)
  const { key, parent, path } = place
  const value = (parent as Record<string, unknown>)[key]
  const other = random.pick(places)
  const told = (did: string): Mutated => ({ data: all.data, did })
  switch (random.int(8)) {
    case 0:
    case 1: {
      const next = random.pick(odd)
      set(parent, key, structuredClone(next))
      return told(`${path} is ${short(next)}`)
    }
    case 2:
      if (path === "/data") break
      remove(place)
      return told(`${path} is missing`)
    case 3: {
      const holders = places.map((one) => (one.parent as Record<string, unknown>)[one.key])
      const holder = random.pick(holders.filter((one) => typeof one === "object" && one !== null))
      const [name, next] = [random.pick(keys), random.pick(odd)]
      if (holder === undefined) break
      if (Array.isArray(holder)) holder.push(structuredClone(next))
      else set(holder as Record<string, unknown>, name, structuredClone(next))
      return told(`somewhere there is ${short(next)} besides, as ${JSON.stringify(name)}`)
    }
    case 4: {
      if (path.startsWith(other.path) || other.path.startsWith(path)) break
      set(parent, key, (other.parent as Record<string, unknown>)[other.key])
      set(other.parent, other.key, value)
      return told(`${path} and ${other.path} are swapped`)
    }
    case 5: {
      const next = truncated(random, value)
      set(parent, key, next)
      return told(`${path} is cut to ${short(next)}`)
    }
    case 6: {
      const depth = random.pick([...depths, ...(random.int(8) === 0 ? abyss : [])].filter((one) => one <= deepest))
      const wrap = random.int(wraps.length)
      // What is deep where anything may be, and where only a tree may be.
      const inside =
        typeof all.data === "object" && all.data !== null && !Array.isArray(all.data) ? all.data : undefined
      if (inside !== undefined && "scores" in inside && random.int(2) === 0) {
        set(inside as Record<string, unknown>, "extra", nested(null, depth, wraps[wrap]!))
        return told(`/data/extra is ${depth} levels deep (${wrap})`)
      }
      if (inside !== undefined && "tree" in inside && random.int(2) === 0) {
        const levels = deepest < 100_000 ? 50 : random.pick([10, 50, 100_000])
        inside.tree = nested({ value: 0, children: [] }, levels, wraps[2]!)
        return told(`/data/tree has ${levels} levels`)
      }
      // Not as a tree, where a tree may be.
      set(parent, key, nested(value, depth, wraps[wrap % 2]!))
      return told(`${path} is ${depth} levels deep (${wrap % 2})`)
    }
    case 7:
      if (typeof value !== "number") break
      set(parent, key, random.pick(numbers))
      return told(`${path} is another number`)
  }
  const next = random.pick(odd)
  all.data = structuredClone(next)
  return told(`the data is ${short(next)}`)
}

/** What is no number of a version, and what is one elsewhere. */
export const badVersions = [0, -1, 7, 2 ** 31 - 1, -(2 ** 31)]

export const otherTypes = [
  "Opened",
  "Added",
  "Paid",
  "Payed",
  "Noted",
  "Merged",
  "Heartbeat",
  "opened",
  "",
  "__proto__",
  "constructor",
  "Noted\u200b",
  "\u202eNoted",
  "😱".repeat(500)
]

/** JSON that is no metadata, or odd metadata. */
export const otherMetadata: ReadonlyArray<unknown> = [
  null,
  3,
  "x",
  [],
  [{ correlationId: 1 }],
  true,
  { correlationId: 42, causationId: null, actor: [] },
  { __proto__: 1 },
  { commandId: { a: 1 } }
]

/** JSON as text, however deep it is, also of numbers that no JavaScript number is. */
export const jsonText = (value: unknown): string => {
  let text = ""
  const rest: Array<{ readonly text: string } | { readonly value: unknown }> = [{ value }]
  for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
    if ("text" in next) text += next.text
    else if (typeof next.value === "number" && !Number.isFinite(next.value)) text += next.value > 0 ? "1e400" : "-1e400"
    else if (Object.is(next.value, -0)) text += "-0"
    else if (typeof next.value !== "object" || next.value === null) text += JSON.stringify(next.value)
    else {
      const isList = Array.isArray(next.value)
      const members = Object.entries(next.value).flatMap(([key, member], i) => [
        { text: `${i === 0 ? "" : ","}${isList ? "" : `${JSON.stringify(key)}:`}` },
        { value: member }
      ])
      text += isList ? "[" : "{"
      rest.push({ text: isList ? "]" : "}" }, ...members.toReversed())
    }
  }
  return text
}

/** Whether two values are the same, however deep they are. */
export const isSame = (a: unknown, b: unknown): boolean => {
  const rest: Array<readonly [unknown, unknown]> = [[a, b]]
  for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
    const [one, other] = next
    if (one === other || (Number.isNaN(one) && Number.isNaN(other))) continue
    if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) return false
    if (Array.isArray(one) !== Array.isArray(other)) return false
    const keysOf = Object.keys(one)
    if (keysOf.length !== Object.keys(other).length) return false
    for (const key of keysOf) {
      if (!Object.hasOwn(other, key)) return false
      rest.push([(one as Record<string, unknown>)[key], (other as Record<string, unknown>)[key]])
    }
  }
  return true
}
