/**
 * The parts of docs/same-domain.md that are made by a program.
 */
import { join } from "node:path"
import { read } from "../support/project.ts"
import { type Measure, measure, nothing, sum } from "./measure.ts"
import { type Mistake, mistakes } from "./mistakes.ts"
import { everyone, folderOf, nameOf, parts, type Who } from "./programs.ts"
import type { Outcome } from "./variants.ts"

/** The document, from the project's folder. */
export const document = "docs/same-domain.md"

const row = (...cells: ReadonlyArray<string | number>): string => `| ${cells.join(" | ")} |`

const head = (...cells: ReadonlyArray<string>): ReadonlyArray<string> => [row(...cells), row(...cells.map(() => "---"))]

const measured: Record<Who, Readonly<Record<keyof typeof parts, Measure>>> = (() => {
  const of = (who: Who) => {
    const part = (file: string) => measure(read(join(folderOf[who], file)))
    return { rules: part(parts.rules), service: part(parts.service), specs: part(parts.specs) }
  }
  return { eventfold: of("eventfold"), emmett: of("emmett"), castore: of("castore") }
})()

/** How much there is of what. */
export const sizes = (): ReadonlyArray<string> => {
  const of = (title: string, one: (who: Who) => number) => row(title, ...everyone.map(one))
  const whole = (who: Who) => Object.values(measured[who]).reduce(sum, nothing)
  const all = (title: string, key: keyof Measure) => of(title, (who) => whole(who)[key])
  return [
    ...head("", ...everyone.map((who) => nameOf[who])),
    of("lines of the rules", (who) => measured[who].rules.lines),
    of("lines of the service", (who) => measured[who].service.lines),
    of("lines of the specs", (who) => measured[who].specs.lines),
    all("lines", "lines"),
    all("characters", "characters"),
    all("type arguments", "typeArguments"),
    all("type annotations", "annotations"),
    all("types declared", "declarations"),
    all("casts", "casts"),
    all("`as const`", "asConst")
  ]
}

const verdict = ({ compiler }: Outcome): string => {
  const errors = compiler.filter((line) => !line.startsWith(" ")).length
  if (errors === 0) return "**compiles**"
  return `${errors === 1 ? "an error" : `${errors} errors`}, ${compiler.length === 1 ? "a line" : `${compiler.length} lines`}`
}

/** What the compiler sees, at a glance. */
export const overview = (found: Readonly<Record<string, ReadonlyArray<Outcome>>>): ReadonlyArray<string> => [
  ...head("", ...everyone.map((who) => nameOf[who])),
  ...mistakes.map(({ title }, index) =>
    row(
      title.toLowerCase(),
      ...everyone.map((who) => {
        const outcome = found[who]?.[index + 1]
        return outcome === undefined ? "" : verdict(outcome)
      })
    )
  )
]

const fenced = (language: string, lines: ReadonlyArray<string>): ReadonlyArray<string> => [
  `\`\`\`${language}`,
  ...lines,
  "```",
  ""
]

/** One mistake in one program: what was changed, and what came of it. */
export const quote = (who: Who, { compiler, answers, diff }: Outcome): ReadonlyArray<string> => [
  `**${nameOf[who]}**`,
  "",
  ...fenced("diff", diff),
  ...(compiler.length > 0
    ? fenced("text", compiler)
    : ["It compiles, and the bank answers:", "", ...fenced("text", answers)])
]

/** What is said of one mistake. */
export const section = ({ says, title }: Mistake): ReadonlyArray<string> => [`### ${title}`, "", says, ""]

/** A document's lines between two marks that are comments. */
export const between = (text: string, mark: string): string => {
  const [, rest] = text.split(`<!-- ${mark} -->\n`)
  const [inside] = (rest ?? "").split(`<!-- /${mark} -->`)
  if (rest === undefined || inside === undefined) throw new Error(`${document} has no part that is marked ${mark}`)
  return inside
}

/** A document with other lines between two marks. */
export const replaced = (text: string, mark: string, lines: ReadonlyArray<string>): string =>
  text.replace(`<!-- ${mark} -->\n${between(text, mark)}`, () => `<!-- ${mark} -->\n\n${lines.join("\n").trim()}\n\n`)

/** A text as it is whatever widths its tables are padded to. */
export const unpadded = (text: string): string =>
  text
    .replaceAll(/ *\| */g, "|")
    .replaceAll(/-{3,}/g, "---")
    .trim()
