/**
 * What an input makes of an instance, purely: whatever comes in whatever order, what is kept stays sound. Each life is told by its seed.
 */
import { assert, describe, it } from "@effect/vitest"
import { DateTime, Effect, Random, Result, Schema } from "effect"
import { Event, type ProcessManager, StreamName } from "eventfold"
import { concernedBy } from "../../src/internal/runtime/process/intake.ts"
import { dueAt, fresh, fromInstance, isReady, type Live, toInstance } from "../../src/internal/runtime/process/model.ts"
import { makeRules, type Manager } from "../../src/internal/runtime/process/rules.ts"
import { giveUp, type Input, turn, type Turned, type Turning } from "../../src/internal/runtime/process/turn.ts"
import { asked, deskEvents, makeDesk } from "./support.ts"

const lives = 150
const inputs = 80

const pick = <A>(all: ReadonlyArray<A>) => Effect.map(Random.nextIntBetween(0, all.length - 1), (index) => all[index]!)

const timers = ["a", "b", "c"] as const

/** What a life is lived with. */
const makeLife = () => {
  const { broken, manager } = makeDesk({ again: ({ notes }) => notes.length % 2 === 0 })
  const any: ProcessManager.Any = manager
  const unknown: Manager = any
  return { broken, manager: unknown, rules: makeRules(unknown) }
}

const eventAt = (position: number, now: number, event: typeof deskEvents.Type, depth: number) => {
  const encoded = Result.getOrThrow(Event.encode(deskEvents, event))
  const recorded = {
    ...encoded,
    id: `00000000-0000-7000-8000-${String(position).padStart(12, "0")}`,
    stream: StreamName.make("told", "all"),
    version: position,
    position,
    recordedAt: DateTime.makeUnsafe(now),
    metadata: { causationDepth: depth }
  }
  return { recorded, events: Result.getOrThrow(Event.decodeRecorded(deskEvents, recorded)) }
}

/** What may happen, and what may happen to what is over. */
const kinds = [
  "event",
  "event",
  "event",
  "again",
  "waiting",
  "waiting",
  "answer",
  "answer",
  "answer",
  "stale",
  "due",
  "resume",
  "request"
] as const
const late = ["event", "due", "resume", "request", "request", "request"] as const

/** Something that may happen to an instance: some of it is late, or no concern of it any more. */
const anything = Effect.fnUntraced(function* (
  live: Live,
  {
    last,
    log,
    now,
    replayedTo
  }: {
    readonly last: number
    readonly log: Map<number, ReturnType<typeof eventAt>>
    readonly now: number
    readonly replayedTo: number
  }
): Effect.fn.Return<Input> {
  const kind = yield* pick(live.status === "ended" ? late : kinds)
  const event = (position: number, isWaiting: boolean): Input => ({
    _tag: "Event",
    ...log.get(position)!,
    isReplayed: position <= replayedTo,
    isWaiting,
    problem: undefined
  })
  switch (kind) {
    case "again":
      if (last > 0) return event(yield* Random.nextIntBetween(1, last), false)
      break
    case "waiting":
      if (live.waiting.length > 0) return event(yield* pick(live.waiting), true)
      break
    case "stale":
    case "answer": {
      const pending = kind === "stale" ? live.pending.at(-1) : live.pending[0]
      if (pending === undefined) break
      const command = { _tag: "Do", n: Number(Reflect.get(Object(pending.command), "n")) }
      const how = yield* Random.nextIntBetween(0, 5)
      const answer: Extract<Input, { readonly _tag: "Answer" }>["answer"] =
        how === 0
          ? { _tag: "Failed", attempts: 3, problem: "it fails" }
          : command.n < 0
            ? { _tag: "Rejected", command, rejection: yield* pick<unknown>(odd) }
            : { _tag: "Executed", command, events: [], version: 1 }
      return { _tag: "Answer", commandId: pending.id, answer }
    }
    case "due":
      return { _tag: "Due", until: now }
    case "resume":
      return { _tag: "Resume" }
    case "request": {
      const tag = yield* pick(["Retry", "Retry", "Skip", "Skip", "Cancel", "Resume"] as const)
      if (tag === "Cancel" && (yield* Random.nextIntBetween(0, 5)) > 0)
        return { _tag: "Request", request: { _tag: "Retry" } }
      const reason = "so it is"
      return {
        _tag: "Request",
        request:
          tag === "Skip"
            ? { _tag: tag, reason, steps: live.steps }
            : tag === "Cancel"
              ? { _tag: tag, reason }
              : { _tag: tag }
      }
    }
    case "event":
  }
  const position = last + 1
  const numbers = yield* pick([[], [1], [-1], [0, 2, -2], [3, 4, 5]])
  const timer = yield* pick(timers)
  const chance = yield* Random.nextIntBetween(0, 99)
  log.set(
    position,
    eventAt(
      position,
      now,
      asked("d", chance < 10 ? "" : `n${chance % 10}`, {
        numbers,
        after: chance % 2 === 0 ? [{ timer, millis: (chance % 7) * 100 - 100 }] : [],
        cancelled: chance % 5 === 0 ? [yield* pick(timers)] : [],
        isOver: chance > 90
      }),
      chance % 13
    )
  )
  return event(position, false)
})

/** What deciders may reject with. */
const circular: { self?: unknown } = {}
circular.self = circular
const odd = [
  { _tag: "No", n: 1 },
  new Error("no"),
  "no",
  1,
  null,
  undefined,
  NaN,
  10n,
  { big: 10n, none: undefined },
  Symbol("no"),
  () => "no",
  [1, 2],
  new Date(0),
  circular,
  "x".repeat(20_000),
  { long: "\uD83D\uDE00".repeat(10_000) },
  Object.create(null),
  {
    get n() {
      throw new Error("nobody may look")
    }
  },
  {
    toJSON() {
      throw new Error("nobody may know")
    }
  }
]

/** What holds of an instance, however it came about. */
const sound = (manager: Manager, live: Live): void => {
  const { pending, status, steps, stuck, timers: set, toResume, waiting } = live
  assert.strictEqual(new Set(set.map(({ timer }) => timer)).size, set.length, "a timer of each name")
  assert.strictEqual(new Set(pending.map(({ id }) => id)).size, pending.length, "a command of each id")
  assert.deepStrictEqual(
    waiting,
    Array.from(new Set(waiting)).toSorted((a, b) => a - b),
    "waiting in order"
  )
  assert.strictEqual(stuck !== null, status === "stuck", "stuck is stuck at something")
  if (waiting.length > 0) assert.isAtMost(waiting.at(-1)!, live.position)
  if (status === "ended" || status === "cancelled") {
    assert.deepStrictEqual({ pending, set, toResume, waiting }, { pending: [], set: [], toResume: false, waiting: [] })
  }
  if (waiting.length > 0) assert.isUndefined(dueAt(live), "no timer overtakes what waits")
  if (status !== "running") {
    assert.isFalse(isReady(live))
    assert.isUndefined(dueAt(live))
  } else if (manager.isTerminal(live.state)) {
    assert.deepStrictEqual(set, [])
    assert.isTrue(isReady(live), "what is terminal and has nothing to do has ended")
  }
  switch (stuck?._tag) {
    case "Command":
      assert.strictEqual(stuck.id, pending[0]?.id)
      break
    case "Event":
      assert.strictEqual(stuck.position, waiting[0])
      break
    case "Timer":
      assert.isTrue(set.some(({ timer }) => timer === stuck.timer))
      break
    case "Resume":
      assert.isTrue(toResume)
      break
  }
  assert.isAtLeast(steps, 0)
}

/** What holds of a change. */
const soundChange = (before: Live, input: Input, { live, steps }: Turned): void => {
  assert.deepStrictEqual(
    steps.map(({ number }) => number),
    steps.map((_, index) => before.steps + index + 1),
    "steps count without gaps"
  )
  assert.strictEqual(live.steps, before.steps + steps.length)
  assert.isAtLeast(live.position, before.position)
  assert.strictEqual(live.startedAt, before.startedAt)
  assert.strictEqual(live.partition, before.partition)
  if (before.status === "cancelled") assert.strictEqual(live, before)
  if (before.status === "ended" && input._tag !== "Event") assert.strictEqual(live, before)
  if (input._tag === "Answer" && steps.length > 0 && live.stuck === null) {
    assert.strictEqual(before.pending[0]?.id, input.commandId)
    assert.notInclude(
      live.pending.map(({ id }) => id),
      input.commandId,
      "what is answered is done"
    )
  }
  if (steps.length === 0) assert.strictEqual(live.state, before.state)
  if (before.stuck === null || input._tag === "Request") return
  // What is stuck is told of nothing, and does nothing.
  const { position: _, cause: __, waiting, ...rest } = live
  const { position: ___, cause: ____, waiting: waited, ...were } = before
  assert.deepStrictEqual(rest, were)
  assert.deepStrictEqual(waiting.slice(0, waited.length), waited)
}

const maxDepth = 10

/** `seen`: where it has been. */
const live = Effect.fnUntraced(function* (seen: Set<string>) {
  const { broken, manager, rules } = makeLife()
  const log = new Map<number, ReturnType<typeof eventAt>>()
  const replayedTo = yield* pick([0, 0, 5])
  const ids = new Set<string>()
  let now = 1000
  let one = fresh("d", 0, manager.initial, now)
  const decode = (state: Schema.Json) => rules.decodeState(state)
  for (let n = 0; n < inputs; n++) {
    now += yield* Random.nextIntBetween(0, 200)
    if ((yield* Random.nextIntBetween(0, 9)) === 0) {
      broken.add(
        yield* pick([
          "evolve n1",
          "react n2",
          "isTerminal n3",
          "evolve did 1",
          "react no -1",
          "react a",
          "evolve b",
          "resume"
        ])
      )
    }
    if ((yield* Random.nextIntBetween(0, 9)) === 0) broken.clear()
    const turning: Turning = { manager, rules, maxDepth, now }
    const input = yield* anything(one, { last: log.size, log, now, replayedTo })
    const turned = turn(turning, one, input)
    const isRefused = turned.live !== one && one.stuck === null && (yield* Random.nextIntBetween(0, 29)) === 0
    const next = isRefused ? giveUp(turning, one, input, "it is refused") : turned
    const wasBroken = Array.from(broken)
    broken.clear()
    soundChange(one, input, next)
    sound(manager, next.live)
    if (isRefused) assert.strictEqual(next.live.state, one.state)
    for (const { id } of next.live.pending) {
      if (one.pending.some((before) => before.id === id)) continue
      assert.isFalse(ids.has(id), "no command has the id of another")
      ids.add(id)
    }
    // It is kept as it is.
    const kept = toInstance(next.live, Result.getOrThrow(rules.encodeState(next.live.state)))
    const read = fromInstance("desk", JSON.parse(JSON.stringify(kept), revive), decode)
    assert.deepStrictEqual(Result.getOrThrow(read), next.live)
    for (const what of wasBroken) broken.add(what)
    one = next.live
    seen.add(one.stuck === null ? one.status : `stuck ${one.stuck._tag}`)
    if (one.stuck?._tag === "Event") seen.add(one.stuck.reason)
  }
})

/** The instants of an instance, which are no JSON. */
const revive = (key: string, value: unknown): unknown =>
  key === "startedAt" || key === "updatedAt" || key === "dueAt"
    ? typeof value === "string"
      ? DateTime.makeUnsafe(value)
      : value
    : value

describe("what a process manager throws", () => {
  it("is told, whatever it is", () => {
    const { manager } = makeLife()
    const thrower = (): never => {
      throw Object.create(null)
    }
    const { handle } = makeRules({ ...manager, evolve: thrower })
    const { events, recorded } = eventAt(1, 0, asked("d", "x"), 0)
    const context = { instance: "d", now: DateTime.makeUnsafe(0) }
    const handled = handle(manager.initial, { _tag: "Event", event: events[0]!.event, recorded }, context)
    assert.isTrue(Result.isFailure(handled))
    assert.isTrue(Result.isFailure(concernedBy({ ...manager, instanceOf: thrower }, recorded, () => true)))
  })
})

describe("what an input makes of an instance", () => {
  it.effect("is sound, whatever comes in whatever order", () =>
    Effect.gen(function* () {
      const seen = new Set<string>()
      for (let seed = 0; seed < lives; seed++) {
        yield* live(seen).pipe(
          Random.withSeed(seed),
          Effect.catchDefect((cause) => Effect.die(new Error(`seed ${seed}`, { cause })))
        )
      }
      const everywhere = [
        "running",
        "cancelled",
        "ended",
        "stuck Command",
        "stuck Event",
        "stuck Timer",
        "stuck Resume"
      ]
      assert.includeMembers(Array.from(seen), [...everywhere, "CausationTooDeep", "Defect"])
    })
  )
})
