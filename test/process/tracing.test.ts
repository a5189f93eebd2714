/**
 * What a process does in answer to an event is part of the event's trace, whoever does it and whenever that is: before and after a restart, and
 * when a timer elapses.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { TestClock } from "effect/testing"
import { Event, EventStore, StreamName } from "eventfold"
import { isolated, makeLog, makeTracer, seriesOf, traceOf } from "../support/observing.ts"
import {
  altering,
  asked,
  deskEvents,
  found,
  log,
  makeDesk,
  memory,
  once,
  settle,
  unavailable,
  until
} from "./support.ts"

/** Tells a desk something, in a trace. */
const tellIn = Effect.fnUntraced(function* (traceparent: string | undefined, ...what: Parameters<typeof asked>) {
  const store = yield* EventStore.EventStore
  const encoded = yield* Effect.fromResult(Event.encode(deskEvents, asked(...what)))
  const metadata = traceparent === undefined ? {} : { traceparent }
  const events = [{ ...encoded, id: crypto.randomUUID(), metadata }]
  yield* store.append([{ stream: StreamName.make("told", "all"), expected: "any", events }])
})

/** The traces of what the tools have done. */
const traces = Effect.map(log("tool"), (all) => all.map(({ metadata: { traceparent } }) => traceparent?.split("-")[1]))

const { spanId, traceId, traceparent } = traceOf(1)

const commandSpan = "eventfold.process.command"

describe("the trace of a process", () => {
  it.effect("goes on from the event to the command, and from there to what is appended", () => {
    const { spans, named, traced } = makeTracer()
    return Effect.gen(function* () {
      const { process } = yield* makeDesk().start
      yield* tellIn(traceparent, "d", "x", { numbers: [1, -2] })
      yield* settle(process)
      const [first, second] = named(commandSpan)
      assert.strictEqual(named(commandSpan).length, 2)
      for (const span of [first!, second!]) {
        assert.strictEqual(span.traceId, traceId)
        assert.strictEqual(Option.getOrThrow(span.parent).spanId, spanId)
        assert.strictEqual(span.kind, "consumer")
      }
      const attributes = Object.fromEntries(first!.attributes)
      assert.deepInclude(attributes, {
        "eventfold.process": "desk",
        "eventfold.instance": "d",
        "eventfold.to": "tools",
        "eventfold.target": "d",
        "eventfold.command": "Do",
        "eventfold.outcome": "executed"
      })
      assert.strictEqual(second!.attributes.get("eventfold.outcome"), "rejected")
      assert.deepStrictEqual(yield* traces, [traceId])
      const [done] = yield* log("tool")
      const recordedIn = spans.find((span) => span.spanId === done!.metadata.traceparent?.split("-")[2])
      assert.strictEqual(recordedIn?.name, "eventfold.execute")
      assert.strictEqual(Option.getOrThrow(recordedIn!.parent).spanId, first!.spanId)
    }).pipe(traced, Effect.provide(memory))
  })

  it.effect("goes on after a restart, and when a timer elapses", () =>
    Effect.gen(function* () {
      const { broken, start } = makeDesk(once)
      const before = yield* start
      broken.add("decide 1")
      yield* tellIn(traceparent, "stuck", "x", { numbers: [1] })
      yield* tellIn(traceOf(2).traceparent, "late", "x", { after: [{ timer: "b", millis: 60_000 }] })
      yield* settle(before.process)
      yield* before.stop
      broken.clear()
      const { named, traced } = makeTracer()
      yield* Effect.gen(function* () {
        const { process } = yield* start
        yield* process.retry("stuck")
        yield* settle(process)
        assert.deepStrictEqual(yield* traces, [traceId])
        yield* TestClock.adjust("1 minute")
        yield* settle(process)
        assert.deepStrictEqual(yield* traces, [traceId, traceOf(2).traceId])
        assert.deepStrictEqual(
          named(commandSpan).map(({ parent }) => Option.getOrThrow(parent).spanId),
          [spanId, traceOf(2).spanId]
        )
      }).pipe(traced)
    }).pipe(Effect.provide(memory))
  )

  it.effect("is passed on where nobody looks at spans", () =>
    Effect.gen(function* () {
      const { process } = yield* makeDesk().start
      yield* tellIn(traceparent, "d", "x", { numbers: [1] })
      yield* tellIn(undefined, "e", "x", { numbers: [1] })
      yield* settle(process)
      assert.deepStrictEqual((yield* traces).toSorted(), [traceId, undefined])
    }).pipe(Effect.provide(memory))
  )

  it.effect("is one of its own where the event has none that can be read, whatever the program was started in", () => {
    const { named, traced } = makeTracer()
    return Effect.gen(function* () {
      const { process } = yield* Effect.withSpan(makeDesk().start, "start")
      yield* tellIn(undefined, "d", "x", { numbers: [1] })
      yield* tellIn("x".repeat(100_000), "e", "x", { numbers: [1] })
      yield* settle(process)
      const spans = named(commandSpan)
      assert.lengthOf(spans, 2)
      for (const { parent } of spans) assert.isTrue(Option.isNone(parent))
      assert.deepStrictEqual(new Set(yield* traces), new Set(spans.map((span) => span.traceId)))
      assert.deepStrictEqual(
        (yield* log("tool")).map(({ metadata }) => String(metadata.traceparent).length),
        [55, 55]
      )
      const [start] = named("start")
      assert.isTrue(named("eventfold.process").every((span) => span.traceId !== start!.traceId))
    }).pipe(traced, Effect.provide(memory))
  })

  it.effect("links a turn to the events that it is about; and idle it has no spans", () => {
    const { named, spans, traced } = makeTracer()
    return Effect.gen(function* () {
      const { process } = yield* makeDesk({ runs: { partitions: 1 } }).start
      yield* settle(process)
      spans.length = 0
      yield* TestClock.adjust("30 seconds")
      assert.deepStrictEqual(spans, [])
      yield* tellIn(traceparent, "d", "x")
      yield* settle(process)
      const [turn] = named("eventfold.process")
      assert.deepStrictEqual(
        turn!.links.map(({ span }) => span.spanId),
        [spanId]
      )
      assert.deepInclude(Object.fromEntries(turn!.attributes), {
        "eventfold.process": "desk",
        "eventfold.from": 0,
        "eventfold.to": 1,
        "eventfold.events": 1,
        "eventfold.instances": 1
      })
    }).pipe(
      (all) =>
        // As in a database, where each statement is a span.
        altering(all, {
          projections: ({ claim, commit, renew }) => ({
            claim: (options) => Effect.withSpan(claim(options), "claim"),
            renew: (claims, lease) => Effect.withSpan(renew(claims, lease), "renew"),
            commit: (claim, progress, work) => Effect.withSpan(commit(claim, progress, work), "commit")
          }),
          processes: ({ due, ready, requests }) => ({
            due: (...asked) => Effect.withSpan(due(...asked), "due"),
            ready: (...asked) => Effect.withSpan(ready(...asked), "ready"),
            requests: (...asked) => Effect.withSpan(requests(...asked), "requests")
          })
        }),
      traced,
      Effect.provide(memory)
    )
  })
})

describe("a process at work", () => {
  it.effect("counts its commands by what became of them, how late timers were, and what it has handled", () => {
    const { broken, start } = makeDesk(once)
    return Effect.gen(function* () {
      const { process } = yield* start
      broken.add("decide 3")
      yield* tellIn(undefined, "d", "x", { numbers: [1, 2, -1], after: [{ timer: "a", millis: 1000 }] })
      yield* tellIn(undefined, "e", "x", { numbers: [3] })
      yield* settle(process)
      yield* TestClock.adjust("2 seconds")
      yield* settle(process)
      assert.deepStrictEqual(yield* seriesOf("eventfold_process_commands_total"), {
        "outcome=executed,process=desk": 2,
        "outcome=rejected,process=desk": 1,
        "outcome=failed,process=desk": 1
      })
      assert.deepStrictEqual(yield* seriesOf("eventfold_process_timer_delay_seconds"), { "process=desk": 1 })
      const handled = yield* seriesOf("eventfold_projection_events_total")
      assert.deepStrictEqual(
        new Set(Object.keys(handled).map((key) => key.split(",")[1])),
        new Set(["projection=process:desk"])
      )
    }).pipe(isolated, Effect.provide(memory))
  })

  it.effect("counts what is tried again, and says that it waits for a store, once", () => {
    const { logged, said } = makeLog()
    let isAway = true
    return altering(
      Effect.gen(function* () {
        const { process } = yield* makeDesk().start
        yield* tellIn(undefined, "d", "x", { numbers: [1] })
        const retried = seriesOf("eventfold_process_commands_total")
        yield* until(
          "it is tried again",
          Effect.map(retried, (all) => (all["outcome=retried,process=desk"] ?? 0) >= 3)
        )
        isAway = false
        yield* settle(process)
        assert.strictEqual((yield* retried)["outcome=executed,process=desk"], 1)
        const waits = said.filter(({ message }) => message === "process waits for the store of a command")
        assert.lengthOf(waits, 1)
        assert.deepInclude(waits[0]!.annotations, { process: "desk", instance: "d", to: "tools", command: "Do" })
      }),
      {
        events: ({ append }) => ({
          append: (writes, options) =>
            isAway && writes.some(({ stream }) => stream.startsWith("tool-"))
              ? Effect.fail(unavailable)
              : append(writes, options)
        })
      }
    ).pipe(isolated, logged, Effect.provide(memory))
  })

  it.effect("says what it is about, and nothing of what is stored", () => {
    const { logged, said } = makeLog()
    return Effect.gen(function* () {
      const { process } = yield* makeDesk().start
      yield* tellIn(undefined, "d", "confidential", { numbers: [4711] })
      yield* settle(process)
      assert.include((yield* found(process, "d")).state.notes, "confidential")
      const command = said.find(({ message }) => message === "process command")
      assert.deepInclude(command?.annotations, { process: "desk", instance: "d", command: "Do", outcome: "executed" })
      const turn = said.find(({ message }) => message === "process turn")
      assert.deepInclude(turn?.annotations, { projection: "process:desk", events: 1, instances: 1 })
      assert.notInclude(JSON.stringify(said), "confidential")
      assert.notInclude(JSON.stringify(said), "4711")
    }).pipe(logged, Effect.provide(memory))
  })
})
