/**
 * A scenario from its beginning to its end: all who take part do the same work, round by round and in turns.
 */
import { type Duration, Effect, Exit, Scope } from "effect"
import type { SqlError } from "effect/sql"
import { summary } from "../measure.ts"
import type { Sample, Task } from "./contract.ts"
import type { Ground } from "./ground.ts"
import { type ContenderFailed, type Process, start } from "./processes.ts"
import type { Entrant, Scenario, Who } from "./scenarios.ts"

/** What came of one who took part. */
export type Outcome =
  | {
      readonly _tag: "Done"
      readonly entrant: Entrant
      /** One for each round but the first, which warms up. */
      readonly samples: ReadonlyArray<Sample>
      /** What its own check says. */
      readonly check: string
      /** The most memory that its processes ever had together, in bytes. */
      readonly peak: number
    }
  | { readonly _tag: "Failed"; readonly entrant: Entrant; readonly message: string }

/** How scenarios are run. */
export interface Rules {
  /** The program of each contender. */
  readonly programs: Readonly<Record<Who, string>>
  /** How long one may take for anything it is told to do, before it has failed. */
  readonly patience: Duration.Input
}

const unbounded = { concurrency: "unbounded" } as const

/** What several processes that work together come to: from when they are told until the last one is done. */
const joined = (samples: ReadonlyArray<Sample>, millis: number): Sample => ({
  events: samples.reduce((sum, { events }) => sum + events, 0),
  millis,
  p50: summary(samples.map(({ p50 }) => p50)).median,
  p99: summary(samples.map(({ p99 }) => p99)).max
})

const runAll = Effect.fnUntraced(function* (processes: ReadonlyArray<Process>, round: number) {
  const began = performance.now()
  const samples = yield* Effect.forEach(processes, ({ run }) => run(round), unbounded)
  const [alone, ...more] = samples
  return alone !== undefined && more.length === 0 ? alone : joined(samples, performance.now() - began)
})

const checkAll = Effect.fnUntraced(function* (processes: ReadonlyArray<Process>) {
  const all = yield* Effect.forEach(processes, ({ check }) => check)
  const wrong = new Set(all.map(({ check }) => check).filter((check) => check !== "ok"))
  return {
    check: wrong.size === 0 ? "ok" : [...wrong].join("; "),
    peak: all.reduce((sum, { peak }) => sum + peak, 0)
  }
})

/** One who takes part: the processes of a contender on a database of its own, until it fails. */
interface Team {
  readonly entrant: Entrant
  readonly prepare: Effect.Effect<void>
  readonly run: (round: number) => Effect.Effect<void>
  readonly outcome: Effect.Effect<Outcome>
  readonly hasFailed: () => boolean
}

const enter = Effect.fnUntraced(function* (scenario: Scenario, entrant: Entrant, ground: Ground, rules: Rules) {
  const scope = yield* Scope.fork(yield* Effect.scope)
  const url = yield* Scope.provide(ground.database(scenario.settings), scope)
  const processes = yield* Effect.forEach(Array.from({ length: scenario.processes }), () =>
    Scope.provide(start(rules.programs[entrant.program ?? entrant.who], rules.patience), scope)
  )
  const samples: Array<Sample> = []
  let failed: string | undefined
  // Who has failed goes at once, and does not disturb the others.
  const unlessFailed = (work: Effect.Effect<void, ContenderFailed>): Effect.Effect<void> =>
    Effect.suspend(() => (failed === undefined ? work : Effect.void)).pipe(
      Effect.catch(({ message }) => {
        failed = message
        return Scope.close(scope, Exit.void)
      })
    )
  const taskOf = (process: number): Task => ({
    ...scenario.size,
    streams: entrant.streams ?? scenario.size.streams,
    each: entrant.each ?? scenario.size.each,
    scenario: scenario.does,
    connections: scenario.connections,
    variant: entrant.variant,
    url,
    process
  })
  const team: Team = {
    entrant,
    prepare: unlessFailed(
      Effect.forEach(processes, ({ prepare }, process) => prepare(taskOf(process)), { discard: true })
    ),
    run: (round) =>
      unlessFailed(
        Effect.map(runAll(processes, round), (sample) => {
          if (round > 0) samples.push(sample)
        })
      ),
    outcome: Effect.gen(function* () {
      let checked = { check: "", peak: 0 }
      yield* unlessFailed(Effect.map(checkAll(processes), (all) => void (checked = all)))
      return failed === undefined
        ? { _tag: "Done", entrant, samples, ...checked }
        : { _tag: "Failed", entrant, message: failed }
    }),
    hasFailed: () => failed !== undefined
  }
  return team
})

/**
 * Runs a scenario. In each round everybody who has not failed takes a turn, beginning with another one each time, and the server writes
 * what it has before each turn. Fails when the server does.
 */
export const compete = (
  scenario: Scenario,
  ground: Ground,
  rules: Rules
): Effect.Effect<ReadonlyArray<Outcome>, SqlError.SqlError> =>
  Effect.gen(function* () {
    const teams = yield* Effect.forEach(scenario.entrants, (entrant) => enter(scenario, entrant, ground, rules))
    for (const { prepare } of teams) yield* prepare
    for (let round = 0; round <= scenario.rounds; round++) {
      const first = round % teams.length
      for (const { hasFailed, run } of [...teams.slice(first), ...teams.slice(0, first)]) {
        if (hasFailed()) continue
        yield* ground.settle
        yield* run(round)
      }
    }
    return yield* Effect.forEach(teams, ({ outcome }) => outcome)
  }).pipe(Effect.scoped)
