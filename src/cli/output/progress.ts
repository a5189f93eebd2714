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

/**
 * Says that so many more are done. Where what is done is no measure of how far it is, as with the events that match among all there are, it also says
 * what has been reached, on the way to the total.
 */
export type Advance = (more: number, reached?: number) => Effect.Effect<void, PlatformError>

export interface Options {
  /** What is done, such as `exporting`. */
  readonly label: string
  /** What is counted, such as `events`. */
  readonly unit: string
  /** How many there are, or what is to be reached, where that is known. */
  readonly total: number | undefined
}

const watchedEvery = 100
const loggedEvery = 5000
/** How fast it goes, is said of about so much time: long enough to be steady, and short enough to follow what changes. */
const rateOver = 10_000

const clear = "\r\u001B[2K"

/** How much was done when. */
interface Mark {
  readonly at: number
  readonly done: number
  readonly reached: number
}

/** How far it is, how fast it goes lately, and how much time is left if it goes on so. */
const lineOf = (
  { label, total, unit }: Options,
  { done, reached }: Mark,
  perMilli: { readonly done: number; readonly reached: number },
  isCounted: boolean
): string => {
  const speed = perMilli.done > 0 ? `, ${count(perMilli.done * 1000)} a second` : ""
  if (total === undefined) return `${label}: ${count(done)} ${unit}${speed}`
  const percent = total <= 0 ? 100 : Math.min(100, Math.floor((reached * 100) / total))
  const left =
    perMilli.reached > 0 && reached < total ? `, ${duration(Math.ceil((total - reached) / perMilli.reached))} left` : ""
  return `${label}: ${count(done)}${isCounted ? ` of ${count(total)}` : ""} ${unit} (${percent}%)${speed}${left}`
}

/**
 * Runs a piece of work that says how far it is. What is quick says nothing; the last line says what was done in all, and how long it took.
 */
export const withProgress = <A, E, R>(
  options: Options,
  use: (advance: Advance) => Effect.Effect<A, E, R>
): Effect.Effect<A, E | PlatformError, R | Stdio.Stdio> =>
  Effect.gen(function* () {
    const stdio = yield* Stdio.Stdio
    const isWatched = yield* stdio.stderrIsTerminal
    // Where nobody listens any more the work goes on: it was asked for, and this was not.
    const say = (text: string) => Effect.ignore(Stream.run(Stream.make(text), stdio.stderr({ endOnDone: false })))
    const started = yield* Clock.currentTimeMillis
    const every = isWatched ? watchedEvery : loggedEvery
    let now: Mark = { at: started, done: 0, reached: 0 }
    let isCounted = true
    let said = started
    let hasSaid = false
    /** From where the rate is taken: two marks take turns, so that it is of one to two times the span. */
    let marks: readonly [older: Mark, newer: Mark] | undefined

    const show = (): Effect.Effect<void, PlatformError> => {
      said = now.at
      hasSaid = true
      const since = marks?.[0] ?? now
      const millis = Math.max(1, now.at - since.at)
      const perMilli = { done: (now.done - since.done) / millis, reached: (now.reached - since.reached) / millis }
      const line = lineOf(options, now, perMilli, isCounted)
      return say(isWatched ? `${clear}${line}` : `${line}\n`)
    }
    const advance: Advance = (more, reached) =>
      Effect.flatMap(Clock.currentTimeMillis, (at) => {
        const before = now
        isCounted &&= reached === undefined
        now = { at, done: before.done + more, reached: reached ?? before.reached + more }
        // Where it begins far from nothing, as with the events since some day, that was not done in this time.
        const first = { ...before, reached: now.reached - more }
        marks ??= [first, first]
        if (at - marks[1].at >= rateOver) marks = [marks[1], now]
        return at - said < every ? Effect.void : show()
      })
    const finish = Effect.flatMap(Clock.currentTimeMillis, (at) => {
      if (!hasSaid) return Effect.void
      const millis = Math.max(1, at - started)
      const speed = `${count((now.done * 1000) / millis)} a second`
      const line = `${options.label}: ${count(now.done)} ${options.unit} in ${duration(millis)}, ${speed}`
      return say(isWatched ? `${clear}${line}\n` : `${line}\n`)
    })
    return yield* Effect.ensuring(use(advance), Effect.ignore(finish))
  })
