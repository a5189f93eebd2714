import { assert, describe, it } from "@effect/vitest"
import { DateTime, Effect, Schedule, Schema } from "effect"
import { TestClock } from "effect/testing"
import { Event, EventStore, Publication, StreamName } from "eventfold"
import { MemoryEventStore } from "eventfold/memory"
import { append, appendStored, caughtUp, events, failed, parks, put, recordedOf, start } from "./reaction/support.ts"

type Settings = Publication.Settings<typeof events.Type>

/** A sink that takes messages, but those whose data is in `broken`. */
const collecting = (broken: ReadonlySet<number> = new Set()) => {
  const taken: Array<Publication.Message> = []
  const attempts: Array<unknown> = []
  const numberOf = ({ data }: Publication.Message): number => (data as { readonly n: number }).n
  const sink: Publication.Sink<string, never> = {
    publish: (message) =>
      Effect.suspend(() => {
        attempts.push(numberOf(message))
        if (broken.has(numberOf(message))) return Effect.fail("it is broken")
        taken.push(message)
        return Effect.void
      })
  }
  return { sink, taken, attempts, numbers: () => taken.map(numberOf) }
}

const publishing = (sink: Publication.Sink<string, never>, settings: Settings = {}) =>
  Publication.make({ name: "boxes", events, sink, ...settings })

const inMemory = Effect.provide(MemoryEventStore.layer)

describe("a publication", () => {
  it.effect("publishes each event as a message, with what a receiver has to know of it", () => {
    const { sink, taken } = collecting()
    return Effect.gen(function* () {
      const { control } = yield* start(publishing(sink))
      const store = yield* EventStore.EventStore
      const metadata = { correlationId: "talk", causationId: "cause", actor: "ada" }
      const id = "0192d9a0-0000-7000-8000-000000000001"
      yield* store.append([
        {
          stream: "box-1",
          expected: "any",
          events: [{ id, type: "Put", schemaVersion: 1, data: { key: "a", n: 1 }, tags: ["secret"], metadata }]
        }
      ])
      yield* append("1", put("a", 2))
      yield* caughtUp(control)
      const [first, second] = yield* recordedOf("Put")
      assert.deepStrictEqual(taken, [
        {
          id,
          type: "Put",
          schemaVersion: 1,
          stream: "box-1",
          version: 1,
          position: 1,
          recordedAt: first!.recordedAt,
          data: { key: "a", n: 1 },
          correlationId: "talk",
          causationId: "cause"
        },
        {
          id: second!.id,
          type: "Put",
          schemaVersion: 1,
          stream: "box-1",
          version: 2,
          position: 2,
          recordedAt: second!.recordedAt,
          data: { key: "a", n: 2 }
        }
      ])
    }).pipe(inMemory)
  })

  it.effect("publishes today's version of what was stored in another, under today's name", () => {
    const { sink, taken } = collecting()
    const today = Event.define({
      Moved: Event.version({ n: Schema.Int }).next({ n: Schema.Int, by: Schema.String }, (v1) => ({ ...v1, by: "?" }))
    })
      .renamed({ Moved: "Shifted" })
      .retired("Split", { n: Schema.Int }, ({ n }) => [
        { _tag: "Moved", n, by: "left" },
        { _tag: "Moved", n, by: "right" }
      ])
    return Effect.gen(function* () {
      const { control } = yield* start(Publication.make({ name: "moves", events: today, sink }))
      yield* appendStored("1", "Shifted", { n: 1 })
      yield* appendStored("1", "Split", { n: 2 })
      yield* caughtUp(control)
      assert.deepStrictEqual(
        taken.map(({ data, schemaVersion, type, version }) => ({ type, schemaVersion, version, data })),
        [
          { type: "Moved", schemaVersion: 2, version: 1, data: { n: 1, by: "?" } },
          { type: "Moved", schemaVersion: 2, version: 2, data: { n: 2, by: "left" } },
          { type: "Moved", schemaVersion: 2, version: 2, data: { n: 2, by: "right" } }
        ]
      )
      assert.strictEqual(new Set(taken.map(({ id }) => id)).size, 3)
    }).pipe(inMemory)
  })

  it.effect("publishes nothing that was recorded before it was first run", () => {
    const { numbers, sink } = collecting()
    return Effect.gen(function* () {
      yield* append("1", put("a", 1))
      const { control } = yield* start(publishing(sink))
      yield* append("1", put("a", 2))
      yield* caughtUp(control)
      assert.deepStrictEqual(numbers(), [2])
    }).pipe(inMemory)
  })

  it.effect("sends the messages of a stream in order, and none past one that is not taken", () => {
    const broken = new Set([2])
    const { attempts, numbers, sink } = collecting(broken)
    return Effect.gen(function* () {
      const { control } = yield* start(publishing(sink, { retry: Schedule.spaced("1 second") }))
      yield* append("1", put("a", 1), put("a", 2), put("a", 3))
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(numbers(), [1])
      assert.isAbove(attempts.length, 3)
      broken.clear()
      yield* caughtUp(control)
      assert.deepStrictEqual(numbers(), [1, 2, 3])
    }).pipe(inMemory)
  })

  it.effect("holds up only the streams whose messages its sink does not take, where they are parked", () => {
    const broken = new Set([1, 11])
    const { attempts, numbers, sink } = collecting(broken)
    return Effect.gen(function* () {
      const { control } = yield* start(publishing(sink, { onFailure: "park", partitions: 2 }))
      for (let n = 0; n < 10; n++) yield* append(String(n), put("a", n), put("a", 10 + n))
      yield* caughtUp(control)
      for (let n = 0; n < 10; n++) yield* append(String(n), put("a", 20 + n))
      yield* caughtUp(control)
      const others = Array.from({ length: 30 }, (_, n) => n).filter((n) => n % 10 !== 1)
      assert.deepStrictEqual(
        numbers().toSorted((a, b) => a - b),
        others
      )
      assert.lengthOf(yield* control.parked, 3)
      // All that its schedule has.
      assert.lengthOf(
        attempts.filter((n) => n === 1),
        7
      )
      broken.clear()
      yield* control.retryParked()
      yield* parks(control, 0)
      assert.deepStrictEqual(numbers().slice(-3), [1, 11, 21])
    }).pipe(inMemory)
  })

  it.effect("stops at an event that nobody can read, and goes on when it is skipped", () => {
    const { numbers, sink } = collecting()
    return Effect.gen(function* () {
      const { control } = yield* start(publishing(sink))
      yield* append("1", put("a", 1))
      yield* appendStored("1", "Put", { nonsense: true })
      yield* append("1", put("a", 3))
      const { failure } = yield* failed(control)
      assert.strictEqual(failure?.position, 2)
      yield* control.skip(2, "nobody can read it")
      yield* caughtUp(control)
      assert.deepStrictEqual(numbers(), [1, 3])
    }).pipe(inMemory)
  })

  it("is refused without a name", () => {
    assert.throws(
      () => Publication.make({ name: "", events, sink: collecting().sink }),
      'the publication "" cannot be made: its name is empty'
    )
  })
})

describe("a message", () => {
  const message: Publication.Message = {
    id: "0192d9a0-0000-7000-8000-000000000001",
    type: "Put",
    schemaVersion: 1,
    stream: StreamName.make("box", "1"),
    version: 1,
    position: 7,
    recordedAt: DateTime.makeUnsafe("2026-03-03T10:00:00.123Z"),
    data: { n: 1 }
  }
  const asJson = Schema.fromJsonString(Publication.Message)

  it("is the same for a receiver as for the sender", () => {
    assert.deepStrictEqual(Schema.decodeSync(asJson)(Schema.encodeSync(asJson)(message)), message)
  })

  it("is JSON whose times are ISO 8601", () => {
    assert.deepStrictEqual(JSON.parse(Schema.encodeSync(asJson)(message)), {
      ...message,
      recordedAt: "2026-03-03T10:00:00.123Z"
    })
  })
})
