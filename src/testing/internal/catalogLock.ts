/**
 * The lock file of a catalog: what is published, with samples and what they were read as. JSON in a stable order, so that its
 * changes can be read in a review.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Event from "../../Event.ts"
import { toText } from "../SpecFailure.ts"
import { CatalogFailure } from "./catalogFailure.ts"
import { extend, type Reading, readingOf, rewritten, samplesOf } from "./catalogSamples.ts"

/** The format that this code writes. It is raised when older code could not read what is written. */
const format = 1

const about =
  "What is published of the stored events: written by Catalog.check of eventfold/testing, and to be committed. Do not edit."

const Sample = Schema.Struct({
  stored: Schema.Json,
  reads: Schema.Union([
    Schema.Struct({
      events: Schema.Array(Schema.Struct({ type: Schema.String, schemaVersion: Schema.Int, data: Schema.Json }))
    }),
    Schema.Struct({ problem: Schema.String })
  ])
})

const JsonObject = Schema.Record(Schema.String, Schema.Json)

const LockVersion = Schema.Struct({
  version: Schema.Int,
  fingerprint: Schema.String,
  schema: JsonObject,
  checks: Schema.Array(Schema.String),
  samples: Schema.Array(Sample)
})

const LockType = Schema.Struct({
  type: Schema.String,
  readAs: Schema.NullOr(Schema.String),
  versions: Schema.Array(LockVersion)
})

const Lock = Schema.Struct({
  about: Schema.String,
  format: Schema.Int,
  types: Schema.Array(LockType),
  ignored: Schema.Array(Schema.String)
})

export interface Lock extends Schema.Schema.Type<typeof Lock> {}
export type LockVersion = typeof LockVersion.Type
export type LockType = typeof LockType.Type

/** The text of a lock file. */
export const render = (lock: Lock): string => `${toText(lock)}\n`

const decodeFormat = Schema.decodeUnknownEffect(Schema.Struct({ format: Schema.Int }))
const decodeLock = Schema.decodeUnknownEffect(Lock)

/** The lock of a file's text, or where it is damaged. */
export const parse = Effect.fnUntraced(function* (file: string, text: string) {
  const damaged = (problem: string) => new CatalogFailure({ reason: "Damaged", file, problems: [problem] })
  const json = yield* Effect.try({
    try: (): unknown => JSON.parse(text),
    catch: (error) => damaged(`it is not JSON: ${error instanceof Error ? error.message : String(error)}`)
  })
  const found = yield* Effect.mapError(decodeFormat(json), ({ message }) => damaged(`it is no lock file: ${message}`))
  if (found.format !== format) {
    const which = found.format > format ? `it was written by a newer eventfold: ` : ""
    return yield* damaged(`${which}its format is ${found.format}, and this code reads ${format}`)
  }
  return yield* Effect.mapError(decodeLock(json), ({ message }) => damaged(message))
})

export const empty: Lock = { about, format, types: [], ignored: [] }

const keyOf = (stored: Schema.Json): string => toText(stored)

/**
 * The lock of a set of definitions: of what is published already it keeps the samples that can be read, and adds what new schemas
 * need.
 */
export const freeze = Effect.fnUntraced(function* <E extends Event.Tagged>(
  definitions: Event.Definitions<E>,
  before: Lock,
  file: string
) {
  const { types, ignored } = Event.catalog(definitions)
  const frozen: Array<LockType> = []
  for (const { type, readAs, versions } of types) {
    const known = before.types.find((one) => one.type === type)
    const frozenVersions: Array<LockVersion> = []
    for (const { version, fingerprint, schema, checks } of versions) {
      const codec = definitions.stored.get(type)!.schemas[version - 1]!
      const old = known?.versions.find((one) => one.version === version)
      const stored = (old?.samples ?? []).flatMap((sample) =>
        extend(rewritten(codec, sample.stored), sample.stored) ? [sample.stored] : []
      )
      if (old?.fingerprint !== fingerprint || stored.length === 0) {
        const isRead = (one: Schema.Json) => "events" in readingOf(definitions, type, version, one)
        const made = yield* Effect.mapError(samplesOf(type, version, codec, schema, isRead), (problem) => {
          const what = `${type}, version ${version}: ${problem}`
          return new CatalogFailure({ reason: "NoSamples", file, problems: [what] })
        })
        const keys = new Set(stored.map(keyOf))
        stored.push(...made.filter((one) => !keys.has(keyOf(one))))
      }
      const samples = stored.map((one) => ({ stored: one, reads: readingOf(definitions, type, version, one) }))
      frozenVersions.push({ version, fingerprint, schema, checks, samples: withoutRepeated(samples) })
    }
    frozen.push({ type, readAs, versions: frozenVersions })
  }
  return { ...empty, types: frozen, ignored } satisfies Lock
})

/** Of the samples that cannot be read for the same reason, one is enough. */
const withoutRepeated = <S extends { readonly reads: Reading }>(samples: ReadonlyArray<S>): ReadonlyArray<S> => {
  const problems = new Set<string>()
  return samples.filter(({ reads }) => {
    if (!("problem" in reads)) return true
    const isNew = !problems.has(reads.problem)
    problems.add(reads.problem)
    return isNew
  })
}
