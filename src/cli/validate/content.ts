/**
 * What one event is, for itself: whether a store takes it, how large it is, what it belongs to, and whether the domain can read it.
 */
import * as Result from "effect/Result"
import * as Event from "../../Event.ts"
import { defaultLimits } from "../../EventStore.ts"
import { eventProblem } from "../../internal/adapter/request.ts"
import type { RecordedEvent } from "../../RecordedEvent.ts"
import * as StreamName from "../../StreamName.ts"
import type { Definitions, Domain } from "../domain.ts"
import { bytes } from "../output/format.ts"
import type { Report, RuleName } from "./findings.ts"
import { nameProblem } from "./names.ts"
import type { Seen } from "./seen.ts"

const utf8 = new TextEncoder()

const sizeOf = ({ data, metadata }: Seen["event"]): number =>
  utf8.encode(JSON.stringify(data)).length + utf8.encode(JSON.stringify(metadata)).length

/** Whether any store takes it. `large` are the bytes from which on an event is called large. */
export const makeContent =
  (large: number, report: Report): ((seen: Seen) => void) =>
  ({ event, mostBytes = Infinity, place }) => {
    const wrongName = StreamName.problem(event.stream)
    if (wrongName !== undefined) report("stream-name", place(), `the stream name ${wrongName}`)
    const wrong = eventProblem(event, defaultLimits)
    if (wrong !== undefined) report("unstorable", place(), wrong)
    if (mostBytes >= Math.min(large, defaultLimits.eventBytes)) {
      const size = sizeOf(event)
      if (size > defaultLimits.eventBytes) report("size-limit", place(), `${bytes(size)} of data and metadata`)
      else if (size >= large) report("size-large", place(), `${bytes(size)} of data and metadata`)
    }
    const { correlationId } = event.metadata
    if (typeof correlationId !== "string" || correlationId === "") {
      report("correlation", place(), `${event.type} has no correlationId in its metadata`)
    }
  }

/** Whether types that are stored are named as events: each is told once. */
export const makeStoredNames = (report: Report): ((seen: Seen) => void) => {
  const known = new Set<string>()
  return ({ event: { type }, place }) => {
    if (known.has(type)) return
    known.add(type)
    const wrong = nameProblem(type)
    if (wrong !== undefined) report(wrong, place(), type)
  }
}

/** Whether the types of a domain are named as events. Those that are no longer written are as they are. */
export const checkNames = ({ events }: Domain, report: Report): void => {
  const known = new Set<string>()
  for (const { name, value } of events) {
    for (const type of value.types) {
      const wrong = known.has(type) ? undefined : nameProblem(type)
      known.add(type)
      if (wrong !== undefined) report(wrong, { definition: name }, type)
    }
  }
}

const ruleOf: { readonly [Reason in Event.DecodeReason]: RuleName } = {
  UnknownType: "unknown-type",
  UnknownVersion: "unknown-version",
  InvalidData: "undecodable",
  UpcastFailed: "undecodable"
}

const isKnownTo = (type: string) => (definitions: Definitions) =>
  definitions.stored.has(type) || definitions.ignored.has(type)

/** Who reads an event: the decider of its stream, or else all sets that know its type, of which one has to be able to. */
const readersOf = ({ deciders, events }: Domain, { stream, type }: RecordedEvent): ReadonlyArray<Definitions> => {
  const category = StreamName.category(stream)
  const own = deciders.filter((one) => one.category === category).map(({ value }): Definitions => value.reads)
  if (own.length > 0) return own.some(isKnownTo(type)) ? own.filter(isKnownTo(type)) : own
  return events.map(({ value }) => value).filter(isKnownTo(type))
}

const known = (definitions: Definitions): string => {
  const types = Array.from(definitions.stored.keys())
  return types.length <= 8 ? types.join(", ") : `${types.slice(0, 8).join(", ")} and ${types.length - 8} more`
}

/** Whether the domain can read it. */
export const makeReading = (domain: Domain, report: Report): ((event: RecordedEvent, place: Seen["place"]) => void) => {
  const readers = new Map<string, ReadonlyArray<Definitions>>()
  return (event, place) => {
    const category = StreamName.category(event.stream)
    const key = `${category}-${event.type}`
    let all = readers.get(key)
    if (all === undefined) {
      all = readersOf(domain, event)
      readers.set(key, all)
      // Once for all of them: nothing more can be said of the others.
      if (all.length === 0) report("foreign-type", place(), `${event.type} in streams of ${category}`)
    }
    let first: Event.DecodeError | undefined
    for (const definitions of all) {
      const decoded = Event.decode(definitions, event)
      if (Result.isSuccess(decoded)) return
      first ??= decoded.failure
    }
    if (first === undefined) return
    const { path, problem, reason, schemaVersion, type } = first
    const what =
      reason === "UnknownType"
        ? `${type}: its decider knows ${known(all[0]!)}`
        : `${type}, schema version ${schemaVersion}: ${path === "" ? "" : `${path}: `}${problem}`
    report(ruleOf[reason], place(), what)
  }
}
