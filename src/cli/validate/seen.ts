/**
 * An event as a validation sees it.
 */
import type { RecordedEvent } from "../../RecordedEvent.ts"
import * as StreamName from "../../StreamName.ts"
import type { Place } from "./findings.ts"

/** Where events are from: of a log that a store has more can be said than of a file, which may have a part of one. */
export type Kind = "file" | "store"

/** An event that may have any text for the name of its stream. */
export type AnyEvent = Omit<RecordedEvent, "stream"> & { readonly stream: string }

export interface Seen {
  readonly event: AnyEvent
  /** The line of a file, or the position in a store. */
  readonly at: number
  readonly place: () => Place
  /** No fewer bytes than its data and metadata have, where that is known. */
  readonly mostBytes: number | undefined
  /** How many lines before it were no event. */
  readonly broken: number
}

/** Whether its stream can have this name. */
export const isRecorded = (event: AnyEvent): event is RecordedEvent => StreamName.problem(event.stream) === undefined
