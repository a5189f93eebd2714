/**
 * Boundaries on a server, through two services with stores and connections of their own, as two processes have them: what spans streams holds, and
 * a command id is executed once, whoever asks and in whatever order.
 */
import { assert, layer } from "@effect/vitest"
import { Duration, Effect, Latch, Metric, Random, Result, Schedule, Schema, Stream } from "effect"
import { Boundary, Decider, Event, EventStore, Metrics } from "eventfold"
import { freshDatabase, TestServer } from "../support/server.ts"
import { connect, freshSchema, storeOn } from "./support/stores.ts"

const seed = Number(process.env["BOUNDARIES_SEED"] ?? Date.now() % 1_000_000)

/** The rooms of a theatre: so many guests to a room, and one room to a guest. */
const seatsPerRoom = 5

const Taken = Schema.Struct({ room: Schema.String, guest: Schema.String })

const RoomEvent = Event.define({ SeatTaken: Taken.fields, GuestGreeted: { guest: Schema.String } }).tagged({
  SeatTaken: ({ guest, room }) => [`room:${room}`, `guest:${guest}`],
  GuestGreeted: ({ guest }) => [`greeted:${guest}`]
})

class RoomIsFull extends Schema.TaggedError<RoomIsFull>()("RoomIsFull", {}) {}
class GuestIsSeated extends Schema.TaggedError<GuestIsSeated>()("GuestIsSeated", {}) {}

const seating = Decider.make({
  name: "rooms",
  state: Schema.Array(Taken),
  initial: [],
  commands: Schema.TaggedUnion({ Take: Taken.fields, Greet: { guest: Schema.String } }),
  events: RoomEvent
})
  .evolve({ SeatTaken: (taken, { guest, room }) => [...taken, { room, guest }], GuestGreeted: (taken) => taken })
  .decide({
    Take: ({ guest, room }, taken) => {
      if (taken.some((one) => one.guest === guest)) return Result.fail(new GuestIsSeated())
      if (taken.filter((one) => one.room === room).length >= seatsPerRoom) return Result.fail(new RoomIsFull())
      return [{ _tag: "SeatTaken", room, guest }]
    },
    // Kept where nobody who greets looks for it: nothing keeps two of them apart but the id of the command.
    Greet: ({ guest }) => [{ _tag: "GuestGreeted", guest }]
  })

const rooms = {
  decider: seating,
  boundaryOf: (command: Decider.Command<typeof seating>) => [
    ...("room" in command ? [{ tags: [`room:${command.room}`] }] : []),
    { tags: [`guest:${command.guest}`] }
  ],
  streamOf: (command: Decider.Command<typeof seating>) =>
    "room" in command ? (`room-${command.room}` as const) : "room-entrance",
  retry: Schedule.exponential("2 millis").pipe(
    Schedule.modifyDelay(({ duration }) =>
      Effect.map(Random.next, (part) => Duration.times(Duration.min(duration, Duration.millis(200)), part))
    ),
    Schedule.upTo({ times: 300 })
  )
}

type Rooms = Boundary.Boundary<typeof seating>

/** Lets nobody append for a command before it was decided twice. */
const meeting = () => {
  const commands = new Map<string, { decided: number; readonly twice: Latch.Latch }>()
  return (commandId: string | undefined) =>
    Effect.suspend(() => {
      const command = commands.get(commandId ?? "none") ?? { decided: 0, twice: Latch.makeUnsafe() }
      commands.set(commandId ?? "none", command)
      return Effect.andThen(++command.decided === 2 ? command.twice.open : Effect.void, command.twice.await)
    })
}

/** Two services, and what came of the commands of each. Before a command is appended, something else may be waited for. */
const two = Effect.fnUntraced(function* (before: ReturnType<typeof meeting> = () => Effect.void) {
  const url = yield* freshDatabase(yield* TestServer)
  const schema = freshSchema()
  const service = Effect.fnUntraced(function* (migrate: boolean) {
    const store = yield* storeOn(yield* connect(url, { maxConnections: 4 }), { schema, migrate })
    const waiting = EventStore.EventStore.of({
      ...store,
      append: (writes, options) =>
        Effect.andThen(before(writes[0]?.events[0]?.metadata.commandId), store.append(writes, options))
    })
    const boundary = yield* Effect.provideService(Boundary.make(rooms), EventStore.EventStore, waiting)
    const registry: Metric.MetricRegistry = new Map()
    const inRegistry = Effect.provideService(Metric.MetricRegistry, registry)
    const execute: Rooms["execute"] = (...asked) => inRegistry(boundary.execute(...asked))
    const counted = (command: string, outcome: string) =>
      inRegistry(Metric.value(Metrics.commands.series({ category: "rooms", command, outcome }))).pipe(
        Effect.map(({ count }) => count)
      )
    const conflicts = inRegistry(Metric.value(Metrics.conflicts.series({ category: "rooms" })))
    return { store, execute, counted, conflicts: Effect.map(conflicts, ({ count }) => count) }
  })
  const one = yield* service(true)
  const other = yield* service(false)
  const log = Effect.map(Stream.runCollect(one.store.readLog()), (all) =>
    all.flatMap((recorded) => Result.getOrThrow(Event.decode(RoomEvent, recorded)))
  )
  return { one, other, log }
})

const numbered = (name: string, count: number) => Array.from({ length: count }, (_, n) => `${name}-${n}`)

/** A bell is rung as often as was set last: what a command comes to has changed when it is sent again. */
const bell = Decider.make({
  name: "bell",
  state: Schema.Int,
  initial: 0,
  commands: Schema.TaggedUnion({ Set: { times: Schema.Int }, Ring: {} }),
  events: Event.define({ BellSet: { times: Schema.Int }, BellRung: { time: Schema.Int } }).tagged({
    BellSet: () => ["bell"]
  })
})
  .evolve({ BellSet: (_, { times }) => times, BellRung: (times) => times })
  .decide({
    Set: ({ times }) => [{ _tag: "BellSet", times }],
    Ring: (_, times) => Array.from({ length: times }, (_, time) => ({ _tag: "BellRung" as const, time }))
  })

layer(TestServer.layer({ settings: { fsync: "off" } }), {
  excludeTestServices: true,
  concurrent: false,
  timeout: 120_000
})(`two services on a server, with BOUNDARIES_SEED=${seed}`, (it) => {
  it.effect("never let more into a room than there are seats, nor a guest into two rooms", () =>
    Effect.gen(function* () {
      const { log, one, other } = yield* two()
      const wishes = numbered("guest", 40).flatMap((guest) =>
        numbered("room", 4).map((room) => ({ _tag: "Take" as const, room, guest }))
      )
      const answers = yield* Effect.forEach(
        yield* Random.withSeed(Random.shuffle(wishes), seed),
        (wish, n) =>
          Effect.map(Effect.result((n % 2 === 0 ? one : other).execute(wish)), (answer) => ({ wish, answer })),
        { concurrency: 60 }
      )
      const taken = (yield* log).flatMap((event) => (event._tag === "SeatTaken" ? [event] : []))
      assert.lengthOf(taken, 20)
      assert.strictEqual(new Set(taken.map(({ guest }) => guest)).size, 20)
      for (const room of numbered("room", 4))
        assert.lengthOf(
          taken.filter((one) => one.room === room),
          seatsPerRoom
        )
      const told = answers.flatMap(({ answer }) => (Result.isSuccess(answer) ? answer.success.events : []))
      assert.sameDeepMembers(told, taken)
      // Who was refused was so for a reason that is in the log, and not for having come too often.
      for (const { answer, wish } of answers) {
        if (Result.isSuccess(answer)) continue
        const { _tag } = answer.failure
        const isSeated = taken.some(({ guest }) => guest === wish.guest)
        assert.isTrue(_tag === "RoomIsFull" || (_tag === "GuestIsSeated" && isSeated), `${_tag}: ${wish.guest}`)
      }
      assert.isAbove((yield* one.conflicts) + (yield* other.conflicts), 0)
    })
  )

  it.effect("execute a command id once, and both answer alike", () =>
    Effect.gen(function* () {
      const { log, one, other } = yield* two(meeting())
      const guests = numbered("guest", 60)
      const answers = yield* Effect.forEach(
        guests,
        (guest) => {
          const greet = { _tag: "Greet" as const, guest }
          const ways = [one.execute(greet, { commandId: guest }), other.execute(greet, { commandId: guest })] as const
          return Effect.all(ways, { concurrency: 2 })
        },
        { concurrency: 20 }
      )
      for (const [first, second] of answers) {
        assert.lengthOf(first.events, 1)
        assert.deepStrictEqual(second, first)
      }
      const greeted = (yield* log).flatMap((event) => (event._tag === "GuestGreeted" ? [event.guest] : []))
      assert.deepStrictEqual(greeted.toSorted(), guests.toSorted())
      const executed = [yield* one.counted("Greet", "executed"), yield* other.counted("Greet", "executed")]
      const repeated = [yield* one.counted("Greet", "repeated"), yield* other.counted("Greet", "repeated")]
      assert.strictEqual(executed[0]! + executed[1]!, guests.length)
      assert.deepStrictEqual(repeated, executed.toReversed())
    })
  )

  it.effect("execute a command id once where everybody wants the same, and refuse it in both", () =>
    Effect.gen(function* () {
      const { log, one, other } = yield* two()
      const answers = yield* Effect.forEach(
        yield* Random.withSeed(Random.shuffle(numbered("guest", 30)), seed),
        (guest) => {
          const take = { _tag: "Take" as const, room: "hall", guest }
          const ways = [one.execute(take, { commandId: guest }), other.execute(take, { commandId: guest })] as const
          return Effect.all(ways.map(Effect.result), { concurrency: 2 })
        },
        { concurrency: "unbounded" }
      )
      const told = answers.flatMap(([first, second]) => {
        assert.deepStrictEqual(second, first)
        if (Result.isSuccess(first!)) return first.success.events
        assert.instanceOf(first!.failure, RoomIsFull)
        return []
      })
      assert.lengthOf(told, seatsPerRoom)
      assert.sameDeepMembers(told, Array.from(yield* log))
      assert.strictEqual((yield* one.counted("Take", "rejected")) + (yield* other.counted("Take", "rejected")), 50)
      assert.isAbove((yield* one.conflicts) + (yield* other.conflicts), 0)
    })
  )

  it.effect("execute a command id once also where it would come to more by now, to less, or to nothing", () =>
    Effect.gen(function* () {
      const { one, other } = yield* two()
      const over = (store: EventStore.EventStore["Service"], n: number) =>
        Effect.provideService(
          Boundary.make({
            decider: bell,
            boundaryOf: () => [{ tags: ["bell"] }],
            streamOf: ({ _tag }) => `${_tag === "Ring" ? "rings" : "bell"}-${n}`
          }),
          EventStore.EventStore,
          store
        )
      const changes: ReadonlyArray<readonly [first: number, now: number]> = [
        [1, 3],
        [3, 1],
        [2, 2],
        [2, 0]
      ]
      for (const [n, [first, now]] of changes.entries()) {
        const bells = yield* over(one.store, n)
        yield* bells.execute({ _tag: "Set", times: first })
        const outcome = yield* bells.execute({ _tag: "Ring" }, { commandId: "request-7" })
        assert.lengthOf(outcome.events, first)
        yield* bells.execute({ _tag: "Set", times: now })
        const again = yield* (yield* over(other.store, n)).execute({ _tag: "Ring" }, { commandId: "request-7" })
        assert.deepStrictEqual(again, outcome, `${first} times, and now ${now}`)
      }
    })
  )
})
