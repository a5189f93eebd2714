/**
 * 5. Deciding over a boundary: what an aggregate does with a stream, done with a query. It folds the events that match, decides, and appends on the
 * condition that no further one matches; if one does, it folds what was missed and decides again. Nothing in it is about courses.
 */
import { DateTime, Effect, Schedule, Stream } from "effect"
import { Causation, Decider, Event, EventStore, type Query, type StreamName } from "eventfold"

export interface Options<
  S,
  C extends Event.Tagged,
  E extends Event.Tagged,
  X extends { readonly [Tag in C["_tag"]]: unknown }
> {
  readonly decider: Decider.Decider<S, C, E, X>
  /** The events that a command has to know: all that its decision can depend on. */
  readonly boundaryOf: (command: C) => Query.Query
  /** Where the events of a command are kept. It guards nothing. */
  readonly streamOf: (command: C) => StreamName.StreamName
  /** When to decide again after a conflict, and how often. */
  readonly retry: Schedule.Schedule<unknown>
}

export interface Outcome<E> {
  readonly events: ReadonlyArray<E>
  /** Of the last event that has to do with it: who waits for it sees all that came of the command. */
  readonly position: number
}

export type Problem = EventStore.ConditionConflict | EventStore.StoreError | Event.DecodeError

/** Executes commands of a decider, each over a boundary of its own. */
export const over =
  <S, C extends Event.Tagged, E extends Event.Tagged, X extends { readonly [Tag in C["_tag"]]: unknown }>({
    boundaryOf,
    decider,
    retry,
    streamOf
  }: Options<S, C, E, X>) =>
  <Tag extends C["_tag"]>(
    command: C & { readonly _tag: Tag }
  ): Effect.Effect<Outcome<E>, X[Tag] | Problem, EventStore.EventStore> =>
    Effect.gen(function* () {
      const store = yield* EventStore.EventStore
      const query = boundaryOf(command)
      const stream = streamOf(command)
      const commandId = yield* Effect.sync(() => crypto.randomUUID())
      const metadata = yield* Causation.metadata(commandId)
      let state = decider.initial
      let after = 0

      // The last event seen is as far as has been read: between it and the end of the log nothing has matched.
      const catchUp = Effect.suspend(() =>
        Stream.runForEach(store.readLog({ query, from: after + 1 }), (recorded) =>
          Effect.map(Effect.fromResult(Event.decode(decider.reads, recorded)), (events) => {
            state = Decider.fold(decider, events, state)
            after = recorded.position
          })
        )
      )

      const attempt = Effect.gen(function* () {
        yield* catchUp
        const context = Decider.context({ now: yield* DateTime.now, commandId })
        const events = yield* Effect.fromResult(decider.decide(command, state, context))
        if (events.length === 0) return { events, position: after }
        const toAppend = yield* Effect.forEach(events, (event, index) =>
          Effect.map(Effect.fromResult(Event.encode(decider.events, event)), (encoded) => ({
            ...encoded,
            id: context.id(`event ${index}`),
            metadata
          }))
        )
        const condition = { query, after }
        const { position } = yield* store.append([{ stream, expected: "any", events: toAppend }], { condition })
        return { events, position }
      }).pipe(
        // An event that its own schema refuses is a bug of the rules; a stream of which nothing is expected has no conflict.
        Effect.catchIf(
          (error) => error instanceof Event.EncodeError || error instanceof EventStore.ConcurrencyConflict,
          Effect.die
        )
      )

      return yield* Effect.retry(attempt, {
        schedule: retry,
        while: (error) => error instanceof EventStore.ConditionConflict
      })
    })
