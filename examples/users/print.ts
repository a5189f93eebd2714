/**
 * 15. What is told of a scenario: what each read model answers, and whether they agree.
 */
import { Option } from "effect"
import { type Problem, type Rule, rules } from "./audit.ts"
import type { Account } from "./by-email.ts"
import type { Profile } from "./profiles.ts"
import type { Hit } from "./search.ts"

export const lookupLine = (email: string, found: Option.Option<Account>): string =>
  Option.match(found, {
    onNone: () => `  ${email}: nobody`,
    onSome: ({ id, is_active, name }) => `  ${email}: ${name} (${id})${is_active ? "" : ", who has left"}`
  })

/** Since when they are a user is another instant each time, and is not told. */
export const profileLines = (id: string, profile: Option.Option<Profile>): ReadonlyArray<string> =>
  Option.match(profile, {
    onNone: () => [`  ${id}: no document`],
    onSome: ({ bio, email, formerEmails, name, organisation, status }) => [
      `  ${id}`,
      ...Object.entries({ name, email, formerEmails, bio, organisation, status }).map(
        ([field, value]) => `    ${field.padEnd(12)}  ${typeof value === "string" ? value : value.join(", ")}`
      )
    ]
  })

/** How many were found, and the best three of them. */
export const searchLines = (asked: string, hits: ReadonlyArray<Hit>): ReadonlyArray<string> => [
  `  ${asked}: ${hits.length === 0 ? "nobody" : hits.length}`,
  ...hits.slice(0, 3).map(({ excerpt, name, rank }) => `    ${rank.toFixed(3)}  ${name.padEnd(18)}  ${excerpt}`)
]

const isRule = (name: string): name is Rule => Object.hasOwn(rules, name)

/** Each rule, and where it is broken. */
export const verdict = (problems: ReadonlyArray<Problem>): ReadonlyArray<string> =>
  Object.keys(rules)
    .filter(isRule)
    .flatMap((rule) => {
      const broken = problems.filter((one) => one.rule === rule)
      return [
        `  ${broken.length === 0 ? "    ok" : "BROKEN"}  ${rules[rule]}`,
        ...broken.slice(0, 10).map(({ problem }) => `          ${problem}`)
      ]
    })
