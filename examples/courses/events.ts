/**
 * 1. Events: what can happen to courses and students, and which of them each event is about. The tags are what makes a boundary of
 * several things possible: a place is about a course and about a student.
 */
import { Schema } from "effect"
import { Event } from "eventfold"

const id = Schema.String.check(
  Schema.isPattern(/^[A-Za-z0-9_-]{1,64}$/, { expected: "1 to 64 letters, digits, hyphens or underscores" })
)

export const CourseId = id
export const StudentId = id

export const Seats = Schema.Int.check(
  Schema.isBetween({ minimum: 0, maximum: 10_000 }, { expected: "a whole number from 0 to 10,000" })
)

/** A student's place in a course: a seat, or one on the waiting list. */
const place = { course: CourseId, student: StudentId }

/** The tag of what is about a course. */
export const ofCourse = (course: string): string => `course:${course}`

/** The tag of what is about a student. */
export const ofStudent = (student: string): string => `student:${student}`

const ofBoth = ({ course, student }: { readonly course: string; readonly student: string }) => [
  ofCourse(course),
  ofStudent(student)
]

export const CourseEvent = Event.define({
  CourseDefined: { course: CourseId, title: Schema.NonEmptyString, seats: Seats },
  CourseRenamed: { course: CourseId, title: Schema.NonEmptyString },
  SeatsChanged: { course: CourseId, seats: Seats },
  StudentEnrolled: place,
  StudentWaitlisted: place,
  StudentWithdrew: place
}).tagged({
  CourseDefined: ({ course }) => [ofCourse(course)],
  CourseRenamed: ({ course }) => [ofCourse(course)],
  SeatsChanged: ({ course }) => [ofCourse(course)],
  StudentEnrolled: ofBoth,
  StudentWaitlisted: ofBoth,
  StudentWithdrew: ofBoth
})
export type CourseEvent = typeof CourseEvent.Type
