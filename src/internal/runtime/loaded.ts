/**
 * Folding recorded events into a state, one by one.
 */
import type * as Decider from "../../Decider.ts"
import { StoreError } from "../../EventStore.ts"
import type { RecordedEvent } from "../../RecordedEvent.ts"
import { guard } from "../kernel/guard.ts"

/**
 * A state, and how far the stream had come.
 */
export interface Loaded<out State> {
  /** The state after the last event folded. */
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
  /** The new events, in order. */
  readonly events: ReadonlyArray<E>
}

/** Before the first event. */
export const unloaded = <D extends Decider.Any>(decider: D): Loaded<Decider.State<D>> => ({
  state: decider.initial,
  version: 0,
  position: 0
})

/**
 * What keeps an event from being the next one of its stream, or `undefined`. Versions have no gaps: where one is missing, a state that was folded
 * around it would be of a history that never was.
 */
export const outOfPlace = (
  { version: before }: Pick<Loaded<unknown>, "version">,
  { position, stream, version }: RecordedEvent
): StoreError | undefined => {
  if (version === before + 1) return undefined
  const problem = `the log is damaged: after version ${before} of stream ${stream} comes version ${version}, at position ${position}`
  return new StoreError({ reason: "Unexpected", problem })
}

/** After one more recorded event, which stands for any number of events. */
export const evolveRecorded = <D extends Decider.Any>(
  decider: D,
  { state: before }: Loaded<Decider.State<D>>,
  events: ReadonlyArray<Decider.Read<D>>,
  recorded: RecordedEvent
): Loaded<Decider.State<D>> => {
  const { stream, version, position } = recorded
  let state = before
  for (const event of events) {
    state = guard({ decider, during: "evolve", tag: event._tag, stream, version }, () => decider.evolve(state, event))
  }
  return { state, version, position }
}
