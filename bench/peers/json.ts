/**
 * Results as JSON: what somebody who compares two runs, or draws them, needs of each.
 */
import type { Target } from "../report.ts"
import type { Line, Result } from "./result.ts"
import type { Who } from "./scenarios.ts"

/** The figures of a contender at its best, or why it has none, with those of its other variants. Times are in milliseconds, memory is in bytes. */
export type Contender = Line["outcome"] & { readonly variants: ReadonlyArray<Line["outcome"]> }

/** A scenario: its contenders, and the median of what Eventfold's figure, divided by that of each, comes to. */
export interface ScenarioJson extends Readonly<Partial<Record<Who, Contender>>> {
  readonly name: string
  /** Which figure the ratios are of. */
  readonly by: Result["by"]
  readonly ratios: Readonly<Partial<Record<Who, number>>>
  readonly targets: Readonly<Partial<Record<Who, Target>>>
  /** Whether Eventfold has missed a target, or has not done its work. */
  readonly missed: boolean
  readonly check: string
}

/** What a run is written down as. */
export interface Json {
  readonly about: Readonly<Record<string, unknown>>
  readonly scenarios: ReadonlyArray<ScenarioJson>
}

const contenderOf = (best: Line, lines: ReadonlyArray<Line>): Contender => ({
  ...best.outcome,
  variants: lines.filter((line) => line.who === best.who && line !== best).map(({ outcome }) => outcome)
})

const entries = <A>(best: Result["best"], valueOf: (line: Line) => A | undefined): Partial<Record<Who, A>> => {
  const found: Partial<Record<Who, A>> = {}
  for (const line of Object.values(best)) {
    const value = valueOf(line)
    if (value !== undefined) found[line.who] = value
  }
  return found
}

const scenarioJson = ({ aims, best, by, check, lines, missed, name }: Result): ScenarioJson => {
  const targets: Partial<Record<Who, Target>> = {}
  for (const { target, who } of aims) targets[who] = target
  return {
    name,
    by,
    ...entries(best, (line) => contenderOf(line, lines)),
    ratios: entries(best, ({ ratio }) => ratio?.median),
    targets,
    missed,
    check
  }
}

/** All of a run. A figure that nobody has taken is null. */
export const json = (about: Json["about"], results: ReadonlyArray<Result>): Json => ({
  about,
  scenarios: results.map(scenarioJson)
})
