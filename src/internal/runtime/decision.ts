import * as Result from "effect/Result"
import type * as Decider from "../../Decider.ts"
import * as Event from "../../Event.ts"
import type { StreamName } from "../../StreamName.ts"
import { type DeciderDefect, guard } from "../kernel/guard.ts"
import type { Loaded } from "./loaded.ts"

/** What a command comes to: its events, how they are stored, and the state they lead to. */
export interface Decision<out State, out E> {
  readonly events: ReadonlyArray<E>
  readonly encoded: ReadonlyArray<Event.EncodedEvent>
  readonly state: State
}

/** Events as they will be read: from JSON, and not from what the caller may still change. */
const readBack = <D extends Decider.Any>(
  decider: D,
  { data, schemaVersion, type }: Event.EncodedEvent
): ReadonlyArray<Decider.Read<D>> => {
  const reads: Event.Definitions<Decider.Read<D>> = decider.reads
  return Result.getOrThrowWith(
    reads.stored.get(type)!.decode(JSON.parse(JSON.stringify(data)), schemaVersion),
    ({ path, problem }) =>
      new Error(`it does not decode as it was encoded: ${path === "" ? "" : `${path}: `}${problem}`)
  )
}

/**
 * Decides a command on a state. Its events are read and folded before anybody stores them: one that cannot be read, or that evolve cannot take,
 * must not get into the log. And the state is then the one that whoever loads it next will have.
 */
export const decideOn = <D extends Decider.Any, Rejection>(
  decider: D,
  stream: StreamName,
  loaded: Pick<Loaded<Decider.State<D>>, "state" | "version">,
  command: Decider.Command<D>,
  context: Decider.DecideContext
): Result.Result<Decision<Decider.State<D>, Decider.Event<D>>, Rejection> => {
  type E = Decider.Event<D>
  const guarded = <A>(during: DeciderDefect["during"], { _tag: tag }: Event.Tagged, run: () => A): A =>
    guard({ decider, during, tag, stream, version: loaded.version }, run)

  const decision: Result.Result<ReadonlyArray<E>, Rejection> = guarded("decide", command, () =>
    decider.decide(command, loaded.state, context)
  )
  return Result.map(decision, (events) => {
    const encoded = events.map((event) =>
      guarded("encode", event, () => Result.getOrThrow(Event.encode<E>(decider.events, event)))
    )
    let state = loaded.state
    for (const [index, event] of events.entries()) {
      for (const read of guarded("encode", event, () => readBack(decider, encoded[index]!))) {
        state = guarded("evolve", event, () => decider.evolve(state, read))
      }
    }
    return { events, encoded, state }
  })
}
