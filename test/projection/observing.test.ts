/**
 * What is measured, traced and said of projections and reactions.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Schedule, Schema, Stream } from "effect"
import { TestClock } from "effect/testing"
import { Event, EventStore, Projection, Reaction, StreamName } from "eventfold"
import { MemoryEventStore } from "eventfold/memory"
import { start as startReaction } from "../reaction/support.ts"
import { isolated, makeLog, makeTracer, seriesOf, traceOf } from "../support/observing.ts"
import {
  altered,
  append,
  appendStored,
  caughtUp,
  contents,
  during,
  events,
  failed,
  inlined,
  memory,
  parking,
  parks,
  put,
  start,
  until
} from "./support.ts"

const inMemory = Effect.provide(MemoryEventStore.layer)

/** Appends an event for each trace, together. */
const appendIn = Effect.fnUntraced(function* (traceparents: ReadonlyArray<string | undefined>) {
  const store = yield* EventStore.EventStore
  const encoded = yield* Effect.fromResult(Event.encode(events, put("a", 1)))
  const all = traceparents.map((traceparent) => ({
    ...encoded,
    id: crypto.randomUUID(),
    metadata: traceparent === undefined ? {} : { traceparent }
  }))
  yield* store.append([{ stream: StreamName.make("box", "1"), expected: "any", events: all }])
})

const its = "partition=0,projection=contents"

describe("a projection", () => {
  it.effect("counts the events that are behind it, how long its batches take, and what fails", () =>
    Effect.gen(function* () {
      const broken = new Set([3])
      const { reader } = yield* start(
        Projection.make({ version: 1, view: contents(broken), retry: Schedule.recurs(1) })
      )
      yield* append("1", put("a", 1), put("a", 2))
      yield* caughtUp(reader)
      assert.deepStrictEqual(yield* seriesOf("eventfold_projection_events_total"), { [its]: 2 })
      assert.isAtLeast((yield* seriesOf("eventfold_projection_batch_seconds"))[its]!, 1)
      // Before the first: whoever looks at how it rises would not see that one.
      assert.deepStrictEqual(yield* seriesOf("eventfold_projection_failures_total"), { [its]: 0 })
      yield* append("1", put("a", 3))
      yield* failed(reader)
      assert.deepStrictEqual(yield* seriesOf("eventfold_projection_failures_total"), { [its]: 2 })
      assert.deepStrictEqual(yield* seriesOf("eventfold_projection_events_total"), { [its]: 2 })
      broken.clear()
      yield* reader.resume
      yield* caughtUp(reader)
      assert.deepStrictEqual(yield* seriesOf("eventfold_projection_events_total"), { [its]: 3 })
    }).pipe(isolated, inMemory)
  )

  it.effect(
    "has a span for each batch, which is linked to the traces of its events, as far as that makes sense",
    () => {
      const { named, traced } = makeTracer()
      return Effect.gen(function* () {
        const { reader } = yield* Effect.withSpan(start(Projection.make({ version: 7, view: contents() })), "start")
        yield* caughtUp(reader)
        const trace = traceOf(1)
        yield* appendIn([trace.traceparent, trace.traceparent, undefined, "nonsense"])
        yield* caughtUp(reader)
        const [batch] = named("eventfold.projection")
        assert.isTrue(Option.isNone(batch!.parent))
        assert.deepStrictEqual(Object.fromEntries(batch!.attributes), {
          "eventfold.projection": "contents",
          "eventfold.version": 7,
          "eventfold.partition": 0,
          "eventfold.from": 1,
          "eventfold.to": 4,
          "eventfold.events": 4
        })
        assert.deepStrictEqual(
          batch!.links.map(({ span: { spanId, traceId } }) => ({ spanId, traceId })),
          [{ spanId: trace.spanId, traceId: trace.traceId }]
        )
        yield* appendIn(Array.from({ length: 100 }, (_, n) => traceOf(n).traceparent))
        yield* caughtUp(reader)
        assert.strictEqual(named("eventfold.projection").at(-1)!.links.length, 32)
      }).pipe(traced, inMemory)
    }
  )

  it.effect("has no spans while nothing happens", () => {
    const { spans, traced } = makeTracer()
    return Effect.gen(function* () {
      const { reader } = yield* start(Projection.make({ version: 1, view: contents() }))
      yield* caughtUp(reader)
      yield* TestClock.adjust("30 seconds")
      // What it does not handle moves it on, and that is all.
      yield* appendStored("1", "Other", {})
      yield* caughtUp(reader)
      assert.deepStrictEqual(spans, [])
      yield* append("1", put("a", 1))
      yield* caughtUp(reader)
      assert.includeMembers(
        spans.map(({ name }) => name),
        ["eventfold.projection", "commit"]
      )
    }).pipe(
      traced,
      Effect.provide(
        // As in a database, where each statement is a span.
        altered(({ claim, commit, renew }) => ({
          claim: (options) => Effect.withSpan(claim(options), "claim"),
          renew: (claims, lease) => Effect.withSpan(renew(claims, lease), "renew"),
          commit: (claim, progress, work) => Effect.withSpan(commit(claim, progress, work), "commit")
        }))
      )
    )
  })

  it.effect("says that it is not run where a higher version is read", () => {
    const { logged, said } = makeLog()
    const notRun = () => said.filter(({ message }) => message.startsWith("projection is not run"))
    const of = (version: number) => Projection.make({ version, view: contents() })
    return Effect.gen(function* () {
      const newer = yield* start(of(3))
      yield* caughtUp(newer.reader)
      assert.deepStrictEqual(notRun(), [])
      yield* start(of(2))
      const [warning, ...more] = notRun()
      assert.strictEqual(warning?.level, "Warn")
      assert.deepInclude(warning?.annotations, { projection: "contents", version: 2, live: 3 })
      assert.deepStrictEqual(more, [])
    }).pipe(logged, inMemory)
  })

  it.effect("says which event it parks or fails at, in fields, and nothing of what is stored", () => {
    const { logged, said } = makeLog()
    const saying = (text: string) => said.find(({ message }) => message === text)
    const broken = new Set<number>()
    const handling = Projection.handler({
      name: "handling",
      version: 1,
      events,
      retry: Schedule.recurs(0),
      handle: (batch) =>
        batch.some(({ event }) => event._tag === "Put" && broken.has(event.n)) ? Effect.fail("no") : Effect.void
    })
    return Effect.gen(function* () {
      const { reader } = yield* start(parking(new Set([2])))
      yield* append("1", put("confidential", 1), put("confidential", 2))
      yield* parks(reader, 1)
      const parked = saying("projection parks an event")
      assert.strictEqual(parked?.level, "Warn")
      assert.deepInclude(parked?.annotations, { projection: "contents", version: 1, partition: 0, position: 2 })
      assert.deepInclude(saying("projection batch")?.annotations, { projection: "contents", from: 1, to: 2, events: 2 })
      const other = yield* start(handling)
      yield* caughtUp(other.reader)
      broken.add(3)
      yield* append("1", put("confidential", 3))
      yield* failed(other.reader)
      const stopped = saying("projection has failed")
      assert.strictEqual(stopped?.level, "Error")
      assert.deepInclude(stopped?.annotations, { projection: "handling", partition: 0, position: 3 })
      assert.notInclude(JSON.stringify(said), "confidential")
    }).pipe(logged, inMemory)
  })

  it.effect("that is inline is a span of the append, and counts what is stored", () => {
    const { named, traced } = makeTracer()
    return Effect.gen(function* () {
      const stores = yield* memory
      const keeping = yield* inlined(stores, [
        Projection.make({ version: 1, view: contents(new Set([3])), mode: "inline" })
      ])
      yield* Effect.withSpan(append("1", put("a", 1), put("a", 2)), "append").pipe(Effect.provide(keeping))
      const [append1] = named("append")
      const [projected] = named("eventfold.projection")
      assert.strictEqual(Option.getOrThrow(projected!.parent).spanId, append1!.spanId)
      yield* Effect.exit(append("1", put("a", 3)).pipe(Effect.provide(keeping)))
      assert.deepStrictEqual(yield* seriesOf("eventfold_projection_events_total"), { [its]: 2 })
    }).pipe(traced, isolated)
  })
})

const reacting = (broken: ReadonlySet<number>) =>
  Reaction.make({
    name: "sending",
    events: Event.pick(events, ["Put"]),
    results: Event.define({ Sent: { n: Schema.Int } }),
    retry: Schedule.recurs(1)
  }).run(({ n }) => (broken.has(n) ? Effect.fail("no") : Effect.succeed({ _tag: "Sent", n })))

describe("a reaction", () => {
  it.effect("goes on with the trace of the event that it is to, and so does what came of it", () => {
    const { named, traced } = makeTracer()
    return Effect.gen(function* () {
      const { control } = yield* startReaction(reacting(new Set()))
      yield* appendIn([traceOf(1).traceparent, traceOf(2).traceparent])
      yield* during(control.awaitPosition(4, "1 minute"))
      const spans = named("eventfold.reaction")
      assert.deepStrictEqual(
        spans.map(({ parent, traceId }) => ({ traceId, spanId: Option.getOrThrow(parent).spanId })),
        [1, 2].map(traceOf).map(({ spanId, traceId }) => ({ traceId, spanId }))
      )
      assert.deepStrictEqual(Object.fromEntries(spans[0]!.attributes), {
        "eventfold.projection": "reaction:sending",
        "eventfold.position": 1,
        "eventfold.type": "Put"
      })
      const store = yield* EventStore.EventStore
      const sent = yield* Stream.runCollect(store.readLog({ from: 3 }))
      assert.deepStrictEqual(
        sent.map(({ metadata }) => metadata.traceparent),
        spans.map(({ spanId, traceId }) => `00-${traceId}-${spanId}-01`)
      )
    }).pipe(traced, inMemory)
  })

  it.effect("counts each time that an event is tried, and says what fails without what is stored", () => {
    const { logged, said } = makeLog()
    return Effect.gen(function* () {
      const { control } = yield* startReaction(reacting(new Set([2])))
      yield* append("confidential", put("a", 1))
      yield* during(control.awaitPosition(2, "1 minute"))
      yield* append("confidential", put("a", 2))
      yield* until(
        "it has failed",
        Effect.map(control.status, (all) => all.some(({ state }) => state === "failed"))
      )
      assert.deepStrictEqual(yield* seriesOf("eventfold_reaction_attempts_total"), {
        "outcome=failed,projection=reaction:sending": 2,
        "outcome=succeeded,projection=reaction:sending": 1
      })
      assert.deepStrictEqual(yield* seriesOf("eventfold_reaction_seconds"), { "projection=reaction:sending": 3 })
      const failure = said.find(({ message }) => message === "reaction fails")
      assert.deepInclude(failure?.annotations, { projection: "reaction:sending", partition: 0, position: 3 })
    }).pipe(isolated, logged, inMemory)
  })
})
