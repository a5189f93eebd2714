/**
 * What every store refuses before it touches its medium, so that all stores refuse the same.
 */
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import {
  type Condition,
  type EventToAppend,
  type Limits,
  type ReadOptions,
  StoreError,
  type Write
} from "../../EventStore.ts"
import * as Query from "../../Query.ts"
import * as StreamName from "../../StreamName.ts"

/**
 * An event whose data and metadata have been found to be JSON, as their text; of everything else just what the port names.
 */
export interface CheckedEvent extends Pick<EventToAppend, "id" | "type" | "schemaVersion" | "tags"> {
  readonly dataJson: string
  readonly metadataJson: string
}

/** A write that a store may carry out. */
export interface CheckedWrite extends Pick<Write, "stream" | "expected"> {
  readonly events: ReadonlyArray<CheckedEvent>
}

const invalid = (problem: string): StoreError => new StoreError({ reason: "InvalidRequest", problem })

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

const maxDepth = 500

const maxSchemaVersion = 2 ** 31 - 1

/** What keeps a value from being JSON that every store can hold, and where, or `undefined`. */
const jsonProblem = (value: unknown, path: string, depth = 0): string | undefined => {
  if (depth > maxDepth) return `${path} is nested more than ${maxDepth} levels deep`
  if (value === null || typeof value === "boolean") return undefined
  if (typeof value === "string") {
    const wrong = StreamName.textProblem(value)
    return wrong === undefined ? undefined : `${path} ${wrong}`
  }
  if (typeof value === "number") return Number.isFinite(value) ? undefined : `${path} is ${value}, which is not JSON`
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      const wrong = jsonProblem(value[i], `${path}[${i}]`, depth + 1)
      if (wrong !== undefined) return wrong
    }
    return undefined
  }
  const prototype = Predicate.isObject(value) ? Object.getPrototypeOf(value) : undefined
  if (!Predicate.isObject(value) || (prototype !== Object.prototype && prototype !== null)) {
    return `${path} is not JSON`
  }
  for (const [key, member] of Object.entries(value)) {
    const wrong = StreamName.textProblem(key)
    if (wrong !== undefined) return `a key in ${path} ${wrong}`
    const problem = jsonProblem(member, `${path}.${key}`, depth + 1)
    if (problem !== undefined) return problem
  }
  return undefined
}

/** What keeps a store from taking an event, whatever its size, or `undefined`. */
export const eventProblem = (event: EventToAppend, limits: Limits): string | undefined => {
  if (!uuid.test(event.id)) return "its id is not a UUID in lower case"
  const wrongType = StreamName.nameProblem(event.type)
  if (wrongType !== undefined) return `its type ${wrongType}`
  if (!Number.isInteger(event.schemaVersion) || event.schemaVersion < 1 || event.schemaVersion > maxSchemaVersion) {
    return `its schema version is not a whole number from 1 to ${maxSchemaVersion}`
  }
  if (!Array.isArray(event.tags)) return "its tags are no array"
  if (event.tags.length > limits.tags) return `it has ${event.tags.length} tags, more than ${limits.tags}`
  for (const tag of event.tags) {
    const wrong = StreamName.nameProblem(tag)
    if (wrong !== undefined) return `one of its tags ${wrong}`
  }
  if (!Predicate.isObject(event.metadata) || Array.isArray(event.metadata)) return "its metadata is no object"
  return jsonProblem(event.data, "data") ?? jsonProblem(event.metadata, "metadata")
}

const utf8 = new TextEncoder()

const bytesOf = ({ dataJson, metadataJson }: CheckedEvent): number =>
  utf8.encode(dataJson).length + utf8.encode(metadataJson).length

/** No text takes more bytes than this. Where that is few enough, nothing is counted: to encode every event is dear. */
const mostBytesOf = ({ dataJson, metadataJson }: CheckedEvent): number => 3 * (dataJson.length + metadataJson.length)

const expectationProblem = ({ stream, expected }: Write): string | undefined =>
  (Number.isSafeInteger(expected) && Number(expected) >= 0) ||
  ["no stream", "stream exists", "any"].includes(String(expected))
    ? undefined
    : `the expected version of stream ${stream} is ${String(expected)}, neither a version of 0 or more nor a word for one`

const refused = (problem: string): Result.Result<never, StoreError> => Result.fail(invalid(problem))

/** Checks one event of several, whose ids are collected, and gives it with its JSON, or says what is wrong with it. */
export const checkEvent = (
  event: EventToAppend,
  ids: Set<string>,
  limits: Limits
): Result.Result<CheckedEvent, string> => {
  const wrong = eventProblem(event, limits)
  if (wrong !== undefined) return Result.fail(wrong)
  if (ids.has(event.id)) return Result.fail("its id is that of another event here")
  ids.add(event.id)
  const { id, type, schemaVersion, tags } = event
  const dataJson = JSON.stringify(event.data)
  const metadataJson = JSON.stringify(event.metadata)
  const checked: CheckedEvent = { id, type, schemaVersion, tags: [...tags], dataJson, metadataJson }
  return mostBytesOf(checked) > limits.eventBytes && bytesOf(checked) > limits.eventBytes
    ? Result.fail(`it has ${bytesOf(checked)} bytes, more than ${limits.eventBytes}`)
    : Result.succeed(checked)
}

/** What keeps a store from taking so many events at once, or so large ones, or `undefined`. */
export const sizeProblem = (what: string, events: ReadonlyArray<CheckedEvent>, limits: Limits): string | undefined => {
  if (events.length > limits.appendEvents) {
    return `${what} has ${events.length} events, more than ${limits.appendEvents}`
  }
  let most = 0
  for (const event of events) most += mostBytesOf(event)
  if (most <= limits.appendBytes) return undefined
  const bytes = events.reduce((sum, event) => sum + bytesOf(event), 0)
  return bytes > limits.appendBytes ? `${what} has ${bytes} bytes, more than ${limits.appendBytes}` : undefined
}

/**
 * Checks an append, and gives its writes with the JSON of their events.
 */
export const checkAppend = (
  writes: ReadonlyArray<Write>,
  condition: Condition | undefined,
  limits: Limits
): Result.Result<ReadonlyArray<CheckedWrite>, StoreError> => {
  if (writes.length === 0) return refused("an append has at least one write")
  const streams = new Set<string>()
  const ids = new Set<string>()
  const checked: Array<CheckedWrite> = []
  const all: Array<CheckedEvent> = []
  for (const write of writes) {
    const wrongName = StreamName.problem(write.stream)
    if (wrongName !== undefined) return refused(`the stream name ${wrongName}`)
    if (streams.has(write.stream)) {
      return refused(`stream ${write.stream} is written twice; put its events in one write`)
    }
    streams.add(write.stream)
    const wrongExpectation = expectationProblem(write)
    if (wrongExpectation !== undefined) return refused(wrongExpectation)
    if (write.events.length === 0) return refused(`the write to stream ${write.stream} has no events`)
    const events: Array<CheckedEvent> = []
    for (const event of write.events) {
      const one = checkEvent(event, ids, limits)
      if (Result.isFailure(one)) {
        return refused(`event ${events.length} (${event.type}) for stream ${write.stream}: ${one.failure}`)
      }
      events.push(one.success)
      all.push(one.success)
    }
    checked.push({ stream: write.stream, expected: write.expected, events })
  }
  const wrongSize = sizeProblem("the append", all, limits)
  if (wrongSize !== undefined) return refused(wrongSize)
  return Result.map(condition === undefined ? Result.succeed(undefined) : checkAfter(condition), () => checked)
}

/** Checks a position to go on from, and the query that goes with it. */
export const checkAfter = (options: {
  readonly after: number
  readonly query?: Query.Query
}): Result.Result<void, StoreError> => {
  if (!Number.isSafeInteger(options.after) || options.after < 0) {
    return Result.fail(invalid(`after is ${options.after}, not a position of 0 or more`))
  }
  const wrong = options.query === undefined ? undefined : Query.problem(options.query)
  return wrong === undefined ? Result.succeed(undefined) : Result.fail(invalid(wrong))
}

/** Checks the bounds of a read, and the query that goes with them. */
export const checkRead = (options: ReadOptions & { readonly query?: Query.Query }): Result.Result<void, StoreError> => {
  for (const bound of ["from", "to", "limit"] as const) {
    const value = options[bound]
    if (value !== undefined && (!Number.isSafeInteger(value) || value < 0)) {
      return Result.fail(invalid(`${bound} is ${value}, not a whole number of 0 or more`))
    }
  }
  if (!["forward", "backward"].includes(options.direction ?? "forward")) {
    return Result.fail(invalid(`direction is ${options.direction}, neither forward nor backward`))
  }
  return checkAfter({ ...options, after: 0 })
}

/** Checks the name of a stream to read. */
export const checkStream = (stream: string): Result.Result<void, StoreError> => {
  const wrong = StreamName.problem(stream)
  return wrong === undefined ? Result.succeed(undefined) : Result.fail(invalid(`the stream name ${wrong}`))
}
