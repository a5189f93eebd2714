/**
 * Folding recorded events into a state, one by one.
 */
import { Result } from "effect"
import * as Decider from "../Decider.ts"
import * as Event from "../Event.ts"
import type { RecordedEvent } from "../RecordedEvent.ts"

/**
 * A state, and how far the stream had come.
 */
export interface Loaded<out State> {
  readonly state: State
  /** The version of the last event folded, 0 when there was none. */
  readonly version: number
  /** The position of the last event folded, 0 when there was none. */
  readonly position: number
}

/**
 * What executing a command came to: the new events, none if there was nothing to do, and where they have led.
 */
export interface Outcome<out State, out E> extends Loaded<State> {
  readonly events: ReadonlyArray<E>
}

/** Before the first event. */
export const unloaded = <D extends Decider.Any>(decider: D): Loaded<Decider.State<D>> => ({
  state: decider.initial,
  version: 0,
  position: 0
})

/** After one more event. */
export const evolveRecorded = <D extends Decider.Any>(
  decider: D,
  loaded: Loaded<Decider.State<D>>,
  recorded: RecordedEvent
): Result.Result<Loaded<Decider.State<D>>, Event.DecodeError> =>
  Result.map(Event.decode<Decider.Read<D>>(decider.reads, recorded), (events) => {
    let state = loaded.state
    for (const event of events) {
      state = Decider.guard({ decider, during: "evolve", tag: event._tag, ...recorded }, () =>
        decider.evolve(state, event)
      )
    }
    return { state, version: recorded.version, position: recorded.position }
  })
