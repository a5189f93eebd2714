/**
 * 8. What is told of a term.
 */
import { type Rule, rules } from "./audit.ts"
import type { Report } from "./term.ts"

const isRule = (name: string): name is Rule => Object.hasOwn(rules, name)

/** Each rule, and where it is broken. */
const verdict = (problems: Report["problems"]): ReadonlyArray<string> =>
  Object.keys(rules)
    .filter(isRule)
    .flatMap((rule) => {
      const broken = problems.filter((one) => one.rule === rule)
      const shown = broken.slice(0, 5).map(({ problem }) => `          ${problem}`)
      const more = broken.length > shown.length ? [`          and ${broken.length - shown.length} more`] : []
      return [`  ${broken.length === 0 ? "    ok" : "BROKEN"}  ${rules[rule]}`, ...shown, ...more]
    })

const wrapped = (words: ReadonlyArray<string>, perLine: number): ReadonlyArray<string> =>
  words.length === 0 ? [] : [`  ${words.slice(0, perLine).join(" ")}`, ...wrapped(words.slice(perLine), perLine)]

export const render = ({ acts, admitted, problems, refused, wanted }: Report): string =>
  [
    "Who got in, in the order of the log",
    ...wrapped(admitted, 10),
    `  and ${refused} were told that it is full`,
    "",
    "What was done at the same time                                        commands   decided again",
    ...acts.map(
      ({ commands, conflicts, what }) =>
        `  ${what.padEnd(68)}${String(commands).padStart(8)}${String(conflicts).padStart(16)}`
    ),
    "",
    `At the end ${wanted.students.size} of ${wanted.seats} seats are taken, and ${wanted.waiting.size} wait.`,
    "",
    "What must hold, by the log alone",
    ...verdict(problems),
    ""
  ].join("\n")
