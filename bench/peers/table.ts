/**
 * Results as text.
 */
import type { Summary } from "../measure.ts"
import { fine, shown, table, whole } from "../print.ts"
import type { Target } from "../report.ts"
import type { Aim, Line, Result } from "./result.ts"

const megabytes = (bytes: number): string => `${Math.round(bytes / 1_000_000)} MB`

const unless = (value: Summary | undefined, format: (value: number) => string): string =>
  value === undefined || Number.isNaN(value.median) ? "-" : shown(format, value)

const row = ({ outcome, ratio, who }: Line): ReadonlyArray<string> => {
  const name = `${who} (${outcome.variant})`
  if ("failed" in outcome) return [name, "-", "-", "-", "-", "-", "-", "failed"]
  const { check, events, p50, p99, peak, perSecond } = outcome
  return [
    name,
    whole(events),
    unless(perSecond, whole),
    unless(p50, fine),
    unless(p99, fine),
    megabytes(peak),
    unless(ratio, fine),
    check === "ok" ? "ok" : "not ok"
  ]
}

const notes = ({ outcome, who }: Line): ReadonlyArray<string> => {
  const name = `${who} (${outcome.variant})`
  if ("failed" in outcome) return [`  ${name} has failed: ${outcome.failed}`]
  return [
    ...Object.entries(outcome.others).map(([of, value]) => `  ${name}, ${of}: ${unless(value, fine)}`),
    ...(outcome.check === "ok" ? [] : [`  ${name}: ${outcome.check}`])
  ]
}

/** What a scenario came to: a table, and below it what else was found, left out or lost. */
export const lines = (result: Result): ReadonlyArray<string> => [
  "",
  result.name,
  ...table([
    ["", "events", "events/s", "p50 ms", "p99 ms", "memory", `${result.by} of eventfold / its`, "check"],
    ...result.lines.map(row)
  ]),
  ...result.lines.flatMap(notes)
]

const asked = (target: Target): string =>
  "atLeast" in target ? `at least ${target.atLeast}` : `at most ${target.atMost}`

const aimRow = ({ by, name }: Result, { isMet, target, value, variant, who }: Aim): ReadonlyArray<string> => [
  name,
  `${by} / ${who}${variant === undefined ? "" : ` (${variant})`}`,
  unless(value, fine),
  asked(target),
  isMet ? "met" : value === undefined ? "not measured" : "missed"
]

/** The targets of all scenarios, and who has met them. */
export const targets = (results: ReadonlyArray<Result>): ReadonlyArray<string> => {
  const rows = results.flatMap((result) => result.aims.map((aim) => aimRow(result, aim)))
  const broken = results.filter(({ isBroken }) => isBroken)
  return [
    ...(rows.length === 0 ? [] : ["", "targets", ...table([["", "", "", "target", ""], ...rows])]),
    ...broken.map(({ check, name }) => `  ${name}: eventfold has not done its work: ${check}`)
  ]
}

/** How the figures are to be read. */
export const preface = (about: Readonly<Record<string, unknown>>): ReadonlyArray<string> => [
  ...Object.entries(about).map(
    ([name, value]) => `${name}: ${typeof value === "object" ? JSON.stringify(value) : String(value)}`
  ),
  "",
  "Medians of all rounds (lowest..highest). Each is a process, or several, with a pool of the same size and a database of its own; they",
  "take turns, and the server writes what it has before each turn. Ratios are Eventfold's figure divided by that of the other, round by",
  "round: of rates more is better, of times less. Emmett is compared at its best variant that has done all of its work. A check that is",
  "not ok says what a contender has lost, doubled or left out."
]
