/**
 * Steps as people read them.
 */
import type * as Schema from "effect/Schema"
import * as Patch from "../../Patch.ts"
import type { RecordedEvent } from "../../RecordedEvent.ts"
import { instant } from "../output/format.ts"
import { printable } from "../output/table.ts"
import type { Step } from "./trail.ts"

const widest = 200

/** One line of a terminal, cut where it would fill several. */
export const line = (text: string): string => {
  const shown = printable(text)
  return shown.length <= widest ? shown : `${shown.slice(0, widest - 1)}…`
}

const indented = (lines: ReadonlyArray<string>): string => lines.map((one) => `      ${one}`).join("\n")

/** What is different, a line for each change. */
export const changes = (patch: Patch.Patch): string =>
  indented(patch.length === 0 ? ["no change"] : patch.map((change) => line(Patch.format([change]))))

/** An event on a line: version, time, type, position. */
export const heading = ({ position, recordedAt, type, version }: RecordedEvent): string =>
  line(`${String(version).padStart(4)}  ${instant(recordedAt)}  ${type}  #${position}`)

/** JSON on a line. */
export const short = (json: Schema.Json): string => line(JSON.stringify(json))

/** JSON as a whole, on many lines. */
export const full = (json: Schema.Json): string =>
  JSON.stringify(json, undefined, 2).split("\n").map(printable).join("\n")

/** An event, what it is read as, and what it changed. */
export const event = ({ patch, readAs, recorded }: Step): string => {
  const read =
    readAs === undefined
      ? []
      : readAs.length === 0
        ? ["read as nothing"]
        : readAs.map(({ data, type }) => `read as ${type} ${JSON.stringify(data)}`)
  return [heading(recorded), indented([short(recorded.data), ...read.map(line)]), changes(patch)].join("\n")
}

/** The same, and the state after it. */
export const step = (step: Step): string => `${event(step)}\n${indented([`= ${short(step.state)}`])}`
