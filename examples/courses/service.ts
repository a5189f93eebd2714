/**
 * 5. Service: enrolment over whatever event store is provided.
 */
import { Duration, Effect, Random, Schedule } from "effect"
import { Boundary, StreamName } from "eventfold"
import { boundaryOf } from "./boundary.ts"
import { enrolment } from "./enrolment.ts"

/**
 * With each conflict somebody gets on, and where that is all that is known, to decide again at once is best. Here a hundred may want the same seat: if
 * all of them came back at once, all but one would come in vain. So they come back at different times, and the later the more often it went wrong.
 */
const retry = Schedule.min([Schedule.exponential("20 millis"), Schedule.spaced("2 seconds")]).pipe(
  Schedule.modifyDelay(({ duration }) => Effect.map(Random.next, (part) => Duration.times(duration, part))),
  Schedule.upTo({ times: 100 })
)

/**
 * Executes commands, each over its boundary. Their events are kept with the course.
 */
export class Enrolment extends Boundary.Service<Enrolment>()("courses/Enrolment", {
  decider: enrolment,
  boundaryOf,
  streamOf: ({ course }) => StreamName.make("course", course),
  retry
}) {}
