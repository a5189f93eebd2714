/**
 * How read models are read: documents of the live generation, decoded by the view's schema.
 */
import * as Effect from "effect/Effect"
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { type EventStore, StoreError } from "../../../EventStore.ts"
import type { ProjectionStore } from "../../../ProjectionStore.ts"
import type { Query } from "../../../Query.ts"
import * as View from "../../../View.ts"
import { isStruct } from "../json.ts"
import { documentCodec, wholeKey } from "./documents.ts"

/** The query for everything that a set of definitions can read. */
export const queryOf = (definitions: { readonly stored: ReadonlyMap<string, unknown> }): Query => [
  { types: Array.from(definitions.stored.keys()) }
]

/**
 * A document of the live version is not what this code's view shows: it was written by another version.
 */
export class DocumentDecodeError extends Schema.TaggedError<DocumentDecodeError>("eventfold/DocumentDecodeError")(
  "DocumentDecodeError",
  { projection: Schema.String, key: Schema.String, problem: Schema.String }
) {
  override get message(): string {
    const why =
      "it was written by other code: a changed model needs a higher version, which is read when it has taken over"
    return `projection ${this.projection}, document "${this.key}": ${this.problem}; ${why}`
  }
}

export interface Stores {
  readonly store: ProjectionStore["Service"]
  readonly eventStore: EventStore["Service"]
}

const pageSize = 500

/** Reads documents as models. */
export const makeDocuments = <Model>(
  name: string,
  view: { readonly model: Schema.Codec<Model, unknown> },
  { store }: Stores
) => {
  const codec = documentCodec(view)

  const decodeAll = Effect.fnUntraced(function* (documents: ReadonlyMap<string, Schema.Json>) {
    let models: View.Models<Model> = HashMap.empty()
    for (const [key, document] of documents) models = HashMap.set(models, key, yield* decode(key, document))
    return models
  })

  const decode = (key: string, document: Schema.Json): Effect.Effect<Model, DocumentDecodeError> =>
    Effect.fromResult(
      Result.mapError(
        codec.decode(document),
        ({ message }) => new DocumentDecodeError({ projection: name, key, problem: message })
      )
    )

  const getMany = (keys: ReadonlyArray<string>) => Effect.flatMap(store.read(name, keys), decodeAll)

  /** The fields of a struct as JSON, one by one. */
  const fieldsOf = (where: object): Effect.Effect<{ readonly [field: string]: Schema.Json }, StoreError> =>
    Effect.gen(function* () {
      const fields = isStruct(view.model) ? view.model.fields : {}
      const encoded: Record<string, Schema.Json> = {}
      for (const [field, value] of Object.entries(where)) {
        if (value === undefined) continue
        const schema = fields[field]
        if (schema === undefined) {
          return yield* invalid(`the model of projection ${name} is no struct with a field "${field}" to look for`)
        }
        const result = Schema.encodeUnknownResult(Schema.toCodecJson(schema))(value)
        if (Result.isFailure(result)) return yield* invalid(`field "${field}": ${result.failure.message}`)
        encoded[field] = result.success
      }
      return encoded
    })

  const query = (options: { readonly where: object; readonly after: string | undefined; readonly limit: number }) =>
    Stream.unwrap(
      Effect.map(fieldsOf(options.where), (where) =>
        Stream.paginate({ after: options.after, left: options.limit }, ({ after, left }) =>
          Effect.gen(function* () {
            const limit = Math.min(left, pageSize)
            if (limit <= 0) return [[], Option.none()] as const
            const documents = yield* store.list(name, { after, limit, where })
            const models: Array<readonly [key: string, model: Model]> = []
            for (const [key, document] of documents) models.push([key, yield* decode(key, document)])
            const last = models[models.length - 1]
            const next =
              last === undefined || models.length < limit
                ? Option.none()
                : Option.some({ after: last[0], left: left - models.length })
            return [models, next] as const
          })
        )
      )
    )

  return {
    getMany,
    get: (key: string) => Effect.map(getMany([key]), (models) => HashMap.get(models, key)),
    query
  }
}

const invalid = (problem: string): StoreError => new StoreError({ reason: "InvalidRequest", problem })

/** The one document of a whole view. */
export const makeDocument = <Model>(
  name: string,
  view: { readonly model: Schema.Codec<Model, unknown>; readonly initial: Model },
  stores: Stores
) =>
  Effect.map(
    makeDocuments(name, view, stores).get(wholeKey),
    Option.getOrElse(() => view.initial)
  )
