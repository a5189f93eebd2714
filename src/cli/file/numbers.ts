/**
 * Numbers that JSON can write and JavaScript cannot keep: read, they are others.
 */

/** Lines without such a run of characters have none. */
const suspicious = /[\d.]{16}|[eE]-\d{3}/

const number = /-?(\d+)(\.\d+)?([eE][+-]?\d+)?/y

const digitsOf = (text: string): string => text.replace(/[eE].*|[-.]/g, "").replace(/^0+|0+$/g, "")

/** As many digits any number keeps, and as many are written where they are not counted. */
const keptDigits = 17

const isChanged = (text: string, isWhole: boolean): boolean => {
  const value = Number(text)
  const digits = digitsOf(text)
  if (digits === "") return false
  if (value === 0) return true
  if (digits === digitsOf(String(value))) return false
  return isWhole ? BigInt(value) !== BigInt(text) : digits.length > keptDigits
}

/** The end of the text that begins in a line of JSON. */
const afterText = (line: string, from: number): number => {
  for (let at = line.indexOf('"', from + 1); at !== -1; at = line.indexOf('"', at + 1)) {
    let escapes = 0
    while (line[at - 1 - escapes] === "\\") escapes++
    if (escapes % 2 === 0) return at + 1
  }
  return line.length
}

/** What is wrong with the first number on a line of JSON that would be stored as another one. */
export const numberProblem = (line: string): string | undefined => {
  if (!suspicious.test(line)) return undefined
  for (let at = 0; at < line.length;) {
    number.lastIndex = at
    const found = number.exec(line)
    if (found === null) {
      at = line[at] === '"' ? afterText(line, at) : at + 1
      continue
    }
    const [text, , fraction, exponent] = found
    if (isChanged(text, fraction === undefined && exponent === undefined)) {
      return `the number ${text} has more digits than are kept: it would be ${Number(text)}`
    }
    at = number.lastIndex
  }
  return undefined
}
