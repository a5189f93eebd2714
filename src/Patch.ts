/**
 * A patch: what has to change for one JSON value to become another, as a list that people can read and programs can apply.
 *
 * It is what a comparison of two points in time gives, and a pure function of two values: {@link between} makes it, {@link apply} makes
 * the second value of the first, {@link format} writes it as text.
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { align, pairUp } from "./internal/kernel/align.ts"

/**
 * One change. A path is written `items[0].price`, and a key that is no name in quotes: `rates["2026-03-03"]`. It is empty for the value
 * as a whole.
 *
 * A path says where something is after the changes before it in the patch. What is removed from an array is removed first and from the back,
 * so its path is where it was; every other path is where things are in the end.
 */
export type Change =
  | { readonly _tag: "Added"; readonly path: string; readonly after: Schema.Json }
  | { readonly _tag: "Removed"; readonly path: string; readonly before: Schema.Json }
  | { readonly _tag: "Changed"; readonly path: string; readonly before: Schema.Json; readonly after: Schema.Json }

/**
 * Changes in the order in which they are made. Values that are the same give none.
 */
export type Patch = ReadonlyArray<Change>

/**
 * A patch is applied to a value that it was not made for.
 */
export class PatchError extends Schema.TaggedError<PatchError>("eventfold/PatchError")("PatchError", {
  /** Where the patch does not fit. Empty for the value as a whole. */
  path: Schema.String,
  /** What is wrong there. */
  problem: Schema.String
}) {
  override get message(): string {
    return `the patch does not fit${this.path === "" ? "" : ` at ${this.path}`}: ${this.problem}`
  }
}

const isArray = (value: unknown): value is Schema.JsonArray => Array.isArray(value)

const isRecord = (value: Schema.Json | undefined): value is Schema.JsonObject =>
  typeof value === "object" && value !== null && !isArray(value)

const name = /^[\p{ID_Start}_$][\p{ID_Continue}$]*$/u

const member = (path: string, key: string): string =>
  name.test(key) ? (path === "" ? key : `${path}.${key}`) : `${path}[${JSON.stringify(key)}]`

/**
 * Numbers values so that those with the same number are the same JSON: the order of keys does not matter, and -0 is 0. Each value is looked
 * at once, however often it is asked for.
 */
const makeNumbering = (): ((value: Schema.Json) => number) => {
  const numbers = new Map<string, number>()
  const known = new WeakMap<object, number>()
  const ofText = (text: string): number => {
    const number = numbers.get(text) ?? numbers.size
    numbers.set(text, number)
    return number
  }
  const numberOf = (value: Schema.Json): number => {
    if (typeof value !== "object" || value === null) return ofText(JSON.stringify(value))
    const before = known.get(value)
    if (before !== undefined) return before
    const number = ofText(
      isArray(value)
        ? `[${value.map(numberOf).join()}]`
        : `{${Object.entries(value)
            .map(([key, item]) => `${JSON.stringify(key)}:${numberOf(item)}`)
            .sort()
            .join()}}`
    )
    known.set(value, number)
    return number
  }
  return numberOf
}

/**
 * The patch that leads from one value to another. The order of an object's keys is no difference.
 *
 * Elements of arrays are told apart by what they are: those that are in both stay, and of those between them the most alike are
 * compared, in order. An array with more than a thousand insertions and removals is compared index by index: the cost stays in proportion
 * to its length.
 *
 * @example
 * import { Patch } from "eventfold"
 *
 * const patch = Patch.between(
 *   { owner: "Ada", items: [{ sku: "tea", price: 3 }, { sku: "cup", price: 8 }] },
 *   { owner: "Ada", items: [{ sku: "cup", price: 9 }], coupon: "MARCH" }
 * )
 * Patch.format(patch)
 */
export const between = (before: Schema.Json, after: Schema.Json): Patch => {
  const changes: Array<Change> = []
  const numberOf = makeNumbering()

  const compare = (path: string, before: Schema.Json, after: Schema.Json): void => {
    if (numberOf(before) === numberOf(after)) return
    if (isArray(before) && isArray(after)) compareArrays(path, before, after)
    else if (isRecord(before) && isRecord(after)) compareRecords(path, before, after)
    else changes.push({ _tag: "Changed", path, before, after })
  }

  const compareRecords = (path: string, before: Schema.JsonObject, after: Schema.JsonObject): void => {
    for (const [key, value] of Object.entries(before)) {
      if (Object.hasOwn(after, key)) compare(member(path, key), value, after[key]!)
      else changes.push({ _tag: "Removed", path: member(path, key), before: value })
    }
    for (const [key, value] of Object.entries(after)) {
      if (!Object.hasOwn(before, key)) changes.push({ _tag: "Added", path: member(path, key), after: value })
    }
  }

  /** How much of two values is the same, from 0 to 1. */
  const likeness = (self: Schema.Json, that: Schema.Json): number => {
    if (typeof self !== "object" || self === null || typeof that !== "object" || that === null) return 0
    if (isArray(self) !== isArray(that)) return 0
    const mine = Object.entries(self)
    const theirs = new Map<string, Schema.Json>(Object.entries(that))
    const same = mine.filter(([key, value]) => theirs.has(key) && numberOf(value) === numberOf(theirs.get(key)!))
    return same.length / Math.max(mine.length, theirs.size, 1)
  }

  const compareArrays = (path: string, before: Schema.JsonArray, after: Schema.JsonArray): void => {
    const gaps = align(before.map(numberOf), after.map(numberOf)).map((gap) => ({
      ...gap,
      pairs: pairUp(gap, (i, j) => likeness(before[i]!, after[j]!))
    }))
    for (const { left, pairs } of gaps.toReversed()) {
      const kept = new Set(pairs.map(([i]) => i))
      for (let i = left.end - 1; i >= left.start; i--) {
        if (!kept.has(i)) changes.push({ _tag: "Removed", path: `${path}[${i}]`, before: before[i]! })
      }
    }
    for (const { right, pairs } of gaps) {
      const partners = new Map(pairs.map(([i, j]) => [j, i]))
      for (let j = right.start; j < right.end; j++) {
        const i = partners.get(j)
        if (i === undefined) changes.push({ _tag: "Added", path: `${path}[${j}]`, after: after[j]! })
        else compare(`${path}[${j}]`, before[i]!, after[j]!)
      }
    }
  }

  compare("", before, after)
  return changes
}

/** `Object.fromEntries` makes any key a property, `__proto__` too. */
const copy = (value: Schema.Json): Schema.MutableJson => {
  if (isArray(value)) return value.map(copy)
  if (!isRecord(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, copy(item)]))
}

/** A name, an index, or a key as a JSON string. */
const segment =
  /(?:^|\.)([\p{ID_Start}_$][\p{ID_Continue}$]*)|\[(\d+)\]|\[("(?:[^"\\\p{Cc}]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*")\]/uy

/** The keys and indices of a path, or `undefined` when it is none. */
const keysOf = (path: string): ReadonlyArray<string | number> | undefined => {
  const keys: Array<string | number> = []
  let end = 0
  while (end < path.length) {
    segment.lastIndex = end
    const found = segment.exec(path)
    if (found === null) return undefined
    const [text, key, index, quoted] = found
    keys.push(key ?? (index === undefined ? String(JSON.parse(quoted!)) : Number(index)))
    end += text.length
  }
  return keys
}

const isSame = (self: Schema.Json, that: Schema.Json): boolean => {
  const numberOf = makeNumbering()
  return numberOf(self) === numberOf(that)
}

/**
 * What a patch makes of a value. The law: `apply(before, between(before, after))` is `after`. The value itself is not changed. It fails where
 * the patch does not find what it was made for.
 *
 * @example
 * import { Patch } from "eventfold"
 *
 * const patch = Patch.between({ balance: 1 }, { balance: 2 })
 * Patch.apply({ balance: 1 }, patch)
 */
export const apply = (value: Schema.Json, patch: Patch): Result.Result<Schema.Json, PatchError> => {
  // Held by a property, so that the value as a whole is changed as any other.
  const holder: Schema.MutableJsonObject = { value: copy(value) }
  for (const change of patch) {
    const problem = carryOut(holder, change)
    if (problem !== undefined) return Result.fail(new PatchError({ path: change.path, problem }))
  }
  return Result.succeed(holder["value"]!)
}

/** Makes a change in place, or says why it cannot be made. */
const carryOut = (holder: Schema.MutableJsonObject, change: Change): string | undefined => {
  const keys = keysOf(change.path)
  if (keys === undefined) return "this is no path"
  let parent: Schema.MutableJson = holder
  let key: string | number = "value"
  for (const next of keys) {
    parent = get(parent, key) ?? null
    key = next
  }
  const current = get(parent, key)
  if (change._tag === "Added") {
    if (Array.isArray(parent) && typeof key === "number" && key <= parent.length) {
      parent.splice(key, 0, copy(change.after))
    } else if (isMutableRecord(parent) && typeof key === "string" && current === undefined) {
      define(parent, key, copy(change.after))
    } else return current === undefined ? "there is nothing to add to" : "something is there already"
    return undefined
  }
  if (current === undefined) return "nothing is there"
  if (!isSame(current, change.before)) return `${JSON.stringify(change.before)} is not what is there`
  if (Array.isArray(parent)) {
    if (change._tag === "Removed") parent.splice(Number(key), 1)
    else parent[Number(key)] = copy(change.after)
  } else if (isMutableRecord(parent)) {
    if (change._tag === "Changed") define(parent, String(key), copy(change.after))
    else if (parent === holder) return "the value as a whole cannot be removed"
    else delete parent[key]
  }
  return undefined
}

const isMutableRecord = (value: Schema.MutableJson): value is Schema.MutableJsonObject => isRecord(value)

const get = (parent: Schema.MutableJson, key: string | number): Schema.MutableJson | undefined => {
  if (Array.isArray(parent)) return typeof key === "number" ? parent[key] : undefined
  return isMutableRecord(parent) && typeof key === "string" && Object.hasOwn(parent, key) ? parent[key] : undefined
}

/** An assignment to `__proto__` would be none. */
const define = (parent: Schema.MutableJsonObject, key: string, value: Schema.MutableJson): void => {
  Object.defineProperty(parent, key, { value, configurable: true, enumerable: true, writable: true })
}

/**
 * A patch as text, a line for each change: `+` for what was added, `-` for what was removed, `~` for what is another value.
 *
 *     - items[0]: {"sku":"tea","price":3}
 *     ~ items[0].price: 8 → 9
 *     + coupon: "MARCH"
 *
 * @example
 * import { Patch } from "eventfold"
 *
 * Patch.format(Patch.between({ balance: 1 }, { balance: 2 }))
 */
export const format = (patch: Patch): string => patch.map(line).join("\n")

const line = (change: Change): string => {
  const where = change.path === "" ? "" : `${change.path}: `
  if (change._tag === "Added") return `+ ${where}${JSON.stringify(change.after)}`
  if (change._tag === "Removed") return `- ${where}${JSON.stringify(change.before)}`
  return `~ ${where}${JSON.stringify(change.before)} → ${JSON.stringify(change.after)}`
}
