/**
 * Points in time as they are written on a command line: a version, or an instant.
 */
import * as DateTime from "effect/DateTime"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type { Interval, Point } from "../../internal/runtime/point.ts"
import { CliFailure } from "../failure.ts"

const wrong = (problem: string): CliFailure =>
  new CliFailure({
    kind: "usage",
    problem,
    advice:
      "Write two points as --compare 3 7, as --compare 2026-03-01 2026-03-31T10:00:00Z, or as --compare 3 for all that came after version 3"
  })

const pointOf = (text: string): Result.Result<Point, CliFailure> => {
  if (/^\d{1,15}$/.test(text)) return Result.succeed({ version: Number(text) })
  const instant = /^\d{4}-\d\d/.test(text) ? DateTime.make(text) : Option.none()
  return Option.isSome(instant)
    ? Result.succeed({ instant: instant.value })
    : Result.fail(wrong(`"${text}" is neither a version nor an instant`))
}

/** Two points. Without the second one it is the end of what is recorded. */
export const intervalOf = (from: string, to: string | undefined): Result.Result<Interval<Point>, CliFailure> =>
  Result.gen(function* () {
    const first = yield* pointOf(from)
    return to === undefined ? { from: first } : { from: first, to: yield* pointOf(to) }
  })
