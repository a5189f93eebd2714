/**
 * Reports as text.
 */
import type { Figures, Summary } from "./measure.ts"
import type { Finding, Report } from "./report.ts"

/** A figure without its fraction: 12,345. */
export const whole = (value: number): string => Math.round(value).toLocaleString("en-US")
/** A figure with two digits of its fraction. */
export const fine = (value: number): string => value.toFixed(2)

/** A median with its ends. */
export const shown = (format: (value: number) => string, { max, median, min }: Summary): string =>
  `${format(median)} (${format(min)}..${format(max)})`

/** Rows of cells, the first of them aligned to the left, all others to the right. */
export const table = (rows: ReadonlyArray<ReadonlyArray<string>>): ReadonlyArray<string> => {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows.map(
    (row) =>
      `  ${row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join("   ")}`
  )
}

const row = ({ name, p50, p99, perSecond }: { readonly name: string } & Figures): ReadonlyArray<string> => [
  name,
  shown(whole, perSecond),
  shown(fine, p50),
  shown(fine, p99)
]

/** Whether a finding is where it should be; `undefined` when nothing is asked of it. */
export const isMet = ({ target, value }: Finding): boolean | undefined =>
  target === undefined
    ? undefined
    : "atLeast" in target
      ? value.median >= target.atLeast
      : value.median <= target.atMost

const found = (finding: Finding): string => {
  const { name, target, unit, value } = finding
  const figure = unit === undefined ? shown(fine, value) : `${shown(value.max < 1000 ? fine : whole, value)} ${unit}`
  if (target === undefined) return `  ${name}: ${figure}`
  const asked = "atLeast" in target ? `at least ${target.atLeast}` : `at most ${target.atMost}`
  return `  ${name}: ${figure}, target ${asked}: ${isMet(finding) === true ? "met" : "missed"}`
}

/** What a scenario came to: a table, and what was found under it. */
export const lines = ({ findings, name, subjects }: Report): ReadonlyArray<string> => [
  "",
  name,
  ...table([["", "events/s", "p50 ms", "p99 ms"], ...subjects.map(row)]),
  ...findings.map(found)
]

/** How the figures are to be read. */
export const preface = (about: Readonly<Record<string, string | number>>): ReadonlyArray<string> => [
  Object.entries(about)
    .map(([name, value]) => `${name} ${value}`)
    .join(", "),
  "Medians of all rounds (lowest..highest). Ratios are taken round by round. INSERT is one statement and one commit for each",
  "event, by the same client and pool. COPY is one statement for all events of a round, from a file that the server reads itself,",
  "because the client does not speak COPY. SELECT decodes nothing, unless it says so. Latencies are those of one append, one load,",
  "one whole log, or from an acknowledged append to its delivery."
]
