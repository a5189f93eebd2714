/**
 * Enrolment where many want the same at the same time: in memory, embedded, and on a server, also through several stores at once.
 */
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Latch, Layer, Random, Stream } from "effect"
import { Event, EventStore } from "eventfold"
import { MemoryEventStore } from "eventfold/memory"
import { PostgresEventStore } from "eventfold/postgres"
import { EmbeddedEventStore } from "eventfold/postgres/embedded"
import { coursesAtMost, type EnrolmentCommand } from "../../examples/courses/enrolment.ts"
import { CourseEvent } from "../../examples/courses/events.ts"
import { Enrolment } from "../../examples/courses/service.ts"
import { careless, distant } from "../../examples/courses/stores.ts"
import { clientOf, freshDatabase, startServer } from "../support/server.ts"

const seed = Number(process.env["COURSES_SEED"] ?? Date.now() % 1_000_000)

/** A store, and the service over it. */
type Place = Context.Context<EventStore.EventStore | Enrolment>

const events = Effect.gen(function* () {
  const store = yield* EventStore.EventStore
  const recorded = yield* Stream.runCollect(store.readLog())
  return (yield* Effect.forEach(recorded, (one) => Effect.fromResult(Event.decode(CourseEvent, one)))).flat()
})

const studentsOf = Effect.map(events, (all) =>
  all.flatMap((one) => (one._tag === "StudentEnrolled" ? [one.student] : []))
)

const define = (course: string, seats: number) =>
  Enrolment.use(({ execute }) => execute({ _tag: "Define", course, title: course, seats }))

const enrol = (student: string, course = "logic") =>
  Enrolment.use(({ execute }) => execute({ _tag: "Enrol", course, student }))

const students = Array.from({ length: 100 }, (_, n) => `s${n}`)

/** Students want into a course of 30 seats, through the stores in turn: all that is to be said of what they are told, and of what is in the log. */
const race = Effect.fnUntraced(function* (places: ReadonlyArray<Place>) {
  const through = (n: number) => Effect.provideContext(places[n % places.length]!)
  yield* define("logic", 30).pipe(through(0))
  const answers = yield* Effect.forEach(
    yield* Random.shuffle(students),
    (student, n) =>
      enrol(student).pipe(
        Effect.as({ student, answer: "in" }),
        Effect.catchTag("CourseFull", ({ seats }) => Effect.succeed({ student, answer: `full with ${seats}` })),
        through(n)
      ),
    { concurrency: "unbounded" }
  )
  const told = (answer: string) => answers.filter((one) => one.answer === answer).map(({ student }) => student)
  return { admitted: told("in"), refused: told("full with 30"), inLog: yield* studentsOf.pipe(through(0)) }
}, Random.withSeed(seed))

const raceIsFair = Effect.fnUntraced(function* (places: ReadonlyArray<Place>) {
  const { admitted, inLog, refused } = yield* race(places)
  assert.strictEqual(inLog.length, 30)
  assert.strictEqual(refused.length, 70)
  assert.deepStrictEqual(inLog.toSorted(), admitted.toSorted())
  assert.deepStrictEqual([...inLog, ...refused].toSorted(), students.toSorted())
})

/** Executes commands so that each is decided before any of them is stored, and gives what they came to and how many were decided again. */
const atOnce = Effect.fnUntraced(function* (commands: ReadonlyArray<EnrolmentCommand>) {
  const store = yield* EventStore.EventStore
  const allDecided = yield* Latch.make()
  let arrived = 0
  let conflicts = 0
  const meeting = EventStore.EventStore.of({
    ...store,
    append: (...asked) =>
      Effect.gen(function* () {
        if (++arrived === commands.length) yield* allDecided.open
        yield* allDecided.await
        return yield* store.append(...asked)
      }).pipe(Effect.tapError(() => Effect.sync(() => conflicts++)))
  })
  const { execute } = Context.get(
    yield* Effect.provideService(Layer.build(Layer.fresh(Enrolment.layer)), EventStore.EventStore, meeting),
    Enrolment
  )
  const answers = yield* Effect.forEach(
    commands,
    (command) => Effect.match(execute(command), { onFailure: ({ _tag }) => _tag, onSuccess: () => "done" as const }),
    { concurrency: "unbounded" }
  )
  return { answers: answers.toSorted(), conflicts }
})

const bound = (course: string, student: string, _tag: "Enrol" | "Wait" | "Withdraw" = "Enrol"): EnrolmentCommand => ({
  _tag,
  course,
  student
})

/** Everything in one log, with courses of its own for each pair. */
const pairs = Effect.gen(function* () {
  const both = { answers: ["done", "done"], conflicts: 0 }
  yield* define("a", 9)
  yield* define("b", 9)
  assert.deepStrictEqual(yield* atOnce([bound("a", "ada"), bound("b", "bob")]), both, "other courses, other students")
  const rename: EnrolmentCommand = { _tag: "Rename", course: "a", title: "A" }
  assert.deepStrictEqual(yield* atOnce([bound("a", "eve"), rename]), both, "the course's name")
  assert.deepStrictEqual(yield* atOnce([bound("a", "ada", "Withdraw"), bound("b", "kim")]), both, "leaving another one")

  yield* define("full", 0)
  const queue = yield* atOnce([bound("full", "ada", "Wait"), bound("full", "bob", "Wait")])
  assert.deepStrictEqual(queue, both, "a place in a queue")

  yield* define("last", 1)
  const lastSeat = yield* atOnce([bound("last", "zoe"), bound("last", "max")])
  assert.deepStrictEqual(lastSeat, { answers: ["CourseFull", "done"], conflicts: 1 })

  for (let n = 1; n < coursesAtMost; n++) {
    yield* define(`c${n}`, 1)
    yield* enrol("joe", `c${n}`)
  }
  const lastCourse = yield* atOnce([bound("a", "joe"), bound("b", "joe")])
  assert.deepStrictEqual(lastCourse, { answers: ["TooManyCourses", "done"], conflicts: 1 })
})

const placeOn = <E>(store: Layer.Layer<EventStore.EventStore, E>) =>
  Layer.build(Layer.fresh(Layer.provideMerge(Enrolment.layer, store)))

/** Stores over one database on a server, each with connections of its own. */
const onServer = Effect.fnUntraced(function* (count: number) {
  const url = yield* freshDatabase(yield* startServer({ settings: { fsync: "off" } }))
  const store = PostgresEventStore.layer().pipe(Layer.provide(clientOf({ url }, { maxConnections: 4 })))
  return yield* Effect.forEach(Array.from({ length: count }), () => placeOn(store))
})

const onceFrom = (layer: Layer.Layer<EventStore.EventStore, { readonly message: string }>) =>
  Effect.map(placeOn(layer), (place) => [place])

const inMemory = Layer.provide(distant, Layer.fresh(MemoryEventStore.layer))

describe(`racing students, with COURSES_SEED=${seed}`, () => {
  it.live("take just the seats that there are, in memory", () => Effect.flatMap(onceFrom(inMemory), raceIsFair))

  it.live(
    "take just the seats that there are, embedded",
    () => Effect.flatMap(onceFrom(EmbeddedEventStore.layer()), raceIsFair),
    180_000
  )

  it.live(
    "take just the seats that there are, on a server, through four stores",
    () => Effect.flatMap(onServer(4), raceIsFair).pipe(Effect.provide(NodeServices.layer)),
    180_000
  )

  it.live("take more seats than there are, if nothing is appended on a condition", () =>
    Effect.gen(function* () {
      const { inLog } = yield* race(yield* onceFrom(Layer.provide(careless, inMemory)))
      assert.isAbove(inLog.length, 30)
    })
  )
})

describe("commands that were decided at the same time", () => {
  const hold = ([place]: ReadonlyArray<Place>) => Effect.provideContext(pairs, place!)

  it.live("are in each other's way only if they concern each other, in memory", () =>
    Effect.flatMap(onceFrom(MemoryEventStore.layer), hold)
  )

  it.live(
    "are in each other's way only if they concern each other, embedded",
    () => Effect.flatMap(onceFrom(EmbeddedEventStore.layer()), hold),
    180_000
  )

  it.live(
    "are in each other's way only if they concern each other, on a server",
    () => Effect.flatMap(onServer(1), hold).pipe(Effect.provide(NodeServices.layer)),
    180_000
  )
})
