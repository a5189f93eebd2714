/**
 * 6. What must hold, found out from the log alone, by counting, and without the rules.
 */
import { coursesAtMost } from "./enrolment.ts"
import type { CourseEvent } from "./events.ts"

export const rules = {
  seats: "no course has ever had more students than seats",
  courses: `no student has ever had more than ${coursesAtMost} courses`,
  waiting: "nobody waits for a seat while there is a free one",
  answers: "everybody was told what has happened, and nobody was refused without need",
  apart: "who wanted different things was in nobody's way"
}
export type Rule = keyof typeof rules

export interface Complaint {
  readonly rule: Rule
  readonly problem: string
}

export interface CourseAccount {
  seats: number
  /** In the order in which they got in. */
  readonly students: Set<string>
  /** In the order in which they came. */
  readonly waiting: Set<string>
}

export interface Audit {
  readonly courses: ReadonlyMap<string, CourseAccount>
  readonly problems: ReadonlyArray<Complaint>
}

export const audit = (events: Iterable<CourseEvent>): Audit => {
  const courses = new Map<string, CourseAccount>()
  const problems: Array<Complaint> = []
  const accountOf = (course: string): CourseAccount => {
    const known = courses.get(course)
    if (known !== undefined) return known
    const account: CourseAccount = { seats: 0, students: new Set(), waiting: new Set() }
    courses.set(course, account)
    return account
  }
  const checkCourses = (student: string) => {
    const all = Array.from(courses.values()).filter((one) => one.students.has(student) || one.waiting.has(student))
    if (all.length > coursesAtMost) {
      problems.push({ rule: "courses", problem: `student ${student} has ${all.length} courses` })
    }
  }
  const checkWaiting = (course: string, { seats, students, waiting }: CourseAccount) => {
    if (waiting.size === 0 || students.size >= seats) return
    const problem = `${waiting.size} wait for course ${course}, which has ${seats - students.size} free seats`
    problems.push({ rule: "waiting", problem })
  }
  for (const event of events) {
    const account = accountOf(event.course)
    // Whoever moves up does so right after what has freed their seat.
    if (event._tag !== "StudentEnrolled" || !account.waiting.has(event.student)) checkWaiting(event.course, account)
    switch (event._tag) {
      case "CourseDefined":
      case "SeatsChanged":
        account.seats = event.seats
        break
      case "StudentEnrolled":
        account.waiting.delete(event.student)
        account.students.add(event.student)
        checkCourses(event.student)
        break
      case "StudentWaitlisted":
        account.waiting.add(event.student)
        checkCourses(event.student)
        break
      case "StudentWithdrew":
        account.students.delete(event.student)
        account.waiting.delete(event.student)
    }
    if (account.students.size > account.seats) {
      const problem = `course ${event.course} has ${account.students.size} students in ${account.seats} seats`
      problems.push({ rule: "seats", problem })
    }
  }
  for (const [course, account] of courses) checkWaiting(course, account)
  return { courses, problems }
}
