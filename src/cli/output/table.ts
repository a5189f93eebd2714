/**
 * Tables of text.
 */
import * as CliOutput from "effect/cli/CliOutput"

/** Most texts are of letters that have one column each, and to measure others takes a hundred times as long. */
const widthOf = (text: string): number => (/^[ -~]*$/.test(text) ? text.length : CliOutput.displayWidth(text))

const pad = (text: string, width: number, isNumber: boolean): string => {
  const space = " ".repeat(Math.max(0, width - widthOf(text)))
  return isNumber ? space + text : text + space
}

const escapes = new Map([
  ["\n", "\\n"],
  ["\r", "\\r"],
  ["\t", "\\t"]
])

/** As JSON may write it. */
const escaped = (char: string): string =>
  escapes.get(char) ??
  Array.from({ length: char.length }, (_, i) => `\\u${char.charCodeAt(i).toString(16).padStart(4, "0")}`).join("")

/** A cell without what would break a line, or steer the terminal: it may come from an event. */
export const printable = (text: string): string => text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, escaped)

/**
 * A table with a head. Columns whose names begin with `#` are of numbers, and stand to the right.
 */
export const table = (columns: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): string => {
  const isNumber = columns.map((name) => name.startsWith("#"))
  const head = columns.map((name, index) => (isNumber[index] ? name.slice(1) : name))
  const cells = rows.map((row) => row.map(printable))
  const widths = head.map((name, index) =>
    cells.reduce((most, row) => Math.max(most, widthOf(row[index] ?? "")), widthOf(name))
  )
  const line = (row: ReadonlyArray<string>): string =>
    row
      .map((cell, index) => pad(cell, widths[index]!, isNumber[index]!))
      .join("  ")
      .trimEnd()
  return [line(head), line(widths.map((width) => "─".repeat(width))), ...cells.map(line)].join("\n")
}
