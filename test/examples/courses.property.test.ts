/**
 * The boundaries of enrolment are wide enough: what a command does not read of the log makes no difference to what is decided. This is what no store
 * can check, and what a dynamic consistency boundary stands on. And they are no wider: each part of them is needed.
 */
import { assert, describe, it } from "@effect/vitest"
import { DateTime, Result } from "effect"
import { Decider, Event, Query } from "eventfold"
import { boundaryOf } from "../../examples/courses/boundary.ts"
import { coursesAtMost, enrolment, type EnrolmentCommand } from "../../examples/courses/enrolment.ts"
import { CourseEvent } from "../../examples/courses/events.ts"
import { randomOf } from "../../examples/shop/random.ts"

const firstSeed = Number(process.env["COURSES_SEED"] ?? Date.now() % 1_000_000)
const histories = process.env["COURSES_SEED"] === undefined ? 100 : 1

const courses = Array.from({ length: coursesAtMost + 2 }, (_, n) => `course-${n}`)
const students = ["ada", "bob", "eve", "kim"]
const context = Decider.context({ now: DateTime.makeUnsafe("2026-01-05T08:00:00Z"), commandId: "c" })

const commandOf = (random: () => number): EnrolmentCommand => {
  const below = (n: number) => Math.floor(random() * n)
  const course = courses[below(courses.length)]!
  const student = students[below(students.length)]!
  const commands: ReadonlyArray<EnrolmentCommand> = [
    { _tag: "Define", course, title: "A course", seats: below(4) },
    { _tag: "Rename", course, title: "A course" },
    { _tag: "ChangeSeats", course, seats: below(4) },
    { _tag: "Enrol", course, student },
    { _tag: "Enrol", course, student },
    { _tag: "Wait", course, student },
    { _tag: "Wait", course, student },
    { _tag: "Withdraw", course, student }
  ]
  return commands[below(commands.length)]!
}

interface Happened {
  readonly event: CourseEvent
  readonly stored: Parameters<typeof Query.matches>[1]
}

const happened = (event: CourseEvent): Happened => ({
  event,
  stored: { stream: "course-any", ...Result.getOrThrow(Event.encode(CourseEvent, event)) }
})

/** A history of random commands: the first of them that is decided otherwise on its boundary than on all that has happened. */
const decidedOtherwise = (
  seed: number,
  boundary: (command: EnrolmentCommand) => Query.Query
): EnrolmentCommand | undefined => {
  const random = randomOf(seed)
  const history: Array<Happened> = []
  let state = enrolment.initial
  for (let n = 0; n < 120; n++) {
    const command = commandOf(random)
    const query = boundary(command)
    const known = history.filter(({ stored }) => Query.matches(query, stored)).map(({ event }) => event)
    const decided = enrolment.decide(command, state, context)
    const onBoundary = enrolment.decide(command, Decider.fold(enrolment, known), context)
    // A rejection as a value: its tag and its fields.
    if (JSON.stringify(Result.merge(onBoundary)) !== JSON.stringify(Result.merge(decided))) return command
    if (Result.isFailure(decided)) continue
    history.push(...decided.success.map(happened))
    state = Decider.fold(enrolment, decided.success, state)
  }
  return undefined
}

const seeds = Array.from({ length: histories }, (_, n) => firstSeed + n)

describe("boundaries", () => {
  it(`are wide enough, in ${histories} histories from COURSES_SEED=${firstSeed}`, () => {
    for (const seed of seeds) assert.isUndefined(decidedOtherwise(seed, boundaryOf), `COURSES_SEED=${seed}`)
  })

  const kinds: ReadonlyArray<EnrolmentCommand["_tag"]> = [
    "Define",
    "Rename",
    "ChangeSeats",
    "Enrol",
    "Wait",
    "Withdraw"
  ]

  it.each(kinds)("are no wider than they have to be: %s", (kind) => {
    const random = randomOf(1)
    let example = commandOf(random)
    while (example._tag !== kind) example = commandOf(random)
    boundaryOf(example).forEach((item, index) => {
      for (const type of item.types ?? []) {
        const without = (command: EnrolmentCommand): Query.Query => {
          const query = boundaryOf(command)
          if (command._tag !== kind) return query
          return query.map((one, at) =>
            at === index ? { ...one, types: ["NoneAtAll", ...(one.types ?? []).filter((name) => name !== type)] } : one
          )
        }
        const isFound = Array.from({ length: 300 }, (_, seed) => seed).some(
          (seed) => decidedOtherwise(seed, without) !== undefined
        )
        assert.isTrue(isFound, `${kind} does not need ${type} in item ${index} of its boundary`)
      }
    })
  })
})
