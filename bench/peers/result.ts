/**
 * What a scenario came to: the figures of each who took part, how Eventfold compares with them, and whether that is as it should be.
 */
import { ratio, perSecond, type Summary, summary } from "../measure.ts"
import { isMet } from "../print.ts"
import type { Target } from "../report.ts"
import type { Sample } from "./contract.ts"
import type { Outcome } from "./rounds.ts"
import type { Scenario, Who } from "./scenarios.ts"

/** The figures of one who took part. Times are in milliseconds, memory is in bytes. */
export interface Figures {
  readonly variant: string
  readonly runs: number
  /** How many events a run was of. */
  readonly events: number
  readonly perSecond: Summary
  readonly p50: Summary
  readonly p99: Summary
  readonly others: Readonly<Record<string, Summary>>
  readonly peak: number
  readonly check: string
}

/** What came of one who took part, and how Eventfold's figure compares with its own. */
export interface Line {
  readonly who: Who
  readonly outcome: Figures | { readonly variant: string; readonly failed: string }
  /** The figure of Eventfold, divided by this one's, round by round; `undefined` where one of the two has none. */
  readonly ratio: Summary | undefined
}

/** A target, and what was found: no value where it could not be measured, which misses it. */
export interface Aim {
  readonly who: Who
  /** The variant of the other that Eventfold is compared with. */
  readonly variant: string | undefined
  readonly target: Target
  readonly value: Summary | undefined
  readonly isMet: boolean
}

/** What a scenario came to. */
export interface Result {
  readonly name: string
  readonly by: Scenario["by"]
  readonly lines: ReadonlyArray<Line>
  /** The line of each that counts: of several variants the best one. */
  readonly best: Readonly<Partial<Record<Who, Line>>>
  readonly aims: ReadonlyArray<Aim>
  /** "ok" when Eventfold and what it is measured against have done all of their work; else what they have not. */
  readonly check: string
  /** Whether Eventfold has not done all of its own. */
  readonly isBroken: boolean
  readonly missed: boolean
}

type Done = Extract<Outcome, { readonly _tag: "Done" }>

const isDone = (outcome: Outcome): outcome is Done => outcome._tag === "Done"

const othersOf = (samples: ReadonlyArray<Sample>): Readonly<Record<string, Summary>> => {
  const names = new Set(samples.flatMap(({ others = {} }) => Object.keys(others)))
  return Object.fromEntries(
    Array.from(names, (name) => [name, summary(samples.flatMap(({ others = {} }) => others[name] ?? []))])
  )
}

const figuresOf = ({ check, entrant, peak, samples }: Done): Figures => ({
  variant: entrant.variant,
  runs: samples.length,
  events: summary(samples.map(({ events }) => events)).median,
  perSecond: summary(samples.map(perSecond)),
  p50: summary(samples.map(({ p50 }) => p50)),
  p99: summary(samples.map(({ p99 }) => p99)),
  others: othersOf(samples),
  peak,
  check
})

const problemsOf = (lines: ReadonlyArray<Line>, who: Who): ReadonlyArray<string> =>
  lines.flatMap(({ outcome, who: its }) => {
    if (its !== who) return []
    if ("failed" in outcome) return [`${who} (${outcome.variant}) has failed: ${outcome.failed}`]
    return outcome.check === "ok" ? [] : [`${who} (${outcome.variant}): ${outcome.check}`]
  })

/** What was left out of the work is not counted as speed: who has done all of it comes first, and then who is faster. */
const bestOf = (by: Scenario["by"], lines: ReadonlyArray<Line>): Line | undefined => {
  const rank = ({ outcome }: Line) => ("failed" in outcome ? 2 : outcome.check === "ok" ? 0 : 1)
  const cost = ({ outcome }: Line) =>
    "failed" in outcome ? 0 : by === "p50" ? outcome.p50.median : -outcome.perSecond.median
  return lines.toSorted((a, b) => rank(a) - rank(b) || cost(a) - cost(b))[0]
}

const everybody = ["eventfold", "emmett", "plain", "limit"] as const

/** What the outcomes of a scenario come to. */
export const resultOf = (scenario: Scenario, outcomes: ReadonlyArray<Outcome>): Result => {
  const { by, limit, name, targets } = scenario
  const figure = by === "rate" ? perSecond : ({ p50 }: Sample) => p50
  const ours = outcomes.filter(isDone).find(({ entrant }) => entrant.who === "eventfold")
  const lines = outcomes.map((outcome): Line => {
    const { variant, who } = outcome.entrant
    if (!isDone(outcome)) return { who, outcome: { variant, failed: outcome.message }, ratio: undefined }
    const isCompared = who !== "eventfold" && ours !== undefined
    return {
      who,
      outcome: figuresOf(outcome),
      ratio: isCompared ? ratio(figure, ours.samples, outcome.samples) : undefined
    }
  })
  const best: Partial<Record<Who, Line>> = {}
  for (const who of everybody) {
    const line = bestOf(
      by,
      lines.filter((line) => line.who === who && (who !== "limit" || line.outcome.variant === limit))
    )
    if (line !== undefined) best[who] = line
  }
  const aims = everybody.flatMap((who): ReadonlyArray<Aim> => {
    const target = targets[who]
    if (target === undefined) return []
    const value = best[who]?.ratio
    const met = value !== undefined && isMet({ name, value, target }) === true
    return [{ who, variant: best[who]?.outcome.variant, target, value, isMet: met }]
  })
  const ourProblems = problemsOf(lines, "eventfold")
  return {
    name,
    by,
    lines,
    best,
    aims,
    check: [...ourProblems, ...problemsOf(lines, "limit")].join("; ") || "ok",
    isBroken: ourProblems.length > 0,
    missed: ourProblems.length > 0 || aims.some((aim) => !aim.isMet)
  }
}
