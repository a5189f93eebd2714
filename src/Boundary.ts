/**
 * A decider over boundaries of its own choice: what an aggregate does with a stream, done with a query, so that a rule may span whatever it
 * has to.
 *
 * For each command a query says which events it has to know: all that its decision can depend on. To execute it folds those, decides, and appends
 * on the condition that no further one matches. If one does, it folds what was missed and decides again. What others append that does not match
 * disturbs nobody.
 *
 * The idea is Sara Pellegrini's, "Kill aggregate!" (2023): a dynamic consistency boundary.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Decider from "./Decider.ts"
import type { DecodeError } from "./Event.ts"
import { type ConditionConflict, EventStore, type StoreError } from "./EventStore.ts"
import { defaultRetry, type ExecuteOptions, type RetryOptions, runOver } from "./internal/runtime/executing.ts"
import type { Loaded } from "./internal/runtime/loaded.ts"
import { makeMeasures } from "./internal/runtime/measuring.ts"
import { foldQuery, makeOverQuery, type QueryOutcome } from "./internal/runtime/overQuery.ts"
import { tagOf } from "./internal/runtime/watching.ts"
import type { Query } from "./Query.ts"
import type { StreamName } from "./StreamName.ts"

export type { QueryOutcome as Outcome }

/**
 * A service that executes commands over boundaries.
 */
export interface Boundary<D extends Decider.Any> {
  /**
   * Executes a command. Fails with what this very command can be rejected with, with `ConditionConflict` when others kept coming first
   * for as long as the retry schedule lasts, or with the store's errors.
   */
  readonly execute: <Tag extends Decider.Command<D>["_tag"]>(
    command: Decider.Command<D> & { readonly _tag: Tag },
    options?: Pick<ExecuteOptions, "commandId" | "metadata">
  ) => Effect.Effect<
    QueryOutcome<Decider.Event<D>>,
    Decider.Rejection<D, Tag> | ConditionConflict | StoreError | DecodeError
  >
  /** What the events come to that match a query, and the position of the last one: 0 when there is none. */
  readonly state: (
    query: Query
  ) => Effect.Effect<Pick<Loaded<Decider.State<D>>, "state" | "position">, StoreError | DecodeError>
}

/**
 * How commands are executed over boundaries.
 */
export interface Options<D extends Decider.Any> extends RetryOptions {
  /** The rules, and the schemas, of what it runs. Its name is the `category` of its metrics. */
  readonly decider: D
  /**
   * The events that a command has to know: all that its decision can depend on, and none that it cannot, for each that comes meanwhile has it
   * decided again. They are found by the tags that they were stored with. Its own events are usually among them; where they are not, nothing keeps
   * two of the same command from coming to both.
   */
  readonly boundaryOf: (command: Decider.Command<D>) => Query
  /** The stream that the events of a command are kept in. It guards nothing, and may be that of an aggregate, which folds them with its own. */
  readonly streamOf: (command: Decider.Command<D>) => StreamName
}

/**
 * Boundaries as a value, for code that does not know its deciders by name. {@link Service} is the usual way.
 */
export const make = <D extends Decider.Any>({
  boundaryOf,
  decider,
  retry = defaultRetry,
  streamOf
}: Options<D>): Effect.Effect<Boundary<D>, never, EventStore> =>
  Effect.map(EventStore, (store) => {
    const measures = makeMeasures(decider.name)
    return {
      execute: <Tag extends Decider.Command<D>["_tag"]>(
        command: Decider.Command<D> & { readonly _tag: Tag },
        options: Pick<ExecuteOptions, "commandId" | "metadata"> = {}
      ) =>
        Effect.suspend(() => {
          const stream = streamOf(command)
          const query = boundaryOf(command)
          return runOver<QueryOutcome<Decider.Event<D>>, Decider.Rejection<D, Tag>>(
            {
              "~eventfold/Prepared": {
                store,
                stream,
                retry,
                tag: tagOf(command),
                measures,
                begin: (executed) =>
                  makeOverQuery(decider, store, measures, query, { ...executed, stream, command: () => command })
              }
            },
            options
          )
        }),
      state: (query) => Effect.map(foldQuery(decider, store, query), ({ position, state }) => ({ position, state }))
    }
  })

/**
 * Makes the service of a decider over boundaries, a class to be extended, with a layer that needs an event store.
 *
 * @example
 * import { Boundary, Decider, Event } from "eventfold"
 * import { MemoryEventStore } from "eventfold/memory"
 * import { Effect, Layer, Result, Schema } from "effect"
 *
 * const SeatEvent = Event.define({
 *   SeatTaken: { seat: Schema.String, guest: Schema.String }
 * }).tagged({ SeatTaken: ({ seat, guest }) => [`seat:${seat}`, `guest:${guest}`] })
 *
 * class Taken extends Schema.TaggedError<Taken>()("Taken", { by: Schema.String }) {}
 *
 * const seating = Decider.make({
 *   name: "seating",
 *   state: Schema.Array(Schema.Struct({ seat: Schema.String, guest: Schema.String })),
 *   initial: [],
 *   commands: Schema.TaggedUnion({ Take: { seat: Schema.String, guest: Schema.String } }),
 *   events: SeatEvent
 * })
 *   .evolve({ SeatTaken: (taken, { seat, guest }) => [...taken, { seat, guest }] })
 *   .decide({
 *     Take: ({ seat, guest }, [taken]) =>
 *       taken === undefined ? [{ _tag: "SeatTaken", seat, guest }] : Result.fail(new Taken({ by: taken.guest }))
 *   })
 *
 * // One guest to a seat, and one seat to a guest: the rule spans both, and no stream does.
 * class Seating extends Boundary.Service<Seating>()("theatre/Seating", {
 *   decider: seating,
 *   boundaryOf: ({ seat, guest }) => [{ tags: [`seat:${seat}`] }, { tags: [`guest:${guest}`] }],
 *   streamOf: ({ seat }) => `seat-${seat}`
 * }) {}
 *
 * const program = Effect.gen(function* () {
 *   const seats = yield* Seating
 *   yield* seats.execute({ _tag: "Take", seat: "12", guest: "ada" })
 *   return yield* Effect.flip(seats.execute({ _tag: "Take", seat: "13", guest: "ada" }))
 * })
 *
 * const refusal = await Effect.runPromise(program.pipe(Effect.provide(Seating.layer.pipe(Layer.provide(MemoryEventStore.layer)))))
 * if (refusal._tag !== "Taken") throw new Error("Ada has a seat already")
 */
export const Service =
  <Self>() =>
  <const Key extends string, D extends Decider.Any>(
    key: Key,
    options: Options<D>
  ): Context.ServiceClass<Self, Key, Boundary<D>> & {
    /** The service, over whatever event store is provided. */
    readonly layer: Layer.Layer<Self, never, EventStore>
    /** What it runs: for tools that are given the class alone. */
    readonly decider: D
  } => {
    const service = Context.Service<Self, Boundary<D>>()(key)
    return Object.assign(service, { layer: Layer.effect(service, make(options)), decider: options.decider })
  }
