/**
 * What a codec can fail with.
 */
import * as Schema from "effect/Schema"

/**
 * A stored event that this code cannot read. Nothing is lost: the event stays in the log as it is, and newer code, or a
 * definition that knows it, will read it. Retrying does not help.
 */
export class DecodeError extends Schema.TaggedError<DecodeError>("eventfold/DecodeError")("DecodeError", {
  /** Why: `UnknownType`, `UnknownVersion`, `InvalidData` or `UpcastFailed`, as `Event.DecodeReason` explains them. */
  reason: Schema.Literals(["UnknownType", "UnknownVersion", "InvalidData", "UpcastFailed"]),
  /** The id of the event. */
  eventId: Schema.String,
  /** The stream that it is in. */
  stream: Schema.String,
  /** Its place in the stream. */
  // A damaged row can hold any number, and the error must be able to say so.
  // @effect-diagnostics-next-line schemaNumber:off
  version: Schema.Number,
  /** Its place in the log. */
  // @effect-diagnostics-next-line schemaNumber:off
  position: Schema.Number,
  /** Its type, as stored. */
  type: Schema.String,
  /** The version of the type's schema that it was stored with. */
  // @effect-diagnostics-next-line schemaNumber:off
  schemaVersion: Schema.Number,
  /** Where in its data, such as `items[0].price`. Empty for the data as a whole. */
  path: Schema.String,
  /** What is wrong there. */
  problem: Schema.String
}) {
  override get message(): string {
    const where = this.path === "" ? "" : ` at ${this.path}`
    return (
      `${this.type} (schema version ${this.schemaVersion}) in stream ${this.stream} at version ${this.version}, ` +
      `position ${this.position}, does not decode: ${this.reason}${where}: ${this.problem}`
    )
  }
}

/**
 * An event that its own schema refuses to store: a number that is not finite, a field the schema does not know, a check
 * that does not hold. The domain that made it is wrong.
 */
export class EncodeError extends Schema.TaggedError<EncodeError>("eventfold/EncodeError")("EncodeError", {
  /** The type of the event. */
  type: Schema.String,
  /** Where in the event, such as `items[0].price`. Empty for the event as a whole. */
  path: Schema.String,
  /** What its schema objects to. */
  problem: Schema.String
}) {
  override get message(): string {
    return `${this.type} cannot be stored${this.path === "" ? "" : `: ${this.path}`}: ${this.problem}`
  }
}
