/**
 * Running things side by side, and what a series of figures comes to.
 *
 * What is compared runs in turns, A B A B, in an order that moves on every round: what the machine does besides falls on all alike.
 */
import { Effect } from "effect"

/** What one run came to. */
export interface Sample {
  readonly events: number
  readonly millis: number
  /** How long each operation took, in milliseconds, sorted. */
  readonly latencies: ReadonlyArray<number>
}

/** A median, with the lowest and the highest. */
export interface Summary {
  readonly median: number
  readonly min: number
  readonly max: number
}

/** What all runs of one subject came to. Times are in milliseconds. */
export interface Figures {
  readonly perSecond: Summary
  readonly p50: Summary
  readonly p99: Summary
}

const sorted = (values: ReadonlyArray<number>): ReadonlyArray<number> => values.toSorted((a, b) => a - b)

/** The value below which a share of the sorted values are. */
const quantile = (values: ReadonlyArray<number>, share: number): number =>
  values[Math.min(values.length - 1, Math.floor(values.length * share))] ?? Number.NaN

/** The middle of some values, and their ends. */
export const summary = (values: ReadonlyArray<number>): Summary => {
  const inRow = sorted(values)
  const half = (inRow.length - 1) / 2
  const median = ((inRow[Math.floor(half)] ?? Number.NaN) + (inRow[Math.ceil(half)] ?? Number.NaN)) / 2
  return { median, min: inRow[0] ?? Number.NaN, max: inRow.at(-1) ?? Number.NaN }
}

export const perSecond = (sample: Pick<Sample, "events" | "millis">): number => (sample.events / sample.millis) * 1000
export const p50 = (sample: Sample): number => quantile(sample.latencies, 0.5)
export const p99 = (sample: Sample): number => quantile(sample.latencies, 0.99)

/** What a subject's samples come to. */
export const figures = (samples: ReadonlyArray<Sample>): Figures => ({
  perSecond: summary(samples.map(perSecond)),
  p50: summary(samples.map(p50)),
  p99: summary(samples.map(p99))
})

/** How a figure of one subject compares with that of another, round by round. */
export const ratio = <S>(figure: (sample: S) => number, of: ReadonlyArray<S>, to: ReadonlyArray<S>): Summary =>
  summary(of.flatMap((sample, round) => (to[round] === undefined ? [] : figure(sample) / figure(to[round]))))

/** Works through lists at once, each in order, and takes the time of every step. A step that stands for more events says so. */
export const timed = <A, E, R>(
  lists: ReadonlyArray<ReadonlyArray<A>>,
  step: (one: A) => Effect.Effect<unknown, E, R>,
  eventsOf: (one: A) => number = () => 1
): Effect.Effect<Sample, E, R> =>
  Effect.gen(function* () {
    const latencies: Array<number> = []
    const began = performance.now()
    yield* Effect.forEach(
      lists,
      Effect.fnUntraced(function* (list) {
        for (const one of list) {
          const since = performance.now()
          yield* step(one)
          latencies.push(performance.now() - since)
        }
      }),
      { concurrency: "unbounded", discard: true }
    )
    const millis = performance.now() - began
    return { events: lists.flat().reduce((sum, one) => sum + eventsOf(one), 0), millis, latencies: sorted(latencies) }
  })

/** The samples of each subject, by round. */
export type Samples = ReadonlyMap<string, ReadonlyArray<Sample>>

/**
 * Runs all subjects once for each round, beginning with another one each time. The subjects of a round are made for it; the first
 * round warms up and does not count.
 */
export const inTurns = <E, R>(
  rounds: number,
  subjectsOf: (round: number) => Effect.Effect<
    {
      readonly subjects: ReadonlyArray<readonly [name: string, run: Effect.Effect<Sample, E, R>]>
      readonly check: Effect.Effect<void, E, R>
    },
    E,
    R
  >
): Effect.Effect<Samples, E, R> =>
  Effect.gen(function* () {
    const samples = new Map<string, Array<Sample>>()
    for (let round = 0; round <= rounds; round++) {
      const { check, subjects } = yield* subjectsOf(round)
      const first = round % subjects.length
      for (const [name, run] of [...subjects.slice(first), ...subjects.slice(0, first)]) {
        const sample = yield* run
        if (round > 0) samples.set(name, [...(samples.get(name) ?? []), sample])
      }
      yield* check
    }
    return samples
  })
