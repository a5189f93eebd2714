/**
 * Why the embedded database could not be opened.
 */
import * as Schema from "effect/Schema"

/**
 * - `InUse`: another client holds the folder, in this process or in another one;
 * - `Unusable`: the folder cannot be made, read or written, or holds something else;
 * - `Failed`: PostgreSQL itself did not start: a damaged database, one of another major version, no memory.
 */
export class EmbeddedError extends Schema.TaggedError<EmbeddedError>("eventfold/EmbeddedError")("EmbeddedError", {
  /** Why, in a word. */
  reason: Schema.Literals(["InUse", "Unusable", "Failed"]),
  /** The folder, if the database is in one. */
  dataDir: Schema.optionalKey(Schema.String),
  /** What is wrong, and what to do about it. */
  problem: Schema.String
}) {
  override get message(): string {
    return `embedded database${this.dataDir === undefined ? "" : ` in ${this.dataDir}`}: ${this.problem}`
  }
}
