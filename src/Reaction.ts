/**
 * A reaction: something that is done in the world outside because of an event, such as a mail, a request, a message to a broker, and what came of
 * it, as events.
 *
 * It is an Effect that is run with an idempotency key, outside of any transaction and at least once: the same key for the same event,
 * whoever runs it and however often. What it gives is appended in the very transaction that moves the reaction on, so it is recorded once. A
 * process that dies in between leaves the event to the next one, with the same key.
 *
 * It begins at the end of the log: what was recorded before it was first run is passed over.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Causation from "./Causation.ts"
import * as Event from "./Event.ts"
import type { EventStore, Write } from "./EventStore.ts"
import { derivedId } from "./internal/kernel/derivedId.ts"
import { withoutUndefined } from "./internal/runtime/executing.ts"
import { HandlingFailure, pure } from "./internal/runtime/projection/plan.ts"
import { type Runnable, runnable, type Settings } from "./internal/runtime/reaction/service.ts"
import type { RecordedEvent } from "./RecordedEvent.ts"
import * as StreamName from "./StreamName.ts"

export { type Control, Service } from "./internal/runtime/reaction/service.ts"
export type { Settings }

/**
 * A reaction, to be run by a {@link Service}. `name` is what its position is kept under, `reaction:` and its own name.
 */
export interface Reaction<out R> extends Runnable<R> {}

/** The circumstances of an event that is reacted to. */
export interface Context {
  /**
   * A UUID for whoever is asked to do a thing once. It follows from the reaction's name and the event, and its results have it as
   * the `commandId` of their metadata.
   */
  readonly idempotencyKey: string
  /** The event as it was recorded. */
  readonly recorded: RecordedEvent
}

/**
 * A reaction but for what it does.
 */
export interface Options<E extends Event.Tagged, Out extends Event.Tagged> extends Settings<E> {
  /**
   * Names the reaction. How far it has come is kept under this name, and its keys follow from it: another name is another reaction. It is the
   * category of its streams, so it has no hyphen.
   */
  readonly name: string
  /** The events that it hears. Take some types of a larger set with `Event.pick`. */
  readonly events: Event.Definitions<E>
  /** What can come of it. */
  readonly results: Event.Definitions<Out>
  /**
   * The stream of what came of an event. By default the reaction has one of its own for each stream that it hears: `mails-order-42` for `order-42`.
   * So no stream of an aggregate has events that its rules do not know.
   */
  readonly stream?: (event: E, recorded: RecordedEvent) => StreamName.StreamName
  /**
   * How many events may lead to one that is reacted to: one beyond that fails, for it is most likely a loop. 100 by default; `Infinity` for no bound.
   */
  readonly maxCausationDepth?: number
}

/** The last step of {@link make}: what is done for an event. */
interface Running<E extends Event.Tagged, Out extends Event.Tagged> {
  /**
   * What is done for an event. It gives what came of it: an event, several, or none. It may run again with the same key, when a process dies or fails
   * before that is recorded; what it does with the stores is not in the transaction.
   */
  run<Err, R>(
    run: (event: E, context: Context) => Effect.Effect<Out | ReadonlyArray<Out> | void, Err, R>
  ): Reaction<R | EventStore>
}

/** Of a stream whose name is too long to stand in another one, what follows from it. */
const ownStream = (name: string, { stream }: RecordedEvent): StreamName.StreamName => {
  const own = StreamName.make(name, stream)
  return StreamName.problem(own) === undefined ? own : StreamName.make(name, derivedId(stream, "results"))
}

const isMany = <A>(given: A | ReadonlyArray<A>): given is ReadonlyArray<A> => Array.isArray(given)

const placeOf = (stream: StreamName.StreamName): StreamName.StreamName => {
  const wrong = StreamName.problem(stream)
  if (wrong !== undefined) throw refused(`"${stream}", the stream of what comes of it, ${wrong}`)
  return stream
}

const problemOf = (name: string): string | undefined => {
  const wrong = StreamName.categoryProblem(name)
  return wrong === undefined ? undefined : `its name, the category of its streams, ${wrong}`
}

const refused = (problem: string): HandlingFailure => new HandlingFailure({ problem })

/**
 * Makes a reaction in two steps that infer everything: what it hears and gives, and `run`. Throws where its name cannot be a category, and for settings
 * that cannot be.
 *
 * @example
 * import { Event, Reaction } from "eventfold"
 * import { Effect, Schema } from "effect"
 *
 * declare const send: (mail: { to: string; key: string }) => Effect.Effect<void, "refused">
 *
 * const mails = Reaction.make({
 *   name: "mails",
 *   events: Event.define({ OrderPlaced: { customer: Schema.String } }),
 *   results: Event.define({ Confirmed: { to: Schema.String } })
 * }).run(({ customer }, { idempotencyKey }) =>
 *   Effect.as(send({ to: customer, key: idempotencyKey }), { _tag: "Confirmed", to: customer })
 * )
 *
 * class Mails extends Reaction.Service<Mails>()("app/Mails", mails) {}
 */
export const make = <E extends Event.Tagged, Out extends Event.Tagged>(options: Options<E, Out>): Running<E, Out> => {
  const {
    events,
    maxCausationDepth = Causation.defaultLimit,
    name,
    results,
    stream = (_, recorded) => ownStream(name, recorded)
  } = options
  const problem = problemOf(name)

  const recordedAs = Effect.fnUntraced(function* (
    given: Out | ReadonlyArray<Out> | void,
    stream: StreamName.StreamName,
    idempotencyKey: string
  ) {
    const all: ReadonlyArray<Out> = given === undefined ? [] : isMany(given) ? given : [given]
    if (all.length === 0) return []
    const metadata = withoutUndefined(yield* Causation.metadata(idempotencyKey))
    const encoded: Array<Write["events"][number]> = []
    for (const [index, result] of all.entries()) {
      const one = yield* Effect.fromResult(
        Result.mapError(Event.encode(results, result), ({ message }) =>
          refused(`what came of it is refused: ${message}`)
        )
      )
      encoded.push({ ...one, id: derivedId(idempotencyKey, "result", String(index)), metadata })
    }
    return [{ stream, expected: "any" as const, events: encoded }]
  })

  return {
    run: <Err, R>(
      run: (event: E, context: Context) => Effect.Effect<Out | ReadonlyArray<Out> | void, Err, R>
    ): Reaction<R | EventStore> =>
      runnable<E, R>("reaction", {
        name,
        problem,
        events,
        settings: options,
        run: ({ event, id, recorded }) => {
          const idempotencyKey = derivedId(id, "reaction", name)
          const done = Effect.gen(function* () {
            yield* Effect.mapError(Causation.checkDepth(recorded, maxCausationDepth), ({ message }) => refused(message))
            // Before anything is done: what has no place to be recorded is not done.
            const place = yield* pure(() => placeOf(stream(event, recorded)))
            const given = yield* run(event, { idempotencyKey, recorded })
            return yield* recordedAs(given, place, idempotencyKey)
          })
          return Causation.causedBy(done, recorded)
        }
      })
  }
}
