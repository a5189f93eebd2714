/**
 * How soon an event is delivered to a subscription of another store on the same server. A sanity check with much room: what it really takes,
 * the benchmarks measure. EVENTFOLD_FIGURES prints it.
 */
import { assert, layer } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { type EventStore, Query } from "eventfold"
import { freshDatabase, TestServer } from "../../support/server.ts"
import { connect, eventually, storeOn } from "../support/stores.ts"
import { eventOf, writeTo } from "../support/workload.ts"
import { live, numbers, sceneAt, startWriting } from "./support/scene.ts"

const probes = 40

/** The median of the milliseconds from the answer to an append, to its event being seen; negative when it was seen first. */
const medianOf = (millis: ReadonlyArray<number>): number => millis.toSorted((a, b) => a - b)[millis.length >> 1]!

const measure = (store: EventStore.EventStore["Service"], other: EventStore.EventStore["Service"]) =>
  Effect.gen(function* () {
    const seen = new Map<string, number>()
    const query: Query.Query = [{ categories: ["probe"] }]
    yield* other.subscribe({ after: yield* store.head, query }).pipe(
      Stream.runForEach(({ id }) => Effect.sync(() => void seen.set(id, performance.now()))),
      Effect.forkScoped
    )
    const took: Array<number> = []
    for (const _ of numbers(probes)) {
      const event = eventOf()
      yield* store.append(writeTo("probe-1", event))
      const answered = performance.now()
      yield* eventually(
        "it is seen",
        Effect.sync(() => seen.get(event.id)),
        (at) => at !== undefined
      )
      took.push((seen.get(event.id) ?? Infinity) - answered)
    }
    return medianOf(took)
  })

layer(TestServer.layer(), live)("an appended event", (it) => {
  for (const [when, fibers] of [
    ["on an idle server", 0],
    ["while fifty writers append", 50]
  ] as const) {
    it.effect(`is seen at once by a subscription of another store, ${when}`, () =>
      Effect.gen(function* () {
        const url = yield* freshDatabase(yield* TestServer)
        const scene = yield* sceneAt(url)
        const other = yield* storeOn(yield* connect(url), {})
        const { end } = yield* startWriting(scene, { fibers, pause: 20 })
        const median = yield* measure(scene.store, other)
        if (process.env["EVENTFOLD_FIGURES"] !== undefined) {
          process.stdout.write(`it is seen after ${median.toFixed(1)} ms, ${when}\n`)
        }
        assert.isBelow(median, 50)
        yield* end
      })
    )
  }
})
