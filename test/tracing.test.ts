/**
 * One trace from what asks for a command to what its events cause, in this process and the next.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Layer, Option, Stream, Tracer } from "effect"
import { HttpMiddleware, HttpServerRequest, HttpServerResponse } from "effect/http"
import { Aggregate, Causation, EventStore, type RecordedEvent } from "eventfold"
import { MemoryEventStore } from "eventfold/memory"
import { Accounts } from "./types/domain.ts"

const memory = Accounts.layer.pipe(Layer.provideMerge(MemoryEventStore.layer))

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736"
const spanId = "00f067aa0ba902b7"

const eventsOf = Effect.flatMap(EventStore.EventStore, (store) => Stream.runCollect(store.readLog()))

/** An event whose metadata others have written, whatever it is. */
const eventWith = (traceparent: string) =>
  Effect.gen(function* () {
    const accounts = yield* Accounts
    yield* accounts.execute("ada", { _tag: "Open", owner: "Ada" }, { metadata: { traceparent } })
    return (yield* eventsOf)[0]!
  }).pipe(Effect.provide(memory))

describe("the trace of an event", () => {
  it.effect("is the parent that it was recorded with, sampled or not", () =>
    Effect.gen(function* () {
      for (const [flags, sampled] of [
        ["00", false],
        ["01", true],
        ["02", false],
        ["ff", true]
      ] as const) {
        const parent = Causation.parentOf(yield* eventWith(`00-${traceId}-${spanId}-${flags}`))
        assert.deepStrictEqual(
          Option.map(parent, ({ _tag, sampled, spanId, traceId }) => ({ _tag, sampled, spanId, traceId })),
          Option.some({ _tag: "ExternalSpan" as const, sampled, spanId, traceId })
        )
      }
    })
  )

  it.effect("is none where something else is written", () =>
    Effect.gen(function* () {
      const wrong = [
        "",
        "00",
        `00-${traceId}-${spanId}`,
        `00-${traceId}-${spanId}-01-`,
        `00-${traceId}-${spanId}-1`,
        `00-${traceId}-${spanId}-01\n`,
        ` 00-${traceId}-${spanId}-01`,
        `00-${traceId.toUpperCase()}-${spanId}-01`,
        `00-${traceId.slice(1)}-${spanId}-01`,
        `00-${traceId}-0${spanId}-01`,
        `00-${"0".repeat(32)}-${spanId}-01`,
        `00-${traceId}-${"0".repeat(16)}-01`,
        `ff-${traceId}-${spanId}-01`,
        `01-${traceId}-${spanId}-01`
      ]
      for (const traceparent of wrong) {
        assert.isTrue(Option.isNone(Causation.parentOf(yield* eventWith(traceparent))), traceparent)
      }
    })
  )

  it("is none where there is no text", () => {
    for (const written of [undefined, 1, null, {}, [`00-${traceId}-${spanId}-01`]]) {
      const event: Pick<RecordedEvent.RecordedEvent, "metadata"> = JSON.parse(
        JSON.stringify({ metadata: { traceparent: written } })
      )
      assert.isTrue(Option.isNone(Causation.parentOf(event)), JSON.stringify(event))
    }
  })
})

describe("what handles an event", () => {
  const spanInside = Effect.map(Effect.withSpan(Effect.currentSpan, "inside"), ({ parent, traceId }) => ({
    parent: Option.getOrUndefined(parent)?.spanId,
    traceId
  }))

  it.effect("goes on with the event's trace", () =>
    Effect.gen(function* () {
      const event = yield* eventWith(`00-${traceId}-${spanId}-01`)
      assert.deepStrictEqual(yield* Causation.causedBy(spanInside, event), { parent: spanId, traceId })
    })
  )

  it.effect("stays in the span that is around it", () =>
    Effect.gen(function* () {
      const event = yield* eventWith(`00-${traceId}-${spanId}-01`)
      const { inside, outer } = yield* Effect.gen(function* () {
        return { outer: yield* Effect.currentSpan, inside: yield* Causation.causedBy(spanInside, event) }
      }).pipe(Effect.withSpan("outer"))
      assert.deepStrictEqual(inside, { parent: outer.spanId, traceId: outer.traceId })
    })
  )

  it.effect("begins a trace of its own where the event has none", () =>
    Effect.gen(function* () {
      const event = yield* eventWith("no trace")
      const inside = yield* Causation.causedBy(spanInside, event)
      assert.isUndefined(inside.parent)
    })
  )

  it.effect("appends with the event's trace, without a tracer", () =>
    Effect.gen(function* () {
      const accounts = yield* Accounts
      const event = yield* eventWith(`00-${traceId}-${spanId}-00`)
      yield* Causation.causedBy(accounts.execute("bob", { _tag: "Open", owner: "Bob" }), event)
      const recorded = (yield* eventsOf).at(-1)
      assert.strictEqual(recorded?.stream, "account-bob")
      assert.strictEqual(recorded?.metadata.traceparent, `00-${traceId}-${spanId}-00`)
      assert.strictEqual(recorded?.metadata.causationId, event.id)
    }).pipe(Effect.provide(memory))
  )
})

describe("the trace that is recorded", () => {
  const recordedIn = (span: Tracer.AnySpan) =>
    Effect.gen(function* () {
      const accounts = yield* Accounts
      yield* Effect.withParentSpan(accounts.execute("ada", { _tag: "Open", owner: "Ada" }), span)
      return (yield* eventsOf)[0]?.metadata.traceparent
    }).pipe(Effect.provide(memory))

  it.effect("has ids of the length that others expect, or is left out", () =>
    Effect.gen(function* () {
      const short = Tracer.externalSpan({ traceId: traceId.slice(16), spanId })
      assert.strictEqual(yield* recordedIn(short), `00-${"0".repeat(16)}${traceId.slice(16)}-${spanId}-01`)
      assert.isUndefined(yield* recordedIn(Tracer.externalSpan({ traceId: "trace", spanId: "span" })))
    })
  )

  it.effect("is that of the nearest span that is not turned off", () =>
    Effect.gen(function* () {
      const around = Tracer.externalSpan({ traceId, spanId })
      const off = yield* Effect.withTracerEnabled(Effect.makeSpan("off", { parent: around }), false)
      assert.strictEqual(yield* recordedIn(off), `00-${traceId}-${spanId}-01`)
      const alone = yield* Effect.withTracerEnabled(Effect.makeSpan("off", { root: true }), false)
      assert.isUndefined(yield* recordedIn(alone))
    })
  )
})

/** A tracer that remembers its spans, in the order in which they were begun. */
const recorder = () => {
  const spans: Array<Tracer.NativeSpan> = []
  const tracer = Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      spans.push(span)
      return span
    }
  })
  return { spans, tracer }
}

const parentOf = ({ parent }: Tracer.NativeSpan): string | undefined => Option.getOrUndefined(parent)?.spanId

const attributesOf = ({ attributes }: Tracer.NativeSpan) => Object.fromEntries(attributes)

describe("a command", () => {
  it.effect("is a span, and its load and its append are spans in it", () =>
    Effect.gen(function* () {
      const { spans, tracer } = recorder()
      const accounts = yield* Accounts
      yield* accounts
        .execute("ada", { _tag: "Open", owner: "Ada" }, { commandId: "c1" })
        .pipe(Effect.withTracer(tracer))
      const [execute, load, append] = spans
      assert.deepStrictEqual(
        spans.map((span) => [span.name, span.kind, parentOf(span), span.status._tag]),
        [
          ["eventfold.execute", "producer", undefined, "Ended"],
          ["eventfold.load", "internal", execute?.spanId, "Ended"],
          ["eventfold.append", "internal", execute?.spanId, "Ended"]
        ]
      )
      assert.deepStrictEqual(attributesOf(execute!), {
        "eventfold.category": "account",
        "eventfold.stream": "account-ada",
        "eventfold.command": "Open",
        "eventfold.command_id": "c1",
        "eventfold.outcome": "executed",
        "eventfold.version": 1,
        "eventfold.events": 1,
        "eventfold.retries": 0
      })
      assert.deepStrictEqual(attributesOf(load!), {
        "eventfold.category": "account",
        "eventfold.stream": "account-ada",
        "eventfold.version": 0,
        "eventfold.replayed_events": 0,
        "eventfold.load.on": "nothing"
      })
      assert.deepStrictEqual(attributesOf(append!), {
        "eventfold.stream": "account-ada",
        "eventfold.events": 1,
        "eventfold.outcome": "stored",
        "eventfold.version": 1,
        "eventfold.position": 1
      })
      const [event] = yield* eventsOf
      assert.strictEqual(event?.metadata.traceparent, `00-${execute!.traceId}-${execute!.spanId}-01`)
    }).pipe(Effect.provide(memory))
  )

  it.effect("belongs to the trace of the request that asks for it, and so does what handles its events", () =>
    Effect.gen(function* () {
      const { spans, tracer } = recorder()
      const accounts = yield* Accounts
      const request = HttpServerRequest.fromWeb(
        new Request("http://bank/accounts/ada", { headers: { traceparent: `00-${traceId}-${spanId}-01` } })
      )
      const handle = Effect.as(accounts.execute("ada", { _tag: "Open", owner: "Ada" }), HttpServerResponse.empty())
      yield* HttpMiddleware.tracer(handle).pipe(
        Effect.provideService(HttpServerRequest.HttpServerRequest, request),
        Effect.withTracer(tracer)
      )
      const [event] = yield* eventsOf
      // In another process, that has nothing but the log.
      yield* Causation.causedBy(accounts.execute("bob", { _tag: "Open", owner: "Bob" }), event!).pipe(
        Effect.withTracer(tracer)
      )
      const [server, first, , , second] = spans
      assert.deepStrictEqual(
        spans.map(({ name }) => name),
        ["GET", ...["execute", "load", "append", "execute", "load", "append"].map((name) => `eventfold.${name}`)]
      )
      assert.deepStrictEqual(Array.from(new Set(spans.map((span) => span.traceId))), [traceId])
      assert.deepStrictEqual(
        [parentOf(server!), parentOf(first!), parentOf(second!)],
        [spanId, server!.spanId, first!.spanId]
      )
    }).pipe(Effect.provide(memory))
  )

  it.effect("that is decided again has a load and an append for each time", () =>
    Effect.gen(function* () {
      const { spans, tracer } = recorder()
      let left = 2
      const late = Effect.map(EventStore.EventStore, (store) => ({
        ...store,
        append: (...[writes, options]: Parameters<typeof store.append>) =>
          Effect.suspend(() =>
            left-- > 0
              ? Effect.fail(new EventStore.ConcurrencyConflict({ stream: "account-ada", expected: 0, actual: 1 }))
              : store.append(writes, options)
          )
      }))
      const stores = Layer.provide(Layer.effect(EventStore.EventStore, late), MemoryEventStore.layer)
      yield* Effect.gen(function* () {
        const accounts = yield* Accounts
        yield* accounts.execute("ada", { _tag: "Open", owner: "Ada" })
      }).pipe(Effect.provide(Layer.provide(Accounts.layer, stores)), Effect.withTracer(tracer))
      assert.deepStrictEqual(
        spans.map(({ name, status }) => [name, status._tag === "Ended" && Exit.isSuccess(status.exit)]),
        [
          ["eventfold.execute", true],
          ["eventfold.load", true],
          ["eventfold.append", false],
          ["eventfold.load", true],
          ["eventfold.append", false],
          ["eventfold.load", true],
          ["eventfold.append", true]
        ]
      )
      assert.strictEqual(attributesOf(spans[0]!)["eventfold.retries"], 2)
    })
  )

  it.effect("that is rejected ends its span with the rejection, and nothing that it holds is in an attribute", () =>
    Effect.gen(function* () {
      const { spans, tracer } = recorder()
      const accounts = yield* Accounts
      yield* accounts.execute("ada", { _tag: "Open", owner: "Secret" }).pipe(Effect.withTracer(tracer))
      yield* accounts.execute("ada", { _tag: "Withdraw", amount: 424_242 }).pipe(Effect.flip, Effect.withTracer(tracer))
      const rejected = spans.findLast(({ name }) => name === "eventfold.execute")!
      assert.isTrue(rejected.status._tag === "Ended" && Exit.isFailure(rejected.status.exit))
      assert.deepInclude(attributesOf(rejected), {
        "eventfold.command": "Withdraw",
        "eventfold.outcome": "rejected",
        "eventfold.events": 0
      })
      assert.notMatch(JSON.stringify(spans.map(attributesOf)), /Secret|424242/)
    }).pipe(Effect.provide(memory))
  )

  it.effect("of several that are executed as one lists what each is", () =>
    Effect.gen(function* () {
      const { spans, tracer } = recorder()
      const accounts = yield* Accounts
      yield* Aggregate.executeAll([
        accounts.prepare("ada", { _tag: "Open", owner: "Ada" }),
        accounts.prepare("bob", { _tag: "Withdraw", amount: 0 }),
        accounts.prepare("eve", { _tag: "Deposit", amount: 1 })
      ]).pipe(Effect.flip, Effect.withTracer(tracer))
      yield* Aggregate.executeAll([
        accounts.prepare("ada", { _tag: "Open", owner: "Ada" }),
        accounts.prepare("eve", { _tag: "Deposit", amount: 1 })
      ]).pipe(Effect.withTracer(tracer))
      const executed = spans.findLast(({ name }) => name === "eventfold.execute")!
      assert.deepInclude(attributesOf(executed), {
        "eventfold.stream": ["account-ada", "account-eve"],
        "eventfold.command": ["Open", "Deposit"],
        "eventfold.outcome": ["executed", "executed"],
        "eventfold.version": [1, 1],
        "eventfold.events": 2
      })
    }).pipe(Effect.provide(memory))
  )

  it.effect("is no span where nobody looks", () =>
    Effect.gen(function* () {
      const { spans, tracer } = recorder()
      const accounts = yield* Accounts
      yield* accounts
        .execute("ada", { _tag: "Open", owner: "Ada" })
        .pipe(Effect.withTracerEnabled(false), Effect.withTracer(tracer))
      assert.deepStrictEqual(spans, [])
      assert.isUndefined((yield* eventsOf)[0]?.metadata.traceparent)
    }).pipe(Effect.provide(memory))
  )

  it.effect("loads its state in a span wherever that is asked for", () =>
    Effect.gen(function* () {
      const { spans, tracer } = recorder()
      const accounts = yield* Accounts
      yield* accounts.execute("ada", { _tag: "Open", owner: "Ada" })
      yield* accounts.execute("ada", { _tag: "Deposit", amount: 1 })
      yield* Effect.withTracer(accounts.state("ada"), tracer)
      yield* Effect.withTracer(accounts.state("ada", { at: { version: 1 } }), tracer)
      assert.deepStrictEqual(
        spans.map((span) => [
          span.name,
          span.attributes.get("eventfold.version"),
          span.attributes.get("eventfold.load.on")
        ]),
        [
          ["eventfold.load", 2, "cache"],
          ["eventfold.load", 1, "nothing"]
        ]
      )
    }).pipe(Effect.provide(memory))
  )
})
