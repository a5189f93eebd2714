/**
 * 4. Specs: the rules of enrolment. What is given is what the boundary of a command finds, wherever it is kept. Each is run as a pure function, and
 * once more through an event store.
 */
import { describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { MemoryEventStore } from "eventfold/memory"
import { Spec } from "eventfold/testing"
import {
  CourseExists,
  CourseFull,
  coursesAtMost,
  enrolment,
  NotInCourse,
  SeatsTaken,
  TooManyCourses,
  UnknownCourse
} from "./enrolment.ts"
import type { CourseEvent } from "./events.ts"

const { given } = Spec.decider(enrolment)

const rule = (name: string, spec: Spec.DeciderSpec) => {
  it.effect(name, () => spec)
  it.effect(`${name}, in a store`, () => Effect.provide(spec.onStore, MemoryEventStore.layer))
}

const course = "logic"
const defined = (seats: number): CourseEvent => ({ _tag: "CourseDefined", course, title: "Logic", seats })
const changed = (seats: number): CourseEvent => ({ _tag: "SeatsChanged", course, seats })
const enrolled = (student: string, inCourse = course): CourseEvent => ({
  _tag: "StudentEnrolled",
  course: inCourse,
  student
})
const waitlisted = (student: string, inCourse = course): CourseEvent => ({
  _tag: "StudentWaitlisted",
  course: inCourse,
  student
})
const withdrew = (student: string, inCourse = course): CourseEvent => ({
  _tag: "StudentWithdrew",
  course: inCourse,
  student
})

/** Ada is in as many other courses as she may. */
const busy = Array.from({ length: coursesAtMost }, (_, n) => enrolled("ada", `other-${n}`))

describe("a course", () => {
  const define = { _tag: "Define" as const, course, title: "Logic", seats: 2 }
  const rename = { _tag: "Rename" as const, course, title: "Logic I" }
  const seats = (seats: number) => ({ _tag: "ChangeSeats" as const, course, seats })

  rule(
    "has so many seats",
    given([])
      .when(define)
      .then([defined(2)])
  )
  rule(
    "is defined once",
    given([defined(3)])
      .when(define)
      .thenFails(new CourseExists({ course }))
  )
  rule(
    "can be renamed",
    given([defined(2)])
      .when(rename)
      .then([{ _tag: "CourseRenamed", course, title: "Logic I" }])
  )
  rule("has to be there to be renamed", given([]).when(rename).thenFails(new UnknownCourse({ course })))
  rule(
    "can get more seats",
    given([defined(2)])
      .when(seats(3))
      .then([changed(3)])
  )
  rule(
    "and fewer, if they are free",
    given([defined(2), enrolled("ada")])
      .when(seats(1))
      .then([changed(1)])
  )
  rule(
    "throws nobody out",
    given([defined(2), enrolled("ada"), enrolled("bob")])
      .when(seats(1))
      .thenFails(new SeatsTaken({ taken: 2 }))
  )
  rule(
    "stays as it is if it has as many already",
    given([defined(2), changed(3)])
      .when(seats(3))
      .thenNothing()
  )
  rule("has to be there to get seats", given([]).when(seats(3)).thenFails(new UnknownCourse({ course })))
})

describe("enrolling", () => {
  const enrol = { _tag: "Enrol" as const, course, student: "ada" }

  rule(
    "takes a free seat",
    given([defined(2), enrolled("bob")])
      .when(enrol)
      .then([enrolled("ada")])
  )
  rule(
    "fails when the course is full",
    given([defined(1), enrolled("bob")])
      .when(enrol)
      .thenFails(new CourseFull({ course, seats: 1 }))
  )
  rule(
    "also for those who wait for it",
    given([defined(1), enrolled("bob"), waitlisted("ada")])
      .when(enrol)
      .thenFails(new CourseFull({ course, seats: 1 }))
  )
  rule(
    "works when somebody has left",
    given([defined(1), enrolled("bob"), withdrew("bob")])
      .when(enrol)
      .then([enrolled("ada")])
  )
  rule(
    "counts the seats of this course alone",
    given([defined(1), enrolled("bob", "art"), enrolled("ada", "art")])
      .when(enrol)
      .then([enrolled("ada")])
  )
  rule(
    "fails for those who have as many courses as they may",
    given([defined(2), ...busy])
      .when(enrol)
      .thenFails(new TooManyCourses({ most: coursesAtMost }))
  )
  rule(
    "works when they have left one of them",
    given([defined(2), ...busy, withdrew("ada", "other-0")])
      .when(enrol)
      .then([enrolled("ada")])
  )
  rule(
    "counts a course that is waited for",
    given([defined(2), ...busy.slice(1), waitlisted("ada", "art")])
      .when(enrol)
      .thenFails(new TooManyCourses({ most: coursesAtMost }))
  )
  rule(
    "counts no one else's courses",
    given([defined(2), ...busy])
      .when({ ...enrol, student: "bob" })
      .then([enrolled("bob")])
  )
  rule(
    "again changes nothing",
    given([defined(1), enrolled("ada")])
      .when(enrol)
      .thenNothing()
  )
  rule("needs a course", given([]).when(enrol).thenFails(new UnknownCourse({ course })))
})

describe("the waiting list", () => {
  const wait = { _tag: "Wait" as const, course, student: "ada" }
  const full = [defined(1), enrolled("bob")]

  rule(
    "is for full courses",
    given(full)
      .when(wait)
      .then([waitlisted("ada")])
  )
  rule(
    "gives a seat at once where there is one",
    given([defined(1)])
      .when(wait)
      .then([enrolled("ada")])
  )
  rule(
    "has everybody once",
    given([...full, waitlisted("ada")])
      .when(wait)
      .thenNothing()
  )
  rule(
    "is not for those who are in",
    given([...full])
      .when({ ...wait, student: "bob" })
      .thenNothing()
  )
  rule(
    "is not for those who have as many courses as they may",
    given([...full, ...busy])
      .when(wait)
      .thenFails(new TooManyCourses({ most: coursesAtMost }))
  )
  rule("needs a course", given([]).when(wait).thenFails(new UnknownCourse({ course })))
  rule(
    "moves up when somebody leaves, the first one first",
    given([...full, waitlisted("eve"), waitlisted("ada")])
      .when({ _tag: "Withdraw", course, student: "bob" })
      .then([withdrew("bob"), enrolled("eve")])
  )
  rule(
    "moves up when there are more seats, as far as they go",
    given([...full, waitlisted("eve"), waitlisted("ada"), waitlisted("kim")])
      .when({ _tag: "ChangeSeats", course, seats: 3 })
      .then([changed(3), enrolled("eve"), enrolled("ada")])
  )
  rule(
    "moves up into a course that counted already",
    given([...full, ...busy.slice(1), waitlisted("ada")])
      .when({ _tag: "Withdraw", course, student: "bob" })
      .then([withdrew("bob"), enrolled("ada")])
  )
})

describe("withdrawing", () => {
  const withdraw = { _tag: "Withdraw" as const, course, student: "ada" }

  rule(
    "frees a seat",
    given([defined(1), enrolled("ada")])
      .when(withdraw)
      .thenState({ seats: { logic: 1 }, places: [] })
  )
  rule(
    "from the waiting list moves nobody up",
    given([defined(1), enrolled("bob"), waitlisted("ada"), waitlisted("eve")])
      .when(withdraw)
      .then([withdrew("ada")])
  )
  rule(
    "needs a place",
    given([defined(1), enrolled("ada"), withdrew("ada")])
      .when(withdraw)
      .thenFails(new NotInCourse({ course, student: "ada" }))
  )
})
