/**
 * The form in which events are exported: a file of JSON lines, one event as recorded on each, in the order of their positions.
 */
import * as DateTime from "effect/DateTime"
import * as Schema from "effect/Schema"
import type { RecordedEvent } from "../../RecordedEvent.ts"

const place = Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))

/** An event as recorded, as JSON. */
export const Line = Schema.Struct({
  position: place,
  stream: Schema.NonEmptyString,
  version: place,
  id: Schema.NonEmptyString,
  type: Schema.NonEmptyString,
  schemaVersion: place,
  recordedAt: Schema.DateTimeUtcFromString,
  data: Schema.Json,
  tags: Schema.Array(Schema.String),
  metadata: Schema.Record(Schema.String, Schema.Json)
})

export const decodeLine = Schema.decodeUnknownResult(Schema.fromJsonString(Line))

/** An event as JSON, with its fields in the order in which people read them. */
export const lineOf = (event: RecordedEvent): Schema.JsonObject => {
  const { data, id, metadata, position, recordedAt, schemaVersion, stream, tags, type, version } = event
  // Metadata that is not there is left out.
  const kept: { readonly [field: string]: Schema.Json } = JSON.parse(JSON.stringify(metadata))
  return {
    position,
    stream,
    version,
    id,
    type,
    schemaVersion,
    recordedAt: DateTime.formatIso(recordedAt),
    data,
    tags,
    metadata: kept
  }
}
