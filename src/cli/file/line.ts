/**
 * The form in which events are exported: a file of JSON lines, one event as recorded on each, in the order of their positions.
 */
import * as DateTime from "effect/DateTime"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { RecordedEvent } from "../../RecordedEvent.ts"

const place = Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))

/** An event as recorded, as JSON. */
export const Line = Schema.Struct({
  position: place,
  stream: Schema.NonEmptyString,
  version: place,
  id: Schema.NonEmptyString,
  type: Schema.NonEmptyString,
  schemaVersion: place,
  recordedAt: Schema.DateTimeUtcFromString,
  data: Schema.Json,
  tags: Schema.Array(Schema.String),
  metadata: Schema.Record(Schema.String, Schema.Json)
})

const decodeSlowly = Schema.decodeUnknownResult(Schema.fromJsonString(Line))

/** Deeper than any store takes. Who walks through much more may run out of stack. */
const maxDepth = 1000

/** Whether what was parsed is JSON: a number may be too large to be one, and what is nested too deep is none of ours. */
const isJson = (value: unknown, depth = 0): value is Schema.Json =>
  typeof value === "number"
    ? Number.isFinite(value)
    : typeof value !== "object" ||
      value === null ||
      (depth < maxDepth && Object.values(value).every((member) => isJson(member, depth + 1)))

const isObject = (value: unknown): value is Schema.JsonObject =>
  Predicate.isObject(value) && !Array.isArray(value) && isJson(value)
const isPlace = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 1
const isText = (value: unknown): value is string => typeof value === "string"
const isName = (value: unknown): value is string => isText(value) && value !== ""
const isTexts = (value: unknown): value is ReadonlyArray<string> => Array.isArray(value) && value.every(isText)

/** A time just as it is written here. */
const isoTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/
const millisOf = (value: unknown): number => (isText(value) && isoTime.test(value) ? Date.parse(value) : Number.NaN)

/** What is on a line that has nothing wrong with it, for a tenth of the time that the schema takes. */
const decodeFast = (json: unknown): typeof Line.Type | undefined => {
  if (!Predicate.isObject(json)) return undefined
  const { data, id, metadata, position, recordedAt, schemaVersion, stream, tags, type, version } = json
  const millis = millisOf(recordedAt)
  return isPlace(position) &&
    isPlace(version) &&
    isPlace(schemaVersion) &&
    isName(stream) &&
    isName(id) &&
    isName(type) &&
    !Number.isNaN(millis) &&
    isTexts(tags) &&
    data !== undefined &&
    isJson(data) &&
    isObject(metadata)
    ? {
        position,
        stream,
        version,
        id,
        type,
        schemaVersion,
        recordedAt: DateTime.makeUnsafe(millis),
        data,
        tags,
        metadata
      }
    : undefined
}

type Decoded = Result.Result<typeof Line.Type, { readonly message: string }>

const tooDeep = { message: "it is nested too deep" }

const decode = (text: string): Decoded => {
  const parsed = Result.try((): unknown => JSON.parse(text))
  const fast = Result.isSuccess(parsed) ? decodeFast(parsed.success) : undefined
  if (fast !== undefined) return Result.succeed(fast)
  return Result.flatMap(decodeSlowly(text), (line): Decoded =>
    isJson(line.data) && isJson(line.metadata) ? Result.succeed(line) : Result.fail(tooDeep)
  )
}

/** The event on a line, or what is wrong with it. */
export const decodeLine = (text: string): Decoded =>
  // A schema that walks through what is nested too deep runs out of stack.
  Result.flatMap(Result.try({ try: () => decode(text), catch: () => tooDeep }), (decoded) => decoded)

/** An event as JSON, with its fields in the order in which people read them. */
export const lineOf = (event: RecordedEvent): Schema.JsonObject => {
  const { data, id, metadata, position, recordedAt, schemaVersion, stream, tags, type, version } = event
  // Metadata that is not there is left out.
  const kept: { readonly [field: string]: Schema.Json } = JSON.parse(JSON.stringify(metadata))
  return {
    position,
    stream,
    version,
    id,
    type,
    schemaVersion,
    recordedAt: DateTime.formatIso(recordedAt),
    data,
    tags,
    metadata: kept
  }
}

/** The line of an event, without its end. */
export const encodeLine = (event: RecordedEvent): string => JSON.stringify(lineOf(event))
