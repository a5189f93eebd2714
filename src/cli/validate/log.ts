/**
 * A log as it is validated, event by event, from a file or a store. Nothing but what the checks remember is held.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type { EventStore } from "../../EventStore.ts"
import type { Domain } from "../domain.ts"
import { decodeLine } from "../file/line.ts"
import { numberProblem } from "../file/numbers.ts"
import { type TextLine, textLines } from "../file/textLines.ts"
import type { Advance } from "../output/progress.ts"
import { makeContent, makeReading, makeStoredNames } from "./content.ts"
import type { Report } from "./findings.ts"
import { makeIdentity, makeOrder } from "./order.ts"
import { type AnyEvent, isRecorded, type Kind, type Seen } from "./seen.ts"

/** What has been looked at. */
export interface Checked {
  readonly events: number
  readonly streams: number
  readonly types: number
  /** Types of the domain, where there is one. */
  readonly defined: number
}

export interface Options {
  readonly domain: Domain | undefined
  /** Bytes from which on an event is called large. */
  readonly large: number
  readonly report: Report
}

const definedTypes = (domain: Domain | undefined): number =>
  new Set(domain?.events.flatMap(({ value }) => value.types)).size

/** Of a domain without a log. */
export const noLog = (domain: Domain): Checked => ({ events: 0, streams: 0, types: 0, defined: definedTypes(domain) })

/** The checks of a log, each of which sees every event. */
const makeLog = (kind: Kind, { domain, large, report }: Options) => {
  const order = makeOrder(kind, report)
  const identify = makeIdentity(kind, report)
  const content = makeContent(large, report)
  const named = domain === undefined ? makeStoredNames(report) : undefined
  const read = domain === undefined ? undefined : makeReading(domain, report)
  const types = new Set<string>()
  let events = 0
  return {
    see: (seen: Seen): void => {
      events += 1
      types.add(seen.event.type)
      content(seen)
      // An event that is there twice is told as such, and not as being out of order.
      if (!identify(seen) || !order.isPast(seen)) order.see(seen)
      named?.(seen)
      if (isRecorded(seen.event)) read?.(seen.event, seen.place)
    },
    end: (file: string | undefined, broken: number): Checked => {
      order.end(file, broken)
      return { events, streams: order.streams(), types: types.size, defined: definedTypes(domain) }
    }
  }
}

const onOneLine = (text: string): string => {
  const flat = text.replaceAll(/\s+/g, " ").trim()
  return flat.length <= 200 ? flat : `${flat.slice(0, 199)}…`
}

/** Why a line is no event, with the column where JSON ends to be one, if it is known. */
export const lineProblem = (text: string, message: string): string => {
  const parsed = Result.try({
    try: (): unknown => JSON.parse(text),
    catch: (error) => (Predicate.isError(error) ? error.message : String(error))
  })
  if (Result.isSuccess(parsed)) return onOneLine(message)
  const problem = parsed.failure
  const at = problem.startsWith("Unexpected end") ? text.length : / at position (\d+)/.exec(problem)?.[1]
  const where = at === undefined ? "" : `column ${Number(at) + 1}: `
  return `${where}${onOneLine(problem.replace(/ at position \d+( \(line \d+ column \d+\))?/, ""))}`
}

/** Validates an exported file. A line that is no event is told, and the next ones are looked at. */
export const checkFile = Effect.fnUntraced(function* (path: string, options: Options, advance: Advance) {
  const files = yield* FileSystem.FileSystem
  const log = makeLog("file", options)
  let broken = 0
  const fail = (line: number, problem: string): void => {
    broken += 1
    options.report("broken-line", { file: path, line }, problem)
  }
  const seeLine = ({ isEnded, number, problem, text }: TextLine): void => {
    if (problem !== undefined) return fail(number, problem)
    if (text.trim() === "") return
    const decoded = decodeLine(text)
    if (Result.isFailure(decoded)) {
      return fail(number, `${isEnded ? "" : "the file is cut off here: "}${lineProblem(text, decoded.failure.message)}`)
    }
    const event: AnyEvent = decoded.success
    const { position, stream, version } = event
    const place = () => ({ file: path, line: number, position, stream, version })
    const changed = numberProblem(text)
    if (changed !== undefined) options.report("inexact-number", place(), changed)
    log.see({ event, at: number, place, mostBytes: 3 * text.length, broken })
  }
  yield* Stream.runForEachArray(textLines(files.stream(path)), (lines) => {
    for (const line of lines) seeLine(line)
    return advance(lines.length, lines.at(-1)?.end ?? 0)
  })
  return log.end(path, broken)
})

/** Validates all that a store has. */
export const checkStore = Effect.fnUntraced(function* (
  store: EventStore["Service"],
  options: Options,
  advance: Advance
) {
  const log = makeLog("store", options)
  yield* Stream.runForEachArray(store.readLog(), (events) => {
    for (const event of events) {
      const { position, stream, version } = event
      const place = () => ({ position, stream, version })
      log.see({ event, at: position, place, mostBytes: undefined, broken: 0 })
    }
    return advance(events.length)
  })
  return log.end(undefined, 0)
})
