/**
 * One event type through the years: its chain of schema versions, and how data stored as any of them is read as the newest.
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"

/**
 * The fields of an event: schemas that need no services to decode or encode. `_tag` is the name of the type and no field.
 */
export type Fields = { readonly [field: string]: Schema.ConstraintCodec<unknown, unknown> } & { readonly _tag?: never }

/**
 * A type's chain of schema versions, ending in the shape `Payload`. Built by {@link version} and {@link Version.next}.
 */
export interface Version<out Payload> {
  readonly "~eventfold/Version": VersionChain<Payload>
  /**
   * Adds the next version: its fields, and the pure step that makes the new shape from the one before. The step runs
   * when an event of an older version is read; nothing stored is rewritten.
   */
  next<const F extends Fields>(
    fields: F,
    upcast: (previous: Payload) => Schema.Struct.Type<F>
  ): Version<Schema.Struct.Type<F>>
}

/** Schemas from version 1 up, and the steps between them. */
export interface VersionChain<out Payload> {
  readonly schemas: ReadonlyArray<Schema.Codec<unknown, unknown>>
  readonly upcasts: ReadonlyArray<(previous: never) => unknown>
  readonly Payload: () => Payload
}

/** The shape that a definition ends in. */
export type PayloadOf<V> = V extends Version<infer Payload> ? Payload : V extends Fields ? Schema.Struct.Type<V> : never

/**
 * Why a stored event could not be decoded: its type is unknown to this set of definitions, its schema version is from
 * the future (or no version at all), its data does not fit the schema it was written with, or a step of the chain threw or
 * gave something that does not fit today's schema.
 */
export type DecodeReason = "UnknownType" | "UnknownVersion" | "InvalidData" | "UpcastFailed"

/**
 * What is wrong with a piece of stored data, and where in it. `path` is written `items[0].price`; it is empty for the
 * data as a whole.
 */
export interface DecodeProblem {
  /** Why it could not be decoded. */
  readonly reason: DecodeReason
  /** Where in the data. */
  readonly path: string
  /** What is wrong there. */
  readonly problem: string
}

const toIssues = SchemaIssue.makeFormatterStandardSchemaV1()

/** The first thing that a schema objects to, and where. */
export const firstIssue = (error: Schema.SchemaError): { readonly path: string; readonly problem: string } => {
  const issue = toIssues(error.issue).issues[0]
  const path = (issue?.path ?? [])
    .map((segment) => (typeof segment === "object" ? segment.key : segment))
    .map((key, index) =>
      typeof key === "number" || /^\d+$/.test(String(key))
        ? `[${String(key)}]`
        : `${index === 0 ? "" : "."}${String(key)}`
    )
    .join("")
  return { path, problem: issue?.message ?? error.message }
}

const chain = <Payload>(
  schemas: ReadonlyArray<Schema.Codec<unknown, unknown>>,
  upcasts: ReadonlyArray<(previous: never) => unknown>
): Version<Payload> => ({
  "~eventfold/Version": {
    schemas,
    upcasts,
    Payload: () => {
      throw new Error("exists in types alone")
    }
  },
  next: (fields, upcast) => chain([...schemas, Schema.Struct(fields)], [...upcasts, upcast])
})

/**
 * The first version of an event type. Plain fields in {@link define} are short for this.
 *
 * @example
 * import { Event } from "eventfold"
 * import { Schema } from "effect"
 *
 * Event.version({ owner: Schema.String })
 *   .next({ owner: Schema.String, currency: Schema.String }, (v1) => ({ ...v1, currency: "EUR" }))
 */
export const version = <const F extends Fields>(fields: F): Version<Schema.Struct.Type<F>> =>
  chain([Schema.Struct(fields)], [])

const isVersion = (definition: Version<unknown> | Fields): definition is Version<unknown> =>
  "~eventfold/Version" in definition

/** The chain of a definition, be it fields or versions. */
export const chainOf = (definition: Version<unknown> | Fields): VersionChain<unknown> =>
  (isVersion(definition) ? definition : version(definition))["~eventfold/Version"]

/** Decodes what was stored as some version of a chain, and runs the steps from there to the newest. */
export const decodeChain = <E>(
  { schemas, upcasts }: VersionChain<unknown>,
  toEvents: (payload: never) => ReadonlyArray<E>
): ((data: unknown, schemaVersion: number) => Result.Result<ReadonlyArray<E>, DecodeProblem>) => {
  const decoders = schemas.map((schema) => Schema.decodeUnknownResult(Schema.toCodecJson(schema)))
  const today = Schema.decodeUnknownResult(Schema.toType(schemas[schemas.length - 1]!))
  const invalid = (reason: DecodeReason) => (error: Schema.SchemaError) => ({ reason, ...firstIssue(error) })
  return (data, schemaVersion) => {
    const decode = decoders[schemaVersion - 1]
    if (decode === undefined) {
      const problem = `versions 1 to ${decoders.length} are defined`
      return Result.fail({ reason: "UnknownVersion", path: "", problem })
    }
    let reason: DecodeReason = "InvalidData"
    try {
      const decoded = Result.mapError(decode(data), invalid(reason))
      if (Result.isFailure(decoded)) return Result.fail(decoded.failure)
      let payload: unknown = decoded.success
      reason = "UpcastFailed"
      for (let step = schemaVersion - 1; step < upcasts.length; step++) payload = upcasts[step]!(payload as never)
      if (schemaVersion <= upcasts.length) {
        const checked = Result.mapError(today(payload), invalid("UpcastFailed"))
        if (Result.isFailure(checked)) return Result.fail(checked.failure)
        payload = checked.success
      }
      return Result.succeed(toEvents(payload as never))
    } catch (error) {
      return Result.fail({
        reason,
        path: "",
        problem: `${reason === "InvalidData" ? "the schema" : "a step"} threw ${String(error)}`
      })
    }
  }
}

type Decode<E> = (data: unknown, schemaVersion: number) => Result.Result<ReadonlyArray<E>, DecodeProblem>

/** What a retired type becomes is held against the schemas of today: what they refuse to write must not be read either. */
export const decodeRetired =
  <E extends { readonly _tag: string }>(
    encoders: ReadonlyMap<
      string,
      (event: never) => Result.Result<unknown, { readonly path: string; readonly message: string }>
    >,
    decode: Decode<E>
  ): Decode<E> =>
  (data, schemaVersion) =>
    Result.flatMap(decode(data, schemaVersion), (events) => {
      try {
        for (const event of events) {
          const encoded = encoders.get(event._tag)?.(event as never)
          if (encoded !== undefined && Result.isFailure(encoded)) {
            const { path, message } = encoded.failure
            return Result.fail({ reason: "UpcastFailed" as const, path, problem: message })
          }
        }
        return Result.succeed(events)
      } catch (error) {
        const problem = `what it becomes cannot be written: ${String(error)}`
        return Result.fail({ reason: "UpcastFailed" as const, path: "", problem })
      }
    })
