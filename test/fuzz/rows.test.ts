/**
 * Rows that were damaged: an aggregate, its history and a subscription fail with an error that says which row it is and what is wrong with it, or
 * come to just what the rows come to. Nothing crashes, nothing hangs, and the log stays readable as it is.
 */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Exit, Layer, Option, Schedule, Stream } from "effect"
import { Aggregate, EventStore, Projection, type RecordedEvent, StreamName, Subscription, View } from "eventfold"
import { caughtUp, until } from "../projection/support.ts"
import { Damage, damageAnything, damageContents, damagedStores, placeOf } from "./damagedStore.ts"
import { evolve, initial, order, OrderEvent, type State } from "./domain.ts"
import { isSame } from "./mutations.ts"
import { foldRows, judge } from "./oracle.ts"
import { type Case, cases, checkDamage, checkDecode, checkError, failureOf, someRows, toAppend } from "./support.ts"

/** Appends some rows, damages one or two of them, and gives them as they are read. */
const aDamagedStream = Effect.fnUntraced(function* (one: Case, id: string, damage = damageAnything) {
  const store = yield* EventStore.EventStore
  const rows = someRows(one.random, 1, 6)
  const stream = StreamName.make("order", id)
  yield* store.append([{ stream, expected: "no stream", events: rows.map((row) => toAppend(row)) }])
  const stored = yield* Stream.runCollect(store.readStream(stream))
  const told = []
  for (let times = 1 + one.random.int(2); times > 0; times--) {
    const recorded = one.random.pick(stored)
    const { changed, did } = damage(one.random, recorded)
    ;(yield* Damage).set(placeOf(recorded), changed)
    told.push(`${recorded.type} at version ${recorded.version}: ${did}`)
  }
  one.did = told.join("; ")
  const read = yield* Stream.runCollect(store.readStream(stream))
  assert.strictEqual(read.length, rows.length, "the log is readable as it is")
  return { stream, stored, read }
})

type Exited = Exit.Exit<{ readonly state: State }, unknown>

/** Holds an answer against what rows come to: up to the first that is not where it should be, or cannot be read. */
const check = (
  exit: Exited,
  rows: ReadonlyArray<RecordedEvent.RecordedEvent>,
  after = (state: State): State => state
): void => {
  const error = failureOf(exit)
  const gap = rows.findIndex(({ version }, index) => version !== index + 1)
  const { invalid, state } = foldRows(gap === -1 ? rows : rows.slice(0, gap))
  if (invalid !== undefined) checkError(error, invalid)
  else if (gap !== -1) checkDamage(error, rows[gap]!.stream, gap)
  else assert.isTrue(Exit.isSuccess(exit) && isSame(exit.value.state, after(state)), "it is what the rows come to")
}

const everyWay = Effect.gen(function* () {
  const inMemory = yield* Aggregate.make({ decider: order })
  const uncached = yield* Aggregate.make({ decider: order, cache: { entries: 0 } })
  const store = yield* EventStore.EventStore
  return (one: Case) =>
    Effect.gen(function* () {
      const orders = one.random.int(2) === 0 ? inMemory : uncached
      const id = String(one.index)
      const before = yield* store.head
      const { read, stored } = yield* aDamagedStream(one, id)
      for (const recorded of read) checkDecode(recorded)
      const whole = foldRows(read)

      check(yield* Effect.exit(orders.state(id)), read)
      const version = one.random.int(read.length + 2)
      check(yield* Effect.exit(orders.state(id, { at: { version } })), read.slice(0, version))
      const position = before + one.random.int(read.length + 2)
      const end = read.findIndex((recorded) => !(recorded.position <= position))
      check(yield* Effect.exit(orders.state(id, { at: { position } })), end === -1 ? read : read.slice(0, end))
      const compared = yield* Effect.exit(orders.compare(id, { from: { version: 0 } }))
      const error = failureOf(compared)
      if (whole.invalid !== undefined) checkError(error, whole.invalid)
      else if (error instanceof Aggregate.StateEncodeError)
        assert.match(error.problem, /more than 500 levels|call stack/)
      else
        check(
          Exit.map(compared, ({ to }) => to),
          read
        )
      const supposed = yield* Effect.exit(orders.whatIf(id, [{ _tag: "Look" }]))
      check(
        Exit.map(supposed, ({ from }) => from),
        read
      )

      let state = initial
      const fold = ({ event }: { readonly event: OrderEvent }) =>
        Effect.sync(() => void (state = order.evolve(state, event)))
      const history = yield* Effect.exit(Stream.runForEach(orders.history(id), fold))
      if (whole.invalid === undefined) assert.isTrue(Exit.isSuccess(history))
      else checkError(failureOf(history), whole.invalid)
      assert.isTrue(isSame(state, whole.state), "the history is up to the first row that cannot be read")

      // The store looks at the type that is stored.
      if (stored.every(({ type }) => type !== "Heartbeat")) {
        const events = Subscription.run({ events: OrderEvent, after: before }, (event) => fold({ event }))
        if (whole.invalid !== undefined) {
          state = initial
          checkError(failureOf(yield* Effect.exit(events)), whole.invalid)
          assert.isTrue(isSame(state, whole.state), "a subscription is given what is before it")
        }
      }

      const noted = yield* Effect.exit(orders.execute(id, { _tag: "Note", note: "last" }))
      check(noted, read, (state) => evolve.Noted(state, { _tag: "Noted", note: "last", scores: {} }))
      if (Exit.isSuccess(noted)) {
        // From memory.
        const { state } = yield* orders.execute(id, { _tag: "Look" }, { load: "cached" })
        assert.isTrue(isSame(state, noted.value.state))
      }
    })
})

/** What the rows of an order come to. */
const summaries = View.keyed({
  name: "summaries",
  events: OrderEvent,
  key: (_, { stream }) => StreamName.id(stream),
  model: order.state,
  initial
}).evolve(evolve)

const start = (onFailure: "stop" | "park") =>
  Effect.gen(function* () {
    class Summaries extends Projection.Service<Summaries>()(
      "test/Summaries",
      Projection.make({ version: 1, view: summaries, retry: Schedule.recurs(0), onFailure })
    ) {}
    return Context.get(yield* Layer.build(Summaries.layer), Summaries)
  })

/** A document cannot be nested deeper than this either. */
const damageShallowly: typeof damageAnything = (random, recorded) => damageContents(random, recorded, 100)

/** Waits until a projection has failed at a position, and gives its status. */
const failedAt = ({ status }: Projection.Control, position: number) =>
  Effect.gen(function* () {
    const find = Effect.map(status, (all) => all.find(({ failure }) => failure?.position === position))
    yield* until(
      `it fails at position ${position}`,
      Effect.map(find, (one) => one !== undefined)
    )
    return (yield* find)!
  })

/** Holds what a projection says against the row that it is to be about. */
const checkProblem = (problem: string, row: RecordedEvent.RecordedEvent): void => {
  const verdict = judge(row)
  const place = `in stream ${row.stream} at version ${row.version}, position ${row.position}, does not decode: `
  assert.include(problem, place + (verdict.isValid ? "not at all" : verdict.reason))
}

/** Many streams, of which all are damaged in one way or another, and their rows as they are read, without those that a projection is not given. */
const manyDamaged = (count: number) =>
  Effect.gen(function* () {
    const streams: Array<ReadonlyArray<RecordedEvent.RecordedEvent>> = []
    yield* cases(count, (one) =>
      Effect.gen(function* () {
        const { read, stored } = yield* aDamagedStream(one, `${one.index}`, damageShallowly)
        streams.push(read.filter((_, index) => stored[index]!.type !== "Heartbeat"))
      })
    )
    return streams
  })

const summaryOf = (reader: Projection.Documents<State>, id: string) =>
  Effect.map(
    reader.get(id),
    Option.getOrElse(() => initial)
  )

describe("rows that are damaged", () => {
  it.effect(
    "are an error that says where and why, or come to what they say",
    () =>
      Effect.gen(function* () {
        yield* cases(5500, yield* everyWay)
      }).pipe(Effect.provide(damagedStores)),
    60_000
  )

  it.effect("are parked by a projection with those that come behind them, and all others are in its documents", () =>
    Effect.gen(function* () {
      const streams = yield* manyDamaged(300)
      const reader = yield* start("park")
      yield* caughtUp(reader)
      const parked = new Map((yield* reader.parked).map((one) => [one.position, one]))
      for (const rows of streams) {
        const { invalid, state } = foldRows(rows)
        const behind = invalid === undefined ? [] : rows.slice(rows.indexOf(invalid))
        for (const { position } of rows) {
          const isBehind = behind.some((row) => row.position === position)
          assert.strictEqual(parked.has(position), isBehind, `position ${position} is parked`)
        }
        if (invalid !== undefined) checkProblem(parked.get(invalid.position)!.problem, invalid)
        if (rows.length === 0) continue
        const summary = yield* summaryOf(reader, StreamName.id(rows[0]!.stream))
        assert.isTrue(isSame(summary, state), `what is kept of ${rows[0]!.stream} is what its rows come to`)
      }
    }).pipe(Effect.scoped, Effect.provide(damagedStores))
  )

  it.effect("stop a projection that is to stop, one after the other, until they are skipped", () =>
    Effect.gen(function* () {
      const rows = (yield* manyDamaged(60)).flat().toSorted((a, b) => a.position - b.position)
      const reader = yield* start("stop")
      for (const row of rows.filter((row) => !judge(row).isValid)) {
        const { failure } = yield* failedAt(reader, row.position)
        checkProblem(failure!.problem, row)
        yield* reader.skip(row.position, "it is damaged")
      }
      yield* caughtUp(reader)
      const states = new Map<StreamName.StreamName, State>()
      for (const row of rows) {
        const verdict = judge(row)
        const before = states.get(row.stream) ?? initial
        states.set(row.stream, verdict.isValid ? verdict.fold(before) : before)
      }
      for (const [stream, state] of states)
        assert.isTrue(isSame(yield* summaryOf(reader, StreamName.id(stream)), state))
    }).pipe(Effect.scoped, Effect.provide(damagedStores))
  )
})
