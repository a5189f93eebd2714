/**
 * What a validation has found, as it is printed.
 */
import type * as Schema from "effect/Schema"
import { counted } from "../output/format.ts"
import { printable } from "../output/table.ts"
import { type Finding, type Group, type Place, placeText, rules, type Severity } from "./findings.ts"
import type { Checked } from "./log.ts"

const ofSeverity = (groups: ReadonlyArray<Group>, severity: Severity): number =>
  groups.filter(({ rule }) => rules[rule].severity === severity).reduce((sum, { count }) => sum + count, 0)

/** How many findings there are of each severity. */
export const severities = (groups: ReadonlyArray<Group>): { readonly [Name in Severity]: number } => ({
  error: ofSeverity(groups, "error"),
  warning: ofSeverity(groups, "warning"),
  info: ofSeverity(groups, "info")
})

const placeJson = (place: Place): Schema.JsonObject => {
  const json: Record<string, Schema.Json> = {}
  for (const [field, value] of Object.entries<string | number | undefined>({ ...place })) {
    if (value !== undefined) json[field] = value
  }
  return json
}

const findingJson = ({ advice, message, place, rule, severity }: Finding): Schema.JsonObject => ({
  severity,
  rule,
  place: placeJson(place),
  message,
  advice
})

/** All of it as JSON. */
export const toJson = (checked: Checked, groups: ReadonlyArray<Group>): Schema.JsonObject => ({
  checked: { ...checked },
  counts: {
    ...severities(groups),
    rules: Object.fromEntries(groups.map(({ count, rule }) => [rule, count]))
  },
  findings: groups.flatMap(({ findings }) => findings.map(findingJson))
})

/** A text of several lines as it is, but for what would steer the terminal. */
const lines = (text: string): ReadonlyArray<string> => text.split("\n").map(printable)

const findingText = ({ message, place }: Finding): string => {
  const [first = "", ...others] = lines(message)
  return [
    `  ${printable(placeText(place))}: ${first}`,
    ...others.map((line) => (line === "" ? "" : `    ${line}`))
  ].join("\n")
}

const groupText = ({ count, findings, rule }: Group): string => {
  const { about, advice, severity } = rules[rule]
  const left = count - findings.length
  return [
    `${severity}: ${about} (${rule}, ${count})`,
    ...findings.map(findingText),
    ...(left > 0 ? [`  and ${left} more`] : []),
    `  → ${advice}`
  ].join("\n")
}

/** All of it as text. */
export const toText = (
  what: string,
  { defined, events, streams, types }: Checked,
  groups: ReadonlyArray<Group>
): string => {
  const { error, info, warning } = severities(groups)
  const found =
    groups.length === 0
      ? "nothing to complain of"
      : [
          ...(error > 0 ? [counted(error, "error")] : []),
          ...(warning > 0 ? [counted(warning, "warning")] : []),
          ...(info > 0 ? [`${counted(info, "thing")} to know`] : [])
        ].join(", ")
  const log = [
    ...(events > 0 || defined === 0
      ? [`${counted(events, "event")} of ${counted(types, "type")} in ${counted(streams, "stream")}`]
      : []),
    ...(defined > 0 ? [`${counted(defined, "type")} in the domain`] : [])
  ].join(", ")
  return [...groups.map((group) => `${groupText(group)}\n`), `${printable(what)}: ${log}: ${found}`].join("\n")
}
