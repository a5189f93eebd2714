/**
 * Bar charts of text.
 */
import * as CliOutput from "effect/cli/CliOutput"
import { printable } from "./table.ts"

/** One bar: what it is of, how long it is beside the others, and its value as people read it. */
export interface Bar {
  readonly label: string
  readonly value: number
  readonly text: string
}

const eighths = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"]

/** The least columns that the longest bar has, however narrow the chart is. */
const leastColumns = 8

/** A bar of so many columns, to an eighth. What is more than nothing can be seen. */
const barOf = (share: number, columns: number): string => {
  const parts = share > 0 ? Math.max(1, Math.round(share * columns * 8)) : 0
  return "█".repeat(Math.floor(parts / 8)) + eighths[parts % 8]!
}

const spaces = (width: number, text: string): string => " ".repeat(Math.max(0, width - CliOutput.displayWidth(text)))

/**
 * A chart of a line for each row, in so many columns: its label, its text, and a bar that is as long as its value is great. Values count from
 * zero; one that is below it, or no number, has no bar.
 */
export const bars = (rows: ReadonlyArray<Bar>, width: number): string => {
  const shown = rows.map(({ label, text, value }) => ({
    label: printable(label),
    text: printable(text),
    value: Number.isFinite(value) ? value : 0
  }))
  const widest = (texts: ReadonlyArray<string>) =>
    texts.reduce((most, text) => Math.max(most, CliOutput.displayWidth(text)), 0)
  const labels = widest(shown.map(({ label }) => label))
  const texts = widest(shown.map(({ text }) => text))
  const greatest = shown.reduce((most, { value }) => Math.max(most, value), 0)
  const columns = Math.max(leastColumns, Math.floor(width) - labels - texts - 4)
  return shown
    .map(({ label, text, value }) => {
      const bar = barOf(greatest === 0 ? 0 : value / greatest, columns)
      return `${label}${spaces(labels, label)}  ${spaces(texts, text)}${text}  ${bar}`.trimEnd()
    })
    .join("\n")
}
