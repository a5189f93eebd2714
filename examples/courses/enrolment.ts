/**
 * 2. The rules of enrolment. Two of them guard each other's back: a course has so many seats, and a student may have so many courses.
 *
 * The state is what is known of courses and students. It may be about all of them, or about one course and one student alone: a command looks at
 * nothing else than what `boundary.ts` says it is about.
 */
import { Result, Schema } from "effect"
import { Decider } from "eventfold"
import { CourseEvent, CourseId, Seats, StudentId } from "./events.ts"

/** The most courses a student may take, those that are waited for included. */
export const coursesAtMost = 5

const Place = Schema.Struct({ course: CourseId, student: StudentId, isSeat: Schema.Boolean })
type Place = typeof Place.Type

const Enrolment = Schema.Struct({
  /** The seats of each course. */
  seats: Schema.Record(CourseId, Seats),
  /** In the order in which they were taken. */
  places: Schema.Array(Place)
})
type Enrolment = typeof Enrolment.Type

export const EnrolmentCommand = Schema.TaggedUnion({
  Define: { course: CourseId, title: Schema.NonEmptyString, seats: Seats },
  Rename: { course: CourseId, title: Schema.NonEmptyString },
  ChangeSeats: { course: CourseId, seats: Seats },
  Enrol: { course: CourseId, student: StudentId },
  /** Takes a seat if there is one, and waits for one if not. */
  Wait: { course: CourseId, student: StudentId },
  /** Gives up a seat, or a place on the waiting list. */
  Withdraw: { course: CourseId, student: StudentId }
})
export type EnrolmentCommand = typeof EnrolmentCommand.Type

export class CourseExists extends Schema.TaggedError<CourseExists>()("CourseExists", { course: CourseId }) {}
export class UnknownCourse extends Schema.TaggedError<UnknownCourse>()("UnknownCourse", { course: CourseId }) {}
export class CourseFull extends Schema.TaggedError<CourseFull>()("CourseFull", { course: CourseId, seats: Seats }) {}
export class SeatsTaken extends Schema.TaggedError<SeatsTaken>()("SeatsTaken", { taken: Schema.Int }) {}
export class TooManyCourses extends Schema.TaggedError<TooManyCourses>()("TooManyCourses", { most: Schema.Int }) {}
export class NotInCourse extends Schema.TaggedError<NotInCourse>()("NotInCourse", {
  course: CourseId,
  student: StudentId
}) {}

const isIn =
  (course: string) =>
  (place: Place): boolean =>
    place.course === course

const taken = ({ places }: Enrolment, course: string): number =>
  places.filter(isIn(course)).filter(({ isSeat }) => isSeat).length

const waiting = ({ places }: Enrolment, course: string): ReadonlyArray<Place> =>
  places.filter(isIn(course)).filter(({ isSeat }) => !isSeat)

const coursesOf = ({ places }: Enrolment, student: string): number =>
  places.filter((place) => place.student === student).length

const placeOf = ({ places }: Enrolment, course: string, student: string): Place | undefined =>
  places.find((place) => place.course === course && place.student === student)

const without = (places: ReadonlyArray<Place>, { course, student }: Omit<Place, "isSeat">): ReadonlyArray<Place> =>
  places.filter((place) => place.course !== course || place.student !== student)

/** So many of those that wait get a seat, the first ones first. */
const admit = (state: Enrolment, course: string, seats: number): ReadonlyArray<CourseEvent> =>
  waiting(state, course)
    .slice(0, seats)
    .map(({ student }) => ({ _tag: "StudentEnrolled", course, student }))

export const enrolment = Decider.make({
  name: "enrolment",
  state: Enrolment,
  initial: { seats: {}, places: [] },
  commands: EnrolmentCommand,
  events: CourseEvent
})
  .evolve({
    CourseDefined: (state, { course, seats }) => ({ ...state, seats: { ...state.seats, [course]: seats } }),
    CourseRenamed: (state) => state,
    SeatsChanged: (state, { course, seats }) => ({ ...state, seats: { ...state.seats, [course]: seats } }),
    StudentEnrolled: (state, { course, student }) => ({
      ...state,
      places: [...without(state.places, { course, student }), { course, student, isSeat: true }]
    }),
    StudentWaitlisted: (state, { course, student }) => ({
      ...state,
      places: [...state.places, { course, student, isSeat: false }]
    }),
    StudentWithdrew: (state, place) => ({ ...state, places: without(state.places, place) })
  })
  .decide({
    Define: ({ course, seats, title }, state) =>
      state.seats[course] === undefined
        ? [{ _tag: "CourseDefined", course, title, seats }]
        : Result.fail(new CourseExists({ course })),
    Rename: ({ course, title }, state) =>
      state.seats[course] === undefined
        ? Result.fail(new UnknownCourse({ course }))
        : [{ _tag: "CourseRenamed", course, title }],
    ChangeSeats: ({ course, seats }, state) => {
      const before = state.seats[course]
      if (before === undefined) return Result.fail(new UnknownCourse({ course }))
      if (seats === before) return []
      const inUse = taken(state, course)
      if (seats < inUse) return Result.fail(new SeatsTaken({ taken: inUse }))
      return [{ _tag: "SeatsChanged", course, seats }, ...admit(state, course, seats - inUse)]
    },
    Enrol: ({ course, student }, state) => {
      const seats = state.seats[course]
      if (seats === undefined) return Result.fail(new UnknownCourse({ course }))
      if (placeOf(state, course, student)?.isSeat === true) return []
      if (taken(state, course) >= seats) return Result.fail(new CourseFull({ course, seats }))
      if (coursesOf(state, student) >= coursesAtMost) return Result.fail(new TooManyCourses({ most: coursesAtMost }))
      return [{ _tag: "StudentEnrolled", course, student }]
    },
    Wait: ({ course, student }, state) => {
      const seats = state.seats[course]
      if (seats === undefined) return Result.fail(new UnknownCourse({ course }))
      if (placeOf(state, course, student) !== undefined) return []
      if (coursesOf(state, student) >= coursesAtMost) return Result.fail(new TooManyCourses({ most: coursesAtMost }))
      return [{ _tag: taken(state, course) < seats ? "StudentEnrolled" : "StudentWaitlisted", course, student }]
    },
    Withdraw: ({ course, student }, state) => {
      const place = placeOf(state, course, student)
      if (place === undefined) return Result.fail(new NotInCourse({ course, student }))
      return [{ _tag: "StudentWithdrew", course, student }, ...(place.isSeat ? admit(state, course, 1) : [])]
    }
  })
