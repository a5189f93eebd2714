/**
 * The rows that everything is measured with: 200 bytes of data and 100 bytes of metadata each, as JSON.
 */
import { Schema } from "effect"
import { uuidV7Unsafe } from "effect/crypto/SecureRandom"
import { Event, type EventStore, type StreamName } from "eventfold"

/** What the events are decoded with. */
export const Booked = Event.define({
  Booked: { account: Schema.String, amount: Schema.Int, note: Schema.String }
})

/** An event, and where it goes. */
export interface Row {
  readonly stream: StreamName.StreamName
  readonly version: number
  readonly event: EventStore.EventToAppend
}

/** The rows of one stream, by version. */
export type Lane = ReadonlyArray<Row>

const dataBytes = 200
const metadataBytes = 100

/** A JSON object of just so many bytes, filled up in its last field. */
const filled = <A extends { readonly note: string }>(object: A, bytes: number): A => ({
  ...object,
  note: "n".repeat(bytes - JSON.stringify(object).length)
})

/** An event of a stream. */
export const bookedEvent = (stream: string, amount: number): EventStore.EventToAppend => ({
  id: uuidV7Unsafe(),
  type: "Booked",
  schemaVersion: 1,
  data: filled({ account: stream, amount, note: "" }, dataBytes),
  tags: [],
  metadata: filled({ correlationId: uuidV7Unsafe(), note: "" }, metadataBytes)
})

/**
 * Some streams of a category, each with so many events of amounts 1, 2, 3... The ids rise across the streams: the first event of
 * each, then the second of each, about as the events are going to be appended.
 */
export const lanes = (category: string, streams: number, each: number): ReadonlyArray<Lane> => {
  const made = Array.from({ length: streams }, (_, i) => ({
    stream: `${category}-${i + 1}` as const,
    rows: new Array<Row>()
  }))
  for (let version = 1; version <= each; version++) {
    for (const { stream, rows } of made) rows.push({ stream, version, event: bookedEvent(stream, version) })
  }
  return made.map(({ rows }) => rows)
}

/** All rows, in the order of their ids. */
export const inOrder = (all: ReadonlyArray<Lane>): ReadonlyArray<Row> =>
  (all[0] ?? []).flatMap((_, i) => all.flatMap((lane) => lane[i] ?? []))

/** What the amounts 1, 2, 3... of so many events come to. */
export const sumOf = (events: number): number => (events * (events + 1)) / 2
