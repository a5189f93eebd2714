import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Effectable from "effect/Effectable"
import * as Equal from "effect/Equal"
import * as Formatter from "effect/Formatter"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import * as Aggregate from "../../Aggregate.ts"
import * as Decider from "../../Decider.ts"
import type { DecodeError, EncodedEvent, Tagged } from "../../Event.ts"
import { type AppendError, EventStore } from "../../EventStore.ts"
import { guard } from "../../internal/kernel/guard.ts"
import { uuidV7 } from "../../internal/runtime/uuid.ts"
import * as StreamName from "../../StreamName.ts"
import { compare, SpecFailure, toText } from "../SpecFailure.ts"
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

/** A rejection by its tag and fields, whatever class it is of. */
const fieldsOf = (rejection: unknown): unknown => (Predicate.isObject(rejection) ? { ...rejection } : rejection)

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
 * The spec of one command: an Effect that succeeds when it holds.
 */
export class DeciderSpec extends Effectable.Class<void, SpecFailure> {
  readonly #pure: Effect.Effect<void, SpecFailure>
  /**
   * The same spec against the store that is provided: its history is appended to a new stream, and the command is executed there.
   */
  readonly onStore: Effect.Effect<void, SpecFailure | AppendError | DecodeError, EventStore>

  constructor(
    decider: Decider.Any,
    history: ReadonlyArray<Tagged>,
    command: Tagged,
    options: WhenOptions,
    expectation: Expectation<unknown, Tagged>
  ) {
    super()
    const now = DateTime.toUtc(DateTime.makeUnsafe(options.now ?? specTime))
    const commandId = options.commandId ?? "spec"
    this.#pure = purely(decider, history, command, Decider.context({ now, commandId }), expectation)
    this.onStore = onStore(decider, history, command, { now, commandId }, expectation)
  }

  override asEffect(): Effect.Effect<void, SpecFailure> {
    return this.#pure
  }
}

const encodeAll = (
  definitions: Decider.Any["reads"],
  events: ReadonlyArray<Tagged>,
  where: string
): Effect.Effect<ReadonlyArray<EncodedEvent>, SpecFailure> =>
  Effect.forEach(events, (event, index) => encodeEvent(definitions, `${where} ${index} (${event._tag})`, event))

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

const purely = Effect.fnUntraced(function* (
  decider: Decider.Any,
  history: ReadonlyArray<Tagged>,
  command: Tagged,
  context: Decider.DecideContext,
  expectation: Expectation<unknown, Tagged>
) {
  const past = yield* Effect.forEach(yield* encodeAll(decider.reads, history, "given event"), (encoded, index) =>
    readBack(decider.reads, `given event ${index} (${encoded.type})`, encoded)
  )
  const stream = StreamName.make(decider.name, "spec")
  const state = past.reduce(
    (before, event, index) =>
      guard({ decider, during: "evolve", tag: event._tag, stream, version: index + 1 }, () =>
        decider.evolve(before, event)
      ),
    decider.initial
  )
  const decide = (): Came<unknown, Tagged> =>
    guard({ decider, during: "decide", tag: command._tag, stream, version: past.length }, () =>
      Decider.run(decider, state, command, context)
    )
  const came = decide()
  if (Result.isSuccess(came)) {
    const encoded = yield* encodeAll(decider.events, came.success.events, "new event")
    yield* Effect.forEach(encoded, (event, index) =>
      readBack(decider.events, `new event ${index} (${event.type})`, event)
    )
  }
  yield* check(decider, command, came, expectation)
  const again = decide()
  yield* check(
    decider,
    command,
    again,
    Result.isFailure(came)
      ? { _tag: "Rejection", rejection: came.failure }
      : { _tag: "Events", events: came.success.events }
  ).pipe(
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
    sleep: (duration) => clock.sleep(duration)
  }
}

const onStore = Effect.fnUntraced(function* (
  decider: Decider.Any,
  history: ReadonlyArray<Tagged>,
  command: Tagged,
  { now, commandId }: { readonly now: DateTime.Utc; readonly commandId: string },
  expectation: Expectation<unknown, Tagged>
) {
  const store = yield* EventStore
  const aggregate = yield* Aggregate.make({ decider })
  const id = yield* uuidV7
  const encoded = yield* encodeAll(decider.reads, history, "given event")
  const events = yield* Effect.forEach(encoded, (event) => Effect.map(uuidV7, (id) => ({ ...event, id, metadata: {} })))
  if (events.length > 0) yield* store.append([{ stream: aggregate.streamOf(id), expected: "no stream", events }])
  const clock = yield* Clock.Clock
  const came = yield* aggregate
    .execute(id, command, { commandId })
    .pipe(Effect.provideService(Clock.Clock, at(clock, now)), Effect.result)
  yield* check(decider, command, came, expectation)
})
