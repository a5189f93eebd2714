import * as DateTime from "effect/DateTime"

/** The last instant that a `Date` can be. */
const last = DateTime.makeUnsafe(8.64e15)

/**
 * An instant as the database reads it, to be cast from a text: the client's own way to send one is exact until the year 2255.
 */
export const textOf = (instant: DateTime.Utc): string =>
  // A year of more than four digits has a sign, and zeros, that the database does not know.
  DateTime.toDateUtc(instant).toISOString().replace(/^\+0*/, "")

/**
 * The instant of a timestamptz. One that no `Date` can be, as `infinity` is or a year beyond 275760, is none for the client: nothing but
 * damage brings it about, and it is taken as the last instant there is.
 */
export const instantOf = (read: Date): DateTime.Utc =>
  Number.isNaN(read.getTime()) ? last : DateTime.fromDateUnsafe(read)
