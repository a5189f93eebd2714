/**
 * What every look into a log refuses and counts alike.
 */
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import { defaultLimits, type ReadOptions, StoreError } from "../../EventStore.ts"
import type { Search } from "../../Inspection.ts"
import type * as Query from "../../Query.ts"
import { checkJson } from "./json.ts"
import { checkRead } from "./request.ts"

const invalid = (problem: string): StoreError => new StoreError({ reason: "InvalidRequest", problem })

/** Checks how much of what there is most of is asked for. */
export const checkStatistics = (options: {
  readonly days: number
  readonly longest: number
}): Result.Result<void, StoreError> => {
  for (const name of ["days", "longest"] as const) {
    const value = options[name]
    if (!Number.isSafeInteger(value) || value < 0) {
      return Result.fail(invalid(`${name} is ${value}, not a whole number of 0 or more`))
    }
  }
  return Result.succeed(undefined)
}

/** What a search asks of a read of the log. */
export const readOf = ({
  direction,
  from,
  limit,
  query,
  to
}: Search): ReadOptions & { readonly query?: Query.Query } => ({
  ...(query && { query }),
  ...(from !== undefined && { from }),
  ...(to !== undefined && { to }),
  ...(limit !== undefined && { limit }),
  ...(direction && { direction })
})

const metadataRules = { as: "value", maxBytes: defaultLimits.eventBytes, maxDepth: 500 } as const

/** Checks what is searched for. */
export const checkSearch = (search: Search): Result.Result<void, StoreError> =>
  Result.andThen(checkRead(readOf(search)), () => {
    const { metadata } = search
    if (metadata === undefined) return Result.succeed(undefined)
    if (!Predicate.isObject(metadata)) return Result.fail(invalid("the metadata to search for is no object"))
    return Result.mapBoth(checkJson("metadata", metadata, metadataRules), {
      onFailure: (problem) => invalid(`of the search, ${problem}`),
      onSuccess: () => undefined
    })
  })

/** How many characters a number has that is written without an exponent. */
const numberLength = (value: number): number => {
  const text = JSON.stringify(value)
  const [digits = "", exponent] = text.split("e")
  if (exponent === undefined) return text.length
  const significant = digits.replace(/[-.]/g, "").length
  const sign = value < 0 ? 1 : 0
  const power = Number(exponent)
  return sign + (power > 0 ? power + 1 : 1 - power + significant)
}

const utf8 = new TextEncoder()

/** An object of JSON; what is undefined is not there. */
interface Members {
  readonly [key: string]: Schema.Json | undefined
}

const isList = (value: Schema.Json | Members): value is ReadonlyArray<Schema.Json> => Array.isArray(value)

/**
 * Bytes of a value as JSON in UTF-8, as PostgreSQL writes it: with a blank after every colon and comma, and without exponents.
 */
export const bytesOf = (value: Schema.Json | Members): number => {
  if (typeof value === "number") return numberLength(value)
  if (value === null || typeof value !== "object") return utf8.encode(JSON.stringify(value)).length
  let bytes = 2
  let members = 0
  if (isList(value)) {
    for (const member of value) {
      bytes += bytesOf(member)
      members++
    }
  } else {
    for (const [key, member] of Object.entries(value)) {
      if (member === undefined) continue
      bytes += bytesOf(key) + 2 + bytesOf(member)
      members++
    }
  }
  return bytes + 2 * Math.max(0, members - 1)
}
