/**
 * What is said in the log, and what is not.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Layer, Logger, type LogLevel, References, Schedule } from "effect"
import { Aggregate, EventStore, Logging } from "eventfold"
import { MemoryEventStore } from "eventfold/memory"
import { Accounts } from "./types/domain.ts"

const memory = Accounts.layer.pipe(Layer.provideMerge(MemoryEventStore.layer))

interface Line {
  readonly level: LogLevel.LogLevel
  readonly message: unknown
  readonly annotations: Readonly<Record<string, unknown>>
}

/** Runs an effect, and gives what was said in the log from a level on. */
const saying = <A, E, R>(effect: Effect.Effect<A, E, R>, level: LogLevel.LogLevel = "Debug") =>
  Effect.suspend(() => {
    const lines: Array<Line> = []
    const logger = Logger.make(({ fiber, logLevel, message }) => {
      lines.push({ level: logLevel, message, annotations: fiber.getRef(References.CurrentLogAnnotations) })
    })
    return effect.pipe(
      Effect.exit,
      Effect.provide(Logger.layer([logger])),
      Effect.provideService(References.MinimumLogLevel, level),
      Effect.map((exit) => ({ exit, lines }))
    )
  })

const command = (lines: ReadonlyArray<Line>) => lines.find(({ message }) => String(message) === "command")
const append = (lines: ReadonlyArray<Line>) => lines.find(({ message }) => String(message) === "append")

describe("a command", () => {
  it.effect("is said at Debug, with its append, and not what they hold", () =>
    Effect.gen(function* () {
      const accounts = yield* Accounts
      const { lines } = yield* saying(accounts.execute("ada", { _tag: "Open", owner: "Secret" }, { commandId: "c1" }))
      assert.deepStrictEqual(
        lines.map(({ level, message }) => [level, String(message)]),
        [
          ["Debug", "append"],
          ["Debug", "command"]
        ]
      )
      assert.deepStrictEqual(append(lines)?.annotations, {
        stream: "account-ada",
        types: ["AccountOpened"],
        outcome: "stored",
        version: 1,
        position: 1
      })
      assert.deepStrictEqual(command(lines)?.annotations, {
        category: "account",
        stream: "account-ada",
        command: "Open",
        commandId: "c1",
        outcome: "executed",
        version: 1,
        events: 1,
        retries: 0
      })
      assert.notInclude(JSON.stringify(lines), "Secret")
    }).pipe(Effect.provide(memory))
  )

  it.effect("says what it holds where that is asked for", () =>
    Effect.gen(function* () {
      const accounts = yield* Accounts
      const { lines } = yield* saying(
        Effect.provideService(accounts.execute("ada", { _tag: "Open", owner: "Ada" }), Logging.Payloads, true)
      )
      assert.deepStrictEqual(append(lines)?.annotations["data"], [{ owner: "Ada", currency: "EUR" }])
      assert.deepStrictEqual(command(lines)?.annotations["data"], {
        command: { _tag: "Open", owner: "Ada" },
        events: [{ _tag: "AccountOpened", owner: "Ada", currency: "EUR" }]
      })
    }).pipe(Effect.provide(memory))
  )

  it.effect("that is rejected says with which rejection, and not what that holds", () =>
    Effect.gen(function* () {
      const accounts = yield* Accounts
      yield* accounts.execute("ada", { _tag: "Open", owner: "Ada" })
      const { lines } = yield* saying(accounts.execute("ada", { _tag: "Withdraw", amount: 424_242 }))
      const { level, annotations } = command(lines)!
      assert.strictEqual(level, "Debug")
      assert.deepInclude(annotations, { command: "Withdraw", outcome: "rejected", rejection: "InsufficientFunds" })
      assert.notMatch(JSON.stringify(lines), /balance|424242/)
    }).pipe(Effect.provide(memory))
  )

  it.effect("says nothing at Info when all goes well", () =>
    Effect.gen(function* () {
      const accounts = yield* Accounts
      const { lines } = yield* saying(accounts.execute("ada", { _tag: "Open", owner: "Ada" }), "Info")
      assert.deepStrictEqual(lines, [])
    }).pipe(Effect.provide(memory))
  )

  it.effect("that gives up after conflicts warns", () =>
    Effect.gen(function* () {
      const conflict = new EventStore.ConcurrencyConflict({ stream: "account-ada", expected: 0, actual: 1 })
      const busy = Layer.effect(
        EventStore.EventStore,
        Effect.map(EventStore.EventStore, (store) => ({ ...store, append: () => Effect.fail(conflict) }))
      ).pipe(Layer.provide(MemoryEventStore.layer))
      const { lines } = yield* saying(
        Effect.flatMap(Accounts, (accounts) =>
          Aggregate.executeAll([accounts.prepare("ada", { _tag: "Open", owner: "Ada" })], {
            retry: Schedule.recurs(2)
          })
        ).pipe(Effect.provide(Layer.provide(Accounts.layer, busy))),
        "Warn"
      )
      assert.deepStrictEqual(
        lines.map(({ level }) => level),
        ["Warn"]
      )
      assert.deepInclude(command(lines)?.annotations, { outcome: "conflict", retries: 2, problem: conflict.message })
    })
  )

  it.effect("comes to the same where the log cannot be written", () =>
    Effect.gen(function* () {
      const accounts = yield* Accounts
      const broken = Logger.make(() => {
        throw new Error("no log here")
      })
      const outcome = yield* accounts
        .execute("ada", { _tag: "Open", owner: "Ada" })
        .pipe(
          Effect.exit,
          Effect.provide(Logger.layer([broken])),
          Effect.provideService(References.MinimumLogLevel, "Debug")
        )
      assert.isTrue(Exit.isSuccess(outcome))
    }).pipe(Effect.provide(memory))
  )
})

describe("an append", () => {
  it.effect("that is refused says why, also where it is no append at all", () =>
    Effect.gen(function* () {
      const store = yield* EventStore.EventStore
      const nothing = yield* saying(store.append(JSON.parse("null")))
      assert.deepInclude(append(nothing.lines)?.annotations, { outcome: "failed" })
      const empty = yield* saying(store.append([{ stream: "a-1", expected: "any", events: [] }]))
      assert.isTrue(Exit.isFailure(empty.exit))
      assert.deepInclude(append(empty.lines)?.annotations, { stream: "a-1", outcome: "failed" })
      assert.isString(append(empty.lines)?.annotations["problem"])
    }).pipe(Effect.provide(memory))
  )
})
