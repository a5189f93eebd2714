/**
 * What a log holds, as JSON and as people read it.
 */
import * as DateTime from "effect/DateTime"
import type * as Schema from "effect/Schema"
import type { Statistics } from "../../Inspection.ts"
import { bars } from "../output/bars.ts"
import { bytes, count, counted, instant } from "../output/format.ts"
import { table } from "../output/table.ts"
import { type Overview, overviewJson, overviewsText } from "../projections/overview.ts"

/** What a log holds, and what is made of it, where that is kept beside it. */
export interface Report {
  readonly statistics: Statistics
  readonly projections: ReadonlyArray<Overview> | undefined
}

const timeJson = (time: DateTime.Utc | undefined): string | null =>
  time === undefined ? null : DateTime.formatIso(time)

/** A report as JSON. */
export const reportJson = ({ projections, statistics }: Report): Schema.JsonObject => {
  const { categories, days, events, first, head, last, longest, stored, streams, types } = statistics
  return {
    head,
    events,
    streams,
    first: timeJson(first),
    last: timeJson(last),
    stored: stored === undefined ? null : { ...stored },
    categories: categories.map((one) => ({ ...one })),
    types: types.map((one) => ({ ...one })),
    days: days.map((one) => ({ ...one })),
    longest: longest.map((one) => ({ ...one })),
    projections: projections === undefined ? null : projections.map(overviewJson)
  }
}

/** The most lines of a table: names that are made of data can be without number. */
const mostLines = 50

/** A table of the first of many, that says so. */
const shortTable = (columns: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): string => {
  const left = rows.length - mostLines
  const shown = table(columns, rows.slice(0, mostLines))
  return left > 0 ? `${shown}\n… and ${count(left)} more: --json has them all` : shown
}

const summary = ({ events, first, head, last, stored, streams }: Statistics): string => {
  if (first === undefined || last === undefined) return "there are no events"
  const lines = [`${counted(events, "event")} in ${counted(streams, "stream")}, up to position ${count(head)}`]
  lines.push(`recorded from ${instant(first)} to ${instant(last)}`)
  if (stored !== undefined) lines.push(`stored in ${bytes(stored.events)}, and ${bytes(stored.indexes)} of indexes`)
  return lines.join("\n")
}

/** A report as text, in so many columns. */
export const reportText = ({ projections, statistics }: Report, columns: number): string => {
  const { categories, days, longest, types } = statistics
  const parts = [summary(statistics)]
  if (categories.length > 0) {
    const rows = categories.map(({ category, events, streams }) => [category, count(streams), count(events)])
    parts.push(shortTable(["category", "#streams", "#events"], rows))
    const ofTypes = types.map(({ bytes: all, events, largest, schemaVersion, type }) => [
      type,
      String(schemaVersion),
      count(events),
      bytes(all),
      bytes(Math.round(all / events)),
      bytes(largest)
    ])
    parts.push(shortTable(["type", "#version", "#events", "#size", "#mean", "#largest"], ofTypes))
    const chart = days.map(({ day, events }) => ({ label: day, value: events, text: count(events) }))
    parts.push(`events by day (UTC)\n${bars(chart, columns)}`)
    const streams = longest.map(({ events, stream }) => [stream, count(events)])
    parts.push(table(["longest streams", "#events"], streams))
  }
  if (projections !== undefined) parts.push(overviewsText(projections))
  return parts.join("\n\n")
}
