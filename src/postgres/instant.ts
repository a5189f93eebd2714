import * as DateTime from "effect/DateTime"

/** The last instant that a `Date` can be. */
const last = DateTime.makeUnsafe(8.64e15)

/**
 * The instant of a timestamptz. One that no `Date` can be, as `infinity` is or a year beyond 275760, is none for the client: nothing but
 * damage brings it about, and it is taken as the last instant there is.
 */
export const instantOf = (read: Date): DateTime.Utc =>
  Number.isNaN(read.getTime()) ? last : DateTime.fromDateUnsafe(read)
