/**
 * The flag that says what the metadata of the events that are meant has.
 */
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Flag from "effect/cli/Flag"
import { equals } from "../../memory/comparing.ts"
import type { RecordedEvent } from "../../RecordedEvent.ts"

/** A field, and the value that it has. */
export type Field = readonly [name: string, value: Schema.Json]

const decodeJson = Schema.decodeUnknownResult(Schema.fromJsonString(Schema.Json))

/** `field=value`: the value is JSON where it can be read as such, and a text otherwise. What has no name is no field. */
export const fieldOf = (text: string): Field | undefined => {
  const equals = text.indexOf("=")
  if (equals < 1) return undefined
  const value = text.slice(equals + 1)
  return [text.slice(0, equals), Result.getOrElse(decodeJson(value), () => value)]
}

/** Whether the metadata of an event has all of some fields, each with just that value: as a search for them finds it. */
export const hasMetadata =
  (fields: ReadonlyArray<Field>) =>
  ({ metadata }: Pick<RecordedEvent, "metadata">): boolean =>
    Object.entries(Object.fromEntries(fields)).every(
      ([name, value]) => Object.hasOwn(metadata, name) && equals(metadata[name], value)
    )

export const metadataFlag: Flag.Flag<ReadonlyArray<Field>> = Flag.String("meta").pipe(
  Flag.withMetavar("field=value"),
  Flag.withDescription(
    "Events whose metadata has just this value, JSON or else a text, in this field. Repeat it for all of several"
  ),
  Flag.filterMap(
    (text) => Option.fromUndefinedOr(fieldOf(text)),
    (text) => `${text} is not written as field=value`
  ),
  Flag.atLeast(0)
)
