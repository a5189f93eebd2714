/**
 * How far a long piece of work is: a line that changes where somebody watches, and lines from time to time where nobody does. On the standard
 * error, so that the output can be piped.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { PlatformError } from "effect/PlatformError"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import { count, duration } from "./format.ts"

/** Says that so many more are done. */
export type Advance = (more: number) => Effect.Effect<void, PlatformError>

export interface Options {
  /** What is done, such as `exporting`. */
  readonly label: string
  /** What is counted, such as `events`. */
  readonly unit: string
  /** How many there are, where that is known. */
  readonly total: number | undefined
}

const watchedEvery = 100
const loggedEvery = 5000

const clear = "\r\u001B[2K"

/** How far it is, how fast it goes, and how much time is left. */
const lineOf = ({ label, total, unit }: Options, done: number, millis: number): string => {
  const rate = millis === 0 ? 0 : (done * 1000) / millis
  const speed = rate === 0 ? "" : `, ${count(rate)} a second`
  if (total === undefined) return `${label}: ${count(done)} ${unit}${speed}`
  const percent = total === 0 ? 100 : Math.floor((done * 100) / total)
  const left = rate === 0 || done >= total ? "" : `, ${duration(((total - done) * 1000) / rate)} left`
  return `${label}: ${count(done)} of ${count(total)} ${unit} (${percent}%)${speed}${left}`
}

/**
 * Runs a piece of work that says how far it is. What is quick says nothing; the last line says what was done in all.
 */
export const withProgress = <A, E, R>(
  options: Options,
  use: (advance: Advance) => Effect.Effect<A, E, R>
): Effect.Effect<A, E | PlatformError, R | Stdio.Stdio> =>
  Effect.gen(function* () {
    const stdio = yield* Stdio.Stdio
    const isWatched = yield* stdio.stderrIsTerminal
    const say = (text: string) => Stream.run(Stream.make(text), stdio.stderr({ endOnDone: false }))
    const started = yield* Clock.currentTimeMillis
    const every = isWatched ? watchedEvery : loggedEvery
    let done = 0
    let said = started
    let hasSaid = false
    const show = (now: number): Effect.Effect<void, PlatformError> => {
      said = now
      hasSaid = true
      const line = lineOf(options, done, now - started)
      return say(isWatched ? `${clear}${line}` : `${line}\n`)
    }
    const advance: Advance = (more) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => {
        done += more
        return now - said < every ? Effect.void : show(now)
      })
    const finish = Effect.flatMap(Clock.currentTimeMillis, (now) =>
      hasSaid ? Effect.andThen(show(now), isWatched ? say("\n") : Effect.void) : Effect.void
    )
    return yield* Effect.ensuring(use(advance), Effect.ignore(finish))
  })
