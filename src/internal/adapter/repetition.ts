/**
 * Whether an append repeats an earlier one: the same for every store.
 */
import type * as DateTime from "effect/DateTime"
import { type Appended, isExpected } from "../../EventStore.ts"
import type { CheckedWrite } from "./request.ts"

/** Where an event is stored. */
export interface Place {
  readonly stream: string
  readonly version: number
  readonly position: number
  readonly recordedAt: DateTime.Utc
}

/**
 * The answer that was given before, if the events of an append are stored already: all of them, and just where it would have put
 * them. `find` gives the place of a stored event by its id.
 */
export const findStored = (
  writes: ReadonlyArray<CheckedWrite>,
  find: (id: string) => Place | undefined
): Appended | undefined => {
  const places = writes.map(({ events }) => events.map(({ id }) => find(id)))
  let position = places[0]?.[0]?.position ?? 0
  const isInPlace = writes.every(({ stream, expected }, i) => {
    const before = (places[i]![0]?.version ?? 0) - 1
    return (
      isExpected(expected, before) &&
      places[i]!.every(
        (place, j) => place?.stream === stream && place.version === before + 1 + j && place.position === position++
      )
    )
  })
  if (!isInPlace) return undefined
  const last = places.map((ofWrite) => ofWrite[ofWrite.length - 1]!)
  const { position: final, recordedAt } = last[last.length - 1]!
  return { position: final, versions: last.map(({ version }) => version), recordedAt, repeated: true }
}
