/**
 * 7. A term begins: everybody wants into the same course at the same moment, then some leave and others move up, and at last some want more courses
 * than they may have. Then the log is audited. Who wants what is drawn from a seed; who comes first is for the store to say.
 */
import { Effect, Metric, Random, Stream } from "effect"
import { Event, EventStore, Metrics } from "eventfold"
import { audit, type Complaint, type CourseAccount } from "./audit.ts"
import { coursesAtMost, enrolment, type EnrolmentCommand } from "./enrolment.ts"
import { CourseEvent } from "./events.ts"
import { Enrolment } from "./service.ts"

/** Things that were done at the same time. */
export interface Act {
  readonly what: string
  readonly commands: number
  /** Decided, and not stored, for something had come in between: they were decided again. */
  readonly conflicts: number
}

export interface Report {
  readonly acts: ReadonlyArray<Act>
  /** Those that the first race let in, in the order in which the log has them. */
  readonly admitted: ReadonlyArray<string>
  readonly refused: number
  /** The course that everybody wants, at the end. */
  readonly wanted: CourseAccount
  readonly problems: ReadonlyArray<Complaint>
}

/** How many commands of this process have met a conflict until now: each as often as it did. */
const conflictsUntilNow = Effect.map(
  Metric.value(Metrics.conflicts.series({ category: enrolment.name })),
  ({ count }) => count
)

const everyone = (name: string, count: number): ReadonlyArray<string> =>
  Array.from({ length: count }, (_, n) => `${name}${String(n + 1).padStart(String(count).length, "0")}`)

/** All of the log after a position. */
const eventsAfter = Effect.fnUntraced(function* (position: number) {
  const store = yield* EventStore.EventStore
  const query = [{ types: CourseEvent.types }]
  return yield* store.readLog({ query, from: position + 1 }).pipe(
    Stream.mapEffect((recorded) => Effect.fromResult(Event.decode(CourseEvent, recorded))),
    Stream.flattenIterable,
    Stream.runCollect
  )
})

/** One wants into a course, and is told the answer. */
const enrol = (course: string, student: string) =>
  Enrolment.use(({ execute }) => execute({ _tag: "Enrol", course, student })).pipe(
    Effect.as("in" as const),
    Effect.catchTags({
      CourseFull: () => Effect.succeed("full" as const),
      TooManyCourses: () => Effect.succeed("enough" as const)
    })
  )

const nobody: CourseAccount = { seats: 0, students: new Set(), waiting: new Set() }

/**
 * Plays the begin of a term, with so many students and seats. Courses and students have ids that the store has not seen, so there can be any number of
 * terms in one store, one after the other.
 */
export const playTerm = Effect.fnUntraced(function* (options: {
  readonly students: number
  readonly seats: number
  readonly seed: number
}) {
  const { seats, seed } = options
  const store = yield* EventStore.EventStore
  const { execute } = yield* Enrolment
  const begin = yield* store.head
  const named = (name: string) => `t${begin}-${name}`
  const students = everyone(named("s"), options.students)
  const problems: Array<Complaint> = []
  const acts: Array<Act> = []

  /** Executes what cannot be refused, as things stand. */
  const mustDo = (command: EnrolmentCommand) =>
    Effect.catchTag(
      execute(command),
      ["CourseExists", "UnknownCourse", "CourseFull", "SeatsTaken", "TooManyCourses", "NotInCourse"],
      ({ _tag }) => {
        const problem = `${command._tag} was refused for course ${command.course}: ${_tag}`
        return Effect.sync(() => void problems.push({ rule: "answers", problem }))
      }
    )

  /** Does all of it at the same time, in an order that the seed says. */
  const atOnce = Effect.fnUntraced(function* <A, E, R>(what: string, all: ReadonlyArray<Effect.Effect<A, E, R>>) {
    const before = yield* conflictsUntilNow
    const answers = yield* Effect.all(yield* Random.shuffle(all), { concurrency: "unbounded" })
    const conflicts = (yield* conflictsUntilNow) - before
    acts.push({ what, commands: all.length, conflicts })
    return { answers, conflicts }
  })

  const play = Effect.gen(function* () {
    const course = named("logic")
    yield* mustDo({ _tag: "Define", course, title: "Logic", seats })
    const race = yield* atOnce(
      `${students.length} students want into a course of ${seats} seats`,
      students.map((student) => Effect.map(enrol(course, student), (answer) => ({ student, answer })))
    )
    const told = (answer: string) => race.answers.filter((one) => one.answer === answer).map(({ student }) => student)
    const afterRace = audit(yield* eventsAfter(begin)).courses.get(course) ?? nobody
    const admitted = Array.from(afterRace.students)
    if (admitted.toSorted().join() !== told("in").toSorted().join()) {
      problems.push({ rule: "answers", problem: `course ${course} has others than those who were told so` })
    }
    if (admitted.length < Math.min(seats, students.length)) {
      problems.push({ rule: "answers", problem: `course ${course} was full with ${admitted.length} of ${seats} seats` })
    }

    const leaving = (yield* Random.shuffle(admitted)).slice(0, Math.ceil(admitted.length / 3))
    const hopeful = (yield* Random.shuffle(told("full"))).slice(0, 20)
    const more = 5
    const later: ReadonlyArray<EnrolmentCommand> = [
      ...leaving.map((student) => ({ _tag: "Withdraw" as const, course, student })),
      ...hopeful.map((student) => ({ _tag: "Wait" as const, course, student })),
      { _tag: "ChangeSeats", course, seats: seats + more }
    ]
    yield* atOnce(
      `${leaving.length} leave it, ${hopeful.length} queue for it, and it gets ${more} more seats`,
      later.map(mustDo)
    )

    const eager = everyone(named("e"), 10)
    const electives = everyone(named("elective-"), coursesAtMost + 3)
    yield* Effect.forEach(electives, (course) => mustDo({ _tag: "Define", course, title: "An elective", seats: 10 }))
    yield* atOnce(
      `${eager.length} students want ${electives.length} courses each`,
      eager.flatMap((student) => electives.map((course) => enrol(course, student)))
    )

    const own = everyone(named("o"), 40)
    yield* Effect.forEach(own, (course) => mustDo({ _tag: "Define", course, title: "One's own", seats: 1 }))
    const unrelated = own.flatMap((course): ReadonlyArray<EnrolmentCommand> => [
      { _tag: "Enrol", course, student: `${course}-s` },
      { _tag: "Rename", course, title: "One's very own" }
    ])
    const apart = yield* atOnce(
      `${own.length} students want a course each, all of which are being renamed`,
      unrelated.map(mustDo)
    )
    if (apart.conflicts > 0) problems.push({ rule: "apart", problem: `there were ${apart.conflicts} conflicts` })

    const audited = audit(yield* eventsAfter(begin))
    for (const student of eager) {
      const has = electives.filter((course) => audited.courses.get(course)?.students.has(student))
      if (has.length === coursesAtMost) continue
      problems.push({ rule: "answers", problem: `student ${student} wanted all, and has ${has.length} courses` })
    }
    const wanted = audited.courses.get(course) ?? nobody
    const report: Report = {
      acts,
      admitted,
      refused: told("full").length,
      wanted,
      problems: [...audited.problems, ...problems]
    }
    return report
  })
  return yield* Random.withSeed(play, seed)
})
