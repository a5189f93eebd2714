/**
 * Closing the books: one stream ends, another one goes on, and both are known to belong together.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Result, Schema, Stream } from "effect"
import { Aggregate, Decider, Event, EventStore } from "eventfold"
import { MemoryEventStore } from "eventfold/memory"

const Register = Event.define({
  Opened: { float: Schema.Int },
  Sold: { amount: Schema.Int },
  Closed: { total: Schema.Int }
})

class Refused extends Schema.TaggedError<Refused>("test/Refused")("Refused", { why: Schema.String }) {}

const register = Decider.make({
  name: "register",
  state: Schema.Struct({ total: Schema.Int, isOpen: Schema.Boolean }),
  initial: { total: 0, isOpen: false },
  commands: Schema.TaggedUnion({ Open: { float: Schema.Int }, Sell: { amount: Schema.Int }, Close: {}, Look: {} }),
  events: Register
})
  .evolve({
    Opened: (_, { float }) => ({ total: float, isOpen: true }),
    Sold: (state, { amount }) => ({ ...state, total: state.total + amount }),
    Closed: (state) => ({ ...state, isOpen: false })
  })
  .decide({
    Open: ({ float }, { isOpen }) =>
      isOpen ? Result.fail(new Refused({ why: "it is open" })) : [{ _tag: "Opened", float }],
    Sell: ({ amount }, { isOpen }) =>
      isOpen ? [{ _tag: "Sold", amount }] : Result.fail(new Refused({ why: "it is closed" })),
    Close: (_, { isOpen, total }) =>
      isOpen ? [{ _tag: "Closed", total }] : Result.fail(new Refused({ why: "it is closed" })),
    Look: () => []
  })

const aRegister = Aggregate.make({ decider: register })
const sell = (amount: number) => ({ _tag: "Sell", amount }) as const
const toNext = (next: string) => ({
  close: { _tag: "Close" } as const,
  next,
  open: ({ total }: { readonly total: number }) => ({ _tag: "Open", float: total }) as const
})

/** A register that was open on Monday. */
const monday = Effect.gen(function* () {
  const registers = yield* aRegister
  yield* registers.execute("monday", { _tag: "Open", float: 100 })
  yield* registers.execute("monday", sell(20))
  return registers
})

const headOf = Effect.flatMap(EventStore.EventStore, (store) => store.head)

describe("closing the books", () => {
  it.effect("ends one stream and begins the next, each of which points to the other", () =>
    Effect.gen(function* () {
      const registers = yield* monday
      const { closed, opened } = yield* registers.closeBooks("monday", toNext("tuesday"))
      assert.deepStrictEqual(closed.events, [{ _tag: "Closed", total: 120 }])
      assert.deepInclude(opened, { version: 1, position: 4, state: { total: 120, isOpen: true } })
      const [last] = yield* Stream.runCollect(registers.history("monday", { from: 3 }))
      const [first] = yield* Stream.runCollect(registers.history("tuesday"))
      assert.strictEqual(last!.recorded.metadata.continuedBy, "register-tuesday")
      assert.deepStrictEqual(first!.recorded.metadata.continues, { stream: "register-monday", version: 3 })
      assert.strictEqual(first!.recorded.metadata.correlationId, last!.recorded.metadata.correlationId)
    }).pipe(Effect.provide(MemoryEventStore.layer))
  )

  it.effect(
    "tells the whole story from any of its streams on, and no more of an earlier one than was carried over",
    () =>
      Effect.gen(function* () {
        const registers = yield* monday
        yield* registers.closeBooks("monday", toNext("tuesday"))
        yield* registers.execute("tuesday", sell(5))
        yield* registers.closeBooks("tuesday", toNext("wednesday"))
        // Somebody opens what was closed: that is another story.
        yield* registers.execute("monday", { _tag: "Open", float: 1 })
        const story = yield* Stream.runCollect(registers.story("wednesday"))
        assert.deepStrictEqual(
          story.map(({ event: { _tag }, recorded: { stream } }) => `${stream} ${_tag}`),
          [
            "register-monday Opened",
            "register-monday Sold",
            "register-monday Closed",
            "register-tuesday Opened",
            "register-tuesday Sold",
            "register-tuesday Closed",
            "register-wednesday Opened"
          ]
        )
        assert.strictEqual((yield* Stream.runCollect(registers.story("monday"))).length, 4)
        assert.deepStrictEqual(yield* Stream.runCollect(registers.story("sunday")), [])
      }).pipe(Effect.provide(MemoryEventStore.layer))
  )

  it.effect("stores neither when either is rejected, comes to nothing, or the next stream has begun", () =>
    Effect.gen(function* () {
      const registers = yield* monday
      const head = yield* headOf
      const failing = (closing: Parameters<typeof registers.closeBooks>[1], id = "monday") =>
        Effect.map(Effect.flip(registers.closeBooks(id, closing)), ({ message }) => message)
      yield* failing(toNext("tuesday"), "sunday")
      assert.match(yield* failing({ ...toNext("tuesday"), close: { _tag: "Look" } }), /come to no event/)
      assert.match(yield* failing({ ...toNext("tuesday"), open: () => ({ _tag: "Look" }) }), /come to no event/)
      yield* failing({ ...toNext("tuesday"), open: () => sell(1) })
      assert.match(yield* failing(toNext("monday")), /register-monday cannot go on for itself/)
      assert.strictEqual(yield* headOf, head)
      yield* registers.execute("tuesday", { _tag: "Open", float: 1 })
      yield* registers.execute("tuesday", { _tag: "Close" })
      assert.match(yield* failing(toNext("tuesday")), /register-tuesday has events already/)
      assert.strictEqual(yield* headOf, head + 2)
    }).pipe(Effect.provide(MemoryEventStore.layer))
  )

  it.effect("carries over what came in between: a sale that wins the race is in the summary", () =>
    Effect.gen(function* () {
      const others = yield* monday
      const store = yield* EventStore.EventStore
      let isLate = true
      // Between its reading and its appending somebody else sells something.
      const interrupted: EventStore.EventStore["Service"] = {
        ...store,
        append: (writes, options) =>
          Effect.suspend(() => {
            const late = isLate ? Effect.orDie(others.execute("monday", sell(7))) : Effect.void
            isLate = false
            return Effect.andThen(late, store.append(writes, options))
          })
      }
      const registers = yield* Effect.provideService(aRegister, EventStore.EventStore, interrupted)
      const { opened } = yield* registers.closeBooks("monday", toNext("tuesday"))
      assert.strictEqual(opened.state.total, 127)
      const [first] = yield* Stream.runCollect(registers.history("tuesday"))
      assert.deepStrictEqual(first!.recorded.metadata.continues, { stream: "register-monday", version: 4 })
    }).pipe(Effect.provide(MemoryEventStore.layer))
  )

  it.effect("with a command id is done once, whoever asks again", () =>
    Effect.gen(function* () {
      const registers = yield* monday
      const once = yield* registers.closeBooks("monday", toNext("tuesday"), { commandId: "night" })
      yield* registers.execute("tuesday", sell(1))
      const head = yield* headOf
      const others = yield* aRegister
      for (const asked of [registers, others]) {
        assert.deepStrictEqual(yield* asked.closeBooks("monday", toNext("tuesday"), { commandId: "night" }), once)
      }
      assert.strictEqual(yield* headOf, head)
    }).pipe(Effect.provide(MemoryEventStore.layer))
  )

  it.effect("refuses a story that goes round in a circle, and takes metadata of others for what it is", () =>
    Effect.gen(function* () {
      const registers = yield* aRegister
      const store = yield* EventStore.EventStore
      const opened = Result.getOrThrow(Event.encode(Register, { _tag: "Opened", float: 1 }))
      const begin = (id: string, n: number, continues: Schema.Json) =>
        store.append([
          {
            stream: `register-${id}`,
            expected: "no stream",
            events: [
              {
                ...opened,
                id: `00000000-0000-4000-8000-00000000000${n}`,
                metadata: JSON.parse(JSON.stringify({ continues }))
              }
            ]
          }
        ])
      yield* begin("a", 1, { stream: "register-b", version: 1 })
      yield* begin("b", 2, { stream: "register-a", version: 1 })
      const failure = yield* Effect.flip(Stream.runDrain(registers.story("a")))
      assert.match(failure.message, /goes round in a circle/)
      for (const [index, continues] of [
        "register-a",
        { stream: 7, version: 1 },
        { stream: "x", version: 1 },
        null
      ].entries()) {
        yield* begin(`c${index}`, index + 3, continues)
        assert.strictEqual((yield* Stream.runCollect(registers.story(`c${index}`))).length, 1)
      }
    }).pipe(Effect.provide(MemoryEventStore.layer))
  )
})
