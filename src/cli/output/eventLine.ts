/**
 * An event on a line, for lists: where it is, when it was recorded, and what happened.
 */
import * as Effect from "effect/Effect"
import * as Stdio from "effect/Stdio"
import * as Terminal from "effect/Terminal"
import * as CliOutput from "effect/cli/CliOutput"
import * as Flag from "effect/cli/Flag"
import type { RecordedEvent } from "../../RecordedEvent.ts"
import { instant } from "./format.ts"
import { printable } from "./table.ts"

/** Whether lines are to be cut. */
export const fullFlag = Flag.Boolean("full").pipe(
  Flag.withDescription("Print all of the data, also where it is wider than the terminal"),
  Flag.withDefault(false)
)

const padded = (text: string, width: number): string =>
  text + " ".repeat(Math.max(0, width - CliOutput.displayWidth(text)))

const segments = new Intl.Segmenter()

/** A text in so many columns at most, with a sign that it was cut. */
export const cut = (text: string, columns: number): string => {
  if (columns === Infinity) return text
  let [kept, width] = ["", 0]
  for (const { segment } of segments.segment(text)) {
    width += CliOutput.displayWidth(segment)
    if (width > columns) return `${kept}…`
    if (width < columns) kept += segment
  }
  return text
}

/** The columns that a line may have: those of the terminal, and any number where the output goes elsewhere. */
export const columnsOf = (full: boolean): Effect.Effect<number, never, Stdio.Stdio | Terminal.Terminal> =>
  Effect.gen(function* () {
    const { stdoutIsTerminal } = yield* Stdio.Stdio
    if (full || !(yield* stdoutIsTerminal)) return Infinity
    const { columns } = yield* Terminal.Terminal
    const width = yield* columns
    return width > 0 ? width : Infinity
  })

/**
 * `    12  2026-03-31 10:00:00.123Z  account-ada@3  MoneyDeposited  {"amount":5}`: position, instant, stream and version, type with the version
 * of its schema unless that is the first, data.
 */
export const eventLine = (event: RecordedEvent, columns: number): string => {
  const { data, position, recordedAt, schemaVersion, stream, type, version } = event
  const place = printable(`${stream}@${version}`)
  const what = printable(schemaVersion === 1 ? type : `${type} v${schemaVersion}`)
  const line = [
    String(position).padStart(6),
    instant(recordedAt),
    padded(place, 20),
    padded(what, 20),
    printable(JSON.stringify(data))
  ].join("  ")
  return cut(line, columns)
}
