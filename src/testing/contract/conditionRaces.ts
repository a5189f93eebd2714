/**
 * Appends on a condition, raced: while they are stored, and while what they decide on is read.
 */
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Result from "effect/Result"
import type { AppendError, Condition, EventStore, Write } from "../../EventStore.ts"
import { matches, type Query } from "../../Query.ts"
import {
  append,
  event,
  firstPosition,
  fresh,
  freshStream,
  head,
  isStored,
  losses,
  numbers,
  race,
  racers,
  readLog,
  winners,
  write
} from "./fixtures.ts"
import { broken, holds, type Law, law, same } from "./Law.ts"

const capacity = 10
const students = 100

/** An append that succeeded on a condition, and where it was stored. */
interface Kept {
  readonly condition: Condition
  readonly first: number
}

/** What a student wants, how it tells up to where it has read, and how long it takes to decide. */
interface Choice {
  readonly course: string
  readonly byHead: boolean
  readonly hesitation: number
}

/**
 * Enrols students in courses with a limit, each deciding on what it has just read and trying again when that is stale.
 * Gives the appends that succeeded, and checks every conflict: it names the first event that matches.
 */
const enrol = (courses: ReadonlyArray<string>, type: string, start: number) =>
  Effect.gen(function* () {
    const kept: Array<Kept> = []
    const conflicts: Array<Kept> = []
    const choices = yield* Effect.forEach(numbers(students), () =>
      Effect.all({
        course: Effect.map(Random.shuffle(courses), ([course]) => course!),
        byHead: Random.nextBoolean,
        hesitation: Random.nextIntBetween(1, 6)
      })
    )
    const attempt = (choice: Choice): Effect.Effect<boolean, AppendError, EventStore> =>
      Effect.gen(function* () {
        const { byHead, course, hesitation } = choice
        const query: Query = [{ types: [type], tags: [course] }]
        const headBefore = yield* head
        const seen = yield* readLog({ query, from: start + 1 })
        if (seen.length >= capacity) return false
        // Who has seen a position has seen everything below it: the last event read will do as well as the head.
        const after = byHead ? headBefore : Math.max(start, ...seen.map(({ position }) => position))
        const condition = { query, after }
        const writes: ReadonlyArray<Write> = [write(freshStream(), "no stream", [event({ type, tags: [course] })])]
        yield* Effect.forEach(numbers(hesitation), () => Effect.yieldNow)
        const result = yield* Effect.result(append(writes, condition))
        if (Result.isSuccess(result)) {
          kept.push({ condition, first: firstPosition(writes, result.success) })
          return true
        }
        if (result.failure._tag !== "ConditionConflict") return yield* result.failure
        conflicts.push({ condition, first: result.failure.position })
        return yield* attempt(choice)
      })
    const results = yield* race(choices, attempt)
    yield* Effect.forEach(losses(results), (loss) =>
      broken(`an append failed otherwise than expected: ${loss.message}`)
    )
    const log = yield* readLog({ from: start + 1 })
    for (const { condition, first } of kept) {
      const offending = log.find(
        (e) => e.position > condition.after && e.position < first && matches(condition.query, e)
      )
      yield* same(offending, undefined, "an event that was stored before an append, and that its condition excludes,")
    }
    for (const { condition, first } of conflicts) {
      const offending = log.find((e) => e.position > condition.after && matches(condition.query, e))
      yield* same(first, offending?.position, "the position of a condition's conflict")
    }
    return results.map((result) => Result.isSuccess(result) && result.success)
  })

export const laws: ReadonlyArray<Law> = [
  law(
    "of appends that race on the same condition, and would each break it, one wins",
    Effect.gen(function* () {
      const type = fresh("Claimed")
      const condition = { query: [{ types: [type], tags: [type] }], after: yield* head }
      const attempts = numbers(racers).map(() => [
        write(freshStream(), "no stream", [event(), event({ type, tags: [type] }), event()])
      ])
      const results = yield* race(attempts, (writes) => append(writes, condition))
      const won = winners(attempts, results)
      yield* holds(won.length === 1, `${won.length} of ${racers} racing appends won instead of one`)
      const { input, answer } = won[0]!
      yield* isStored(input, answer)
      for (const loss of losses(results)) {
        if (loss._tag !== "ConditionConflict") return yield* broken(`a loser failed with ${loss._tag}: ${loss.message}`)
        const conflict = { after: loss.after, position: loss.position }
        yield* same(conflict, { after: condition.after, position: answer.position - 1 }, "the conflict of a loser")
      }
      const stored = yield* readLog({ query: condition.query })
      yield* same(stored.length, 1, "the number of events that match the condition")
    })
  ),
  law(
    "appends that race on conditions which they do not break for each other all succeed",
    Effect.gen(function* () {
      const type = fresh("Claimed")
      const after = yield* head
      const tags = numbers(racers).map(() => fresh("tag"))
      const results = yield* race(tags, (tag) =>
        append([write(freshStream(), "no stream", [event({ type, tags: [tag] })])], {
          query: [{ types: [type], tags: [tag] }],
          after
        })
      )
      yield* Effect.forEach(losses(results), (loss) => broken(`an append that must succeed failed: ${loss.message}`))
      yield* same((yield* readLog({ query: [{ types: [type] }] })).length, racers, "the number of events stored")
    })
  ),
  law(
    "a limit that is decided on what was read is never overrun, and always reached",
    Effect.gen(function* () {
      const type = fresh("Enrolled")
      const course = fresh("course")
      const enrolled = yield* enrol([course], type, yield* head)
      const stored = yield* readLog({ query: [{ types: [type], tags: [course] }] })
      yield* same(stored.length, capacity, "the number of students in a course")
      yield* same(enrolled.filter(Boolean).length, capacity, "the number of students who were told that they are in")
    })
  ),
  law(
    "no append was stored after an event that its condition excludes, as the finished log shows",
    Effect.gen(function* () {
      const type = fresh("Enrolled")
      const courses = numbers(4).map(() => fresh("course"))
      yield* enrol(courses, type, yield* head)
      for (const course of courses) {
        const stored = yield* readLog({ query: [{ types: [type], tags: [course] }] })
        yield* holds(stored.length <= capacity, `a course for ${capacity} has ${stored.length} students`)
      }
    })
  )
]
