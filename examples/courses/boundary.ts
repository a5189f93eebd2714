/**
 * 3. Boundaries: for each command the events that it has to know, and no others. It decides on what they fold to, and is stored on the condition
 * that none of them has come since. What somebody else writes about other courses and other students is not among them, and disturbs nobody.
 */
import { type Query } from "eventfold"
import { EnrolmentCommand } from "./enrolment.ts"
import { type CourseEvent, ofCourse, ofStudent } from "./events.ts"

type Types = ReadonlyArray<CourseEvent["_tag"]>

const definition: Types = ["CourseDefined"]
const seats: Types = ["CourseDefined", "SeatsChanged", "StudentEnrolled", "StudentWithdrew"]
const places: Types = ["StudentEnrolled", "StudentWaitlisted", "StudentWithdrew"]
const seatsAndPlaces: Types = ["CourseDefined", "SeatsChanged", ...places]

interface OfCourse {
  readonly course: string
}

interface OfBoth extends OfCourse {
  readonly student: string
}

const inCourse =
  (types: Types) =>
  ({ course }: OfCourse): Query.Query => [{ types, tags: [ofCourse(course)] }]

/** Whether there is a seat, and what else the student has. Who else waits does not matter. */
const seatFor = ({ course, student }: OfBoth): Query.Query => [
  { types: seats, tags: [ofCourse(course)] },
  { types: places, tags: [ofStudent(student)] }
]

export const boundaryOf = (command: EnrolmentCommand): Query.Query =>
  EnrolmentCommand.match(command, {
    Define: inCourse(definition),
    Rename: inCourse(definition),
    ChangeSeats: inCourse(seatsAndPlaces),
    Enrol: seatFor,
    Wait: seatFor,
    // Whoever moves up from the waiting list had that course before: nothing has to be known of their other ones.
    Withdraw: inCourse(places)
  })
