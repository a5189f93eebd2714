/**
 * The order of a log: positions, versions, times and ids, event by event. What it remembers is a number for each stream, and the ids.
 */
import * as DateTime from "effect/DateTime"
import type { Report } from "./findings.ts"
import { makeIds } from "./ids.ts"
import type { Kind, Seen } from "./seen.ts"

const missing = (what: string, from: number, to: number): string =>
  from === to ? `${what} ${from} is missing` : `${what}s ${from} to ${to} are missing`

/** What is seen of the order. Its finding on the log as a whole is told at the end. */
export interface Order {
  readonly see: (seen: Seen) => void
  /** Whether its position has been passed. */
  readonly isPast: (seen: Seen) => boolean
  readonly end: (file: string | undefined, broken: number) => void
  /** How many streams there are. */
  readonly streams: () => number
}

export const makeOrder = (kind: Kind, report: Report): Order => {
  const versions = new Map<string, number>()
  let [last, count, lastMillis] = [0, 0, Number.NEGATIVE_INFINITY]
  // Lines that are no event may have been the ones that are missing: each accounts for one version.
  let accounted = 0
  const isAccounted = (broken: number, many: number): boolean => {
    if (broken - accounted < many) return false
    accounted += many
    return true
  }

  const seePosition = ({ event: { position, recordedAt }, place }: Seen): void => {
    count += 1
    if (position <= last) return report("position-order", place(), `position ${position} comes after ${last}`)
    if (kind === "store" && position > last + 1) {
      report("position-gap", place(), missing("position", last + 1, position - 1))
    }
    last = position
    const millis = DateTime.toEpochMillis(recordedAt)
    if (millis < lastMillis) {
      const before = new Date(lastMillis).toISOString()
      report("time-order", place(), `${DateTime.formatIso(recordedAt)} comes after ${before}`)
    }
    lastMillis = Math.max(lastMillis, millis)
  }

  const seeVersion = ({ broken, event: { stream, version }, place }: Seen): void => {
    const before = versions.get(stream) ?? 0
    if (version <= before) return report("version-order", place(), `version ${version} comes after ${before}`)
    versions.set(stream, version)
    if (version === before + 1 || isAccounted(broken, version - before - 1)) return
    const rule = before === 0 && kind === "file" ? "version-start" : "version-gap"
    report(rule, place(), missing("version", before + 1, version - 1))
  }

  return {
    see: (seen) => {
      seePosition(seen)
      seeVersion(seen)
    },
    isPast: ({ event }) => event.position <= last,
    end: (file, broken) => {
      const many = last - count - broken
      if (kind === "file" && many > 0) report("file-part", { file }, `${many} of the positions 1 to ${last}`)
    },
    streams: () => versions.size
  }
}

/** What is seen of ids: none twice, and causes that are there. Gives whether it was there before. */
export const makeIdentity = (kind: Kind, report: Report): ((seen: Seen) => boolean) => {
  const ids = makeIds()
  return ({ at, event: { id, metadata }, place }) => {
    const { causationId } = metadata
    if (typeof causationId === "string" && ids.find(causationId) === undefined) {
      report("causation", place(), `its cause is ${causationId}`)
    }
    const before = ids.add(id, at)
    if (before !== undefined) {
      report("duplicate-id", place(), `${id} is also on ${kind === "file" ? "line" : "position"} ${before}`)
    }
    return before !== undefined
  }
}
