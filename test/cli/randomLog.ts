/**
 * Logs as nobody would write them, from a seed: every kind of JSON, of text and of time.
 */
import { DateTime, Effect, Random, type Schema } from "effect"
import type { EventStore } from "eventfold"

const int = (least: number, most: number) => Random.nextIntBetween(least, most)

const pick = <A>(all: ReadonlyArray<A>): Effect.Effect<A> => Effect.map(int(0, all.length - 1), (index) => all[index]!)

const texts = [
  "",
  "plain",
  "two\nlines\r\n",
  'quo"ted\\',
  "\u0001\u001B[31m\u007F\u0085",
  "\u2028\u2029",
  "ünïcödé 漢字 🙂",
  "__proto__",
  "a b",
  "7",
  "n".repeat(3000)
]
const numbers = [0, 1, -1, 0.1, 1e21, 5e-324, -1.5e300, Number.MAX_SAFE_INTEGER, 4294967296]

const json = (depth: number): Effect.Effect<Schema.Json> =>
  Effect.gen(function* () {
    const kind = yield* int(0, depth > 2 ? 4 : 6)
    if (kind === 0) return null
    if (kind === 1) return yield* Random.nextBoolean
    if (kind === 2) return yield* pick(numbers)
    if (kind <= 4) return yield* pick(texts)
    const size = yield* int(0, 4)
    if (kind === 5) return yield* Effect.replicateEffect(json(depth + 1), size)
    return yield* object(depth, size)
  })

const object = (depth: number, size: number): Effect.Effect<Schema.JsonObject> =>
  Effect.map(
    Effect.replicateEffect(Effect.all([pick(texts.filter((text) => text.length < 100)), json(depth + 1)]), size),
    // By definition and not by assignment: one of the keys would be the prototype.
    (fields) => Object.fromEntries(fields)
  )

/** Events of a log that another store might have recorded. */
export const randomLog = (seed: string, count: number): Effect.Effect<ReadonlyArray<EventStore.RestoredEvent>> =>
  Effect.gen(function* () {
    let time = yield* pick([-62_135_596_800_000, -1000, 0, 1_700_000_000_000])
    const events: Array<EventStore.RestoredEvent> = []
    for (let n = 0; n < count; n++) {
      // Many at the same time.
      time += yield* pick([0, 0, 0, 1, 999, 86_400_000])
      const category = yield* pick(["account", "order", "ünï code", "a.b"])
      const depth = yield* int(0, 3)
      events.push({
        id: crypto.randomUUID(),
        stream: `${category}-${yield* int(1, 12)}`,
        type: yield* pick(["Opened", "Booked", "Was Booked!", "事件"]),
        schemaVersion: yield* int(1, 3),
        recordedAt: DateTime.makeUnsafe(time),
        data: yield* json(depth),
        tags: (yield* Random.nextBoolean) ? [] : [`t:${yield* int(1, 3)}`, "ünï tag"],
        metadata: yield* object(1, yield* int(0, 3))
      })
    }
    return events
  }).pipe(Random.withSeed(seed))
