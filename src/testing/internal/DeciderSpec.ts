import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Formatter from "effect/Formatter"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Aggregate from "../../Aggregate.ts"
import * as Decider from "../../Decider.ts"
import { encode, type EncodedEvent, type Tagged } from "../../Event.ts"
import { EventStore } from "../../EventStore.ts"
import { deepFreeze } from "../../internal/kernel/freeze.ts"
import { guard } from "../../internal/kernel/guard.ts"
import { uuidV7 } from "../../internal/runtime/uuid.ts"
import * as StreamName from "../../StreamName.ts"
import { compare, SpecFailure, toText } from "../SpecFailure.ts"
import { RunnableSpec, StoredEvent } from "./RunnableSpec.ts"
import { encodeEvent, encodeValue, readBack, specTime, toJson } from "./stored.ts"

/**
 * The circumstances of a command.
 */
export interface WhenOptions {
  /** When the command is decided. 2000-01-01T00:00:00Z by default. */
  readonly now?: DateTime.DateTime.Input
  /** The command's id, from which the decision's ids derive. `"spec"` by default. */
  readonly commandId?: string
}

/** What a command must come to. */
export type Expectation<State, Event> =
  | { readonly _tag: "Events"; readonly events: ReadonlyArray<Event> }
  | { readonly _tag: "Rejection"; readonly rejection: unknown }
  | { readonly _tag: "State"; readonly state: State }

/** What a command has come to. */
type Came<State, Event> = Result.Result<{ readonly events: ReadonlyArray<Event>; readonly state: State }, unknown>

/** A rejection by its tag and fields, whatever class it is of. Errors keep their own message and cause where a spread does not see them. */
const fieldsOf = (rejection: unknown): unknown =>
  Predicate.isObject(rejection)
    ? {
        ...rejection,
        ...Object.fromEntries(
          Object.entries(Object.getOwnPropertyDescriptors(rejection)).flatMap(([key, { value }]) =>
            key === "message" || key === "cause" ? [[key, value]] : []
          )
        )
      }
    : rejection

/** Rejections have no schema: they are shown as JSON as far as that goes, and compared as values. */
const rejectionJson = (rejection: unknown): Schema.Json => JSON.parse(Formatter.formatJson(fieldsOf(rejection)))

const compareRejections = (what: string, expected: unknown, actual: unknown): SpecFailure | undefined =>
  Equal.equals(fieldsOf(expected), fieldsOf(actual))
    ? undefined
    : (compare(what, "", rejectionJson(expected), rejectionJson(actual)) ??
      new SpecFailure({
        problem: `${what}, by values that JSON does not tell apart`,
        expected: Formatter.format(fieldsOf(expected), { space: 2 }),
        actual: Formatter.format(fieldsOf(actual), { space: 2 })
      }))

/**
 * The spec of one command.
 */
export class DeciderSpec extends RunnableSpec {
  constructor(
    decider: Decider.Any,
    history: ReadonlyArray<Tagged | StoredEvent>,
    command: Tagged,
    options: WhenOptions,
    expectation: Expectation<unknown, Tagged>
  ) {
    const now = DateTime.toUtc(DateTime.makeUnsafe(options.now ?? specTime))
    const circumstances = { now, commandId: options.commandId ?? "spec" }
    super(
      purely(decider, history, command, Decider.context(circumstances), expectation),
      onStore(decider, history, command, circumstances, expectation)
    )
  }
}

const encodeAll = (
  definitions: Decider.Any["reads"],
  events: ReadonlyArray<Tagged | StoredEvent>,
  where: string
): Effect.Effect<ReadonlyArray<EncodedEvent>, SpecFailure> =>
  Effect.forEach(events, (event, index) => {
    const type = event instanceof StoredEvent ? event.type : event._tag
    return encodeEvent((event) => encode(definitions, event), `${where} ${index} (${type})`, event)
  })

const readAllBack = (
  definitions: Decider.Any["reads"],
  encoded: ReadonlyArray<EncodedEvent>,
  where: string,
  isNew: (index: number) => boolean
): Effect.Effect<ReadonlyArray<Tagged>, SpecFailure> =>
  Effect.map(
    Effect.forEach(encoded, (event, index) =>
      readBack<Tagged>(definitions, `${where} ${index} (${event.type})`, event, isNew(index))
    ),
    (events) => events.flat()
  )

const check = Effect.fnUntraced(function* (
  decider: Decider.Any,
  command: Tagged,
  came: Came<unknown, Tagged>,
  expectation: Expectation<unknown, Tagged>
) {
  const what = `${decider.name}: ${command._tag}`
  const difference = yield* Effect.gen(function* () {
    if (expectation._tag === "Rejection") {
      if (Result.isFailure(came)) {
        return compareRejections(`${what} is rejected otherwise`, expectation.rejection, came.failure)
      }
      const events = toJson(yield* encodeAll(decider.events, came.success.events, "new event"))
      return new SpecFailure({
        problem: `${what} is not rejected`,
        expected: `the rejection ${toText(rejectionJson(expectation.rejection))}`,
        actual: `the events ${toText(events)}`
      })
    }
    if (Result.isFailure(came)) {
      const expected =
        expectation._tag === "State"
          ? `the state ${toText(yield* encodeValue(decider.state, "the expected state", expectation.state))}`
          : `the events ${toText(toJson(yield* encodeAll(decider.events, expectation.events, "expected event")))}`
      const actual = `the rejection ${toText(rejectionJson(came.failure))}`
      return new SpecFailure({ problem: `${what} is rejected`, expected, actual })
    }
    if (expectation._tag === "State") {
      const expected = yield* encodeValue(decider.state, "the expected state", expectation.state)
      // Sets and maps are the same in whatever order they were filled.
      if (Schema.toEquivalence(decider.state)(expectation.state, came.success.state)) return undefined
      return compare(
        `${what} leads to another state`,
        "",
        expected,
        yield* encodeValue(decider.state, "the state", came.success.state)
      )
    }
    const expected = yield* encodeAll(decider.events, expectation.events, "expected event")
    const actual = yield* encodeAll(decider.events, came.success.events, "new event")
    return compare(`${what} gives other events`, "events", toJson(expected), toJson(actual))
  })
  if (difference !== undefined) return yield* difference
})

/** Goes on in another millisecond: who reads the clock reads something else from here on. */
export const anotherMoment = Effect.clockWith((clock) =>
  Effect.sync(() => {
    const began = performance.now()
    while (performance.now() - began < 1.1) clock.currentTimeMillisUnsafe()
  })
)

const purely = Effect.fnUntraced(function* (
  decider: Decider.Any,
  history: ReadonlyArray<Tagged | StoredEvent>,
  given: Tagged,
  context: Decider.DecideContext,
  expectation: Expectation<unknown, Tagged>
) {
  const stream = StreamName.make(decider.name, "spec")
  // Frozen, so that a function which changes what it is given throws, and does not change the next spec's beginning.
  const evolve = (version: number) => (state: unknown, event: Tagged) =>
    deepFreeze(
      guard({ decider, during: "evolve", tag: event._tag, stream, version }, () =>
        decider.evolve(deepFreeze(state), deepFreeze(event))
      )
    )
  const encoded = yield* encodeAll(decider.reads, history, "given event")
  const past = yield* readAllBack(decider.reads, encoded, "given event", (i) => !(history[i] instanceof StoredEvent))
  const state = past.reduce<unknown>(evolve(past.length), decider.initial)
  yield* encodeValue(decider.commands, `the command ${given._tag}`, given)
  const command = deepFreeze(given)

  const decide = Effect.gen(function* () {
    const decision: Result.Result<ReadonlyArray<Tagged>, unknown> = guard(
      { decider, during: "decide", tag: command._tag, stream, version: past.length },
      () => decider.decide(command, state, context)
    )
    if (Result.isFailure(decision)) return Result.fail(decision.failure)
    const events = decision.success
    const stored = yield* encodeAll(decider.events, events, "new event")
    const read = yield* readAllBack(decider.events, stored, "new event", () => true)
    const fold = (from: ReadonlyArray<Tagged>) => from.reduce<unknown>(evolve(past.length + 1), state)
    const [decided, reloaded] = [fold(events), fold(read)]
    if (!Schema.toEquivalence(decider.state)(decided, reloaded)) {
      const what = `${decider.name}: what ${command._tag} decides leads to another state once it has been stored`
      const difference = compare(
        what,
        "",
        yield* encodeValue(decider.state, "the state", reloaded),
        yield* encodeValue(decider.state, "the state", decided)
      )
      if (difference !== undefined) return yield* difference
    }
    const came: Came<unknown, Tagged> = Result.succeed({ events, state: decided })
    return came
  })

  const came = yield* decide
  yield* check(decider, command, came, expectation)
  yield* anotherMoment
  const same: Expectation<unknown, Tagged> = Result.isFailure(came)
    ? { _tag: "Rejection", rejection: came.failure }
    : { _tag: "Events", events: came.success.events }
  yield* check(decider, command, yield* decide, same).pipe(
    Effect.mapError(
      (failure) => new SpecFailure({ ...failure, problem: `deciding again gives something else: ${failure.problem}` })
    )
  )
})

/** The time of the spec; whatever waits, waits in real time. */
const at = (clock: Clock.Clock, now: DateTime.Utc): Clock.Clock => {
  const millis = now.epochMilliseconds
  return {
    ...clock,
    currentTimeMillisUnsafe: () => millis,
    currentTimeMillis: Effect.succeed(millis),
    currentTimeNanosUnsafe: () => BigInt(millis) * 1_000_000n,
    currentTimeNanos: Effect.succeed(BigInt(millis) * 1_000_000n),
    // The fields of an instance are all that is copied above.
    monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe(),
    monotonicTimeNanos: clock.monotonicTimeNanos,
    sleep: (duration) => clock.sleep(duration)
  }
}

const onStore = Effect.fnUntraced(function* (
  decider: Decider.Any,
  history: ReadonlyArray<Tagged | StoredEvent>,
  command: Tagged,
  { now, commandId }: { readonly now: DateTime.Utc; readonly commandId: string },
  expectation: Expectation<unknown, Tagged>
) {
  const store = yield* EventStore
  const clock = yield* Clock.Clock
  // The decision has the time of the spec; the store keeps its own.
  const inTime: EventStore["Service"] = {
    ...store,
    append: (writes, options) => Effect.provideService(store.append(writes, options), Clock.Clock, clock)
  }
  const aggregate = yield* Effect.provideService(Aggregate.make({ decider }), EventStore, inTime)
  const id = yield* uuidV7
  const encoded = yield* encodeAll(decider.reads, history, "given event")
  const events = yield* Effect.forEach(encoded, (event) => Effect.map(uuidV7, (id) => ({ ...event, id, metadata: {} })))
  if (events.length > 0) yield* store.append([{ stream: aggregate.streamOf(id), expected: "no stream", events }])
  const came = yield* aggregate
    .execute(id, command, { commandId })
    .pipe(Effect.provideService(Clock.Clock, at(clock, now)), Effect.result)
  yield* check(decider, command, came, expectation)
})
