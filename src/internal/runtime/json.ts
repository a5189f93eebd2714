import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { firstIssue } from "../kernel/versions.ts"

/** Whether a schema is that of a struct, whose fields have schemas of their own. */
export const isStruct = (
  schema: unknown
): schema is { readonly fields: { readonly [field: string]: Schema.Codec<unknown, unknown> } } =>
  Predicate.hasProperty(schema, "fields") && Predicate.isObject(schema.fields)

/** As deep as what is appended may be. Who walks through more than that, may run out of stack. */
const maxDepth = 500

const isTooDeep = (json: Schema.Json): boolean => {
  let level = [json]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > maxDepth) return true
    level = level.flatMap((value) => (typeof value === "object" && value !== null ? Object.values(value) : []))
  }
  return false
}

/**
 * Values as the JSON that their schema writes: just what JSON text keeps of it. Where a schema refuses a value, the first thing it objects to,
 * with a path written `items[0].price`.
 */
export const jsonOf = (
  schema: Schema.Codec<unknown, unknown>
): ((value: unknown) => Result.Result<Schema.Json, { readonly path: string; readonly problem: string }>) => {
  const compile = () => Schema.encodeUnknownResult(Schema.toCodecJson(schema))
  let encode: ReturnType<typeof compile> | undefined
  return (value) => {
    try {
      encode ??= compile()
      const encoded = Result.mapError(encode(value), firstIssue)
      if (Result.isFailure(encoded)) return Result.fail(encoded.failure)
      const json: Schema.Json = JSON.parse(JSON.stringify(encoded.success))
      if (!isTooDeep(json)) return Result.succeed(json)
      return Result.fail({ path: "", problem: `it is nested more than ${maxDepth} levels deep` })
    } catch (error) {
      return Result.fail({ path: "", problem: `the schema threw ${String(error)}` })
    }
  }
}
