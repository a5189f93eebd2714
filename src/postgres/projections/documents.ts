/**
 * Documents, as those who write them see them.
 */
import * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import type { SqlError } from "effect/sql/SqlError"
import type { StoreError } from "../../EventStore.ts"
import type { Changes, Documents, ProjectionStore } from "../../ProjectionStore.ts"
import { textProblem } from "../../StreamName.ts"
import { quoted } from "../schema/names.ts"
import { fromSqlError } from "../sqlErrors.ts"
import { type Access, codeOf, invalid } from "./access.ts"

type Kept = Pick<ProjectionStore["Service"], "documents" | "save" | "tableOf" | "liveTable">

/** What a statement that saves carries at most. */
const mostDocuments = 5000
const mostCharacters = 4 * 1024 * 1024

/** The largest document, as JSON in UTF-8: the client reads no message of more than 16 MiB, and JSON comes back with blanks in it. */
const mostBytes = 8 * 1024 * 1024

/** An index takes no longer keys. */
const mostKeyBytes = 2000

interface Row {
  readonly key: string
  readonly document: Schema.Json
  readonly is_there: boolean
}

const bytesOf = (text: string): number => new TextEncoder().encode(text).length

/** The size of a text, if it can be more than so many bytes at all. */
const isLarger = (text: string, bytes: number): boolean => text.length * 3 > bytes && bytesOf(text) > bytes

const keyProblem = (key: string): string | undefined =>
  isLarger(key, mostKeyBytes) ? `has more than ${mostKeyBytes} bytes in UTF-8` : textProblem(key)

interface Change {
  readonly key: string
  readonly json: string
}

/** Changes in portions that go with one statement each. */
const portionsOf = (changes: ReadonlyArray<Change>): ReadonlyArray<ReadonlyArray<Change>> => {
  const portions: Array<Array<Change>> = []
  let characters = Infinity
  for (const change of changes) {
    const size = change.key.length + change.json.length
    const last = portions[portions.length - 1]
    if (last === undefined || last.length >= mostDocuments || characters + size > mostCharacters) {
      portions.push([change])
      characters = size
    } else {
      last.push(change)
      characters += size
    }
  }
  return portions
}

/** SQLSTATEs of class 22 are about what was given: text that JSON may hold and the database may not. */
const fromSaving = (error: SqlError): StoreError => {
  const failure = fromSqlError(error)
  return codeOf(error)?.startsWith("22") === true ? invalid(`a document cannot be kept: ${failure.problem}`) : failure
}

export const toDocuments = (rows: ReadonlyArray<{ readonly key: string; readonly document: Schema.Json }>): Documents =>
  new Map(rows.map(({ document, key }) => [key, document]))

export const documents = ({ query, s, sql }: Access): Kept => {
  const look = (generation: number, keys: ReadonlyArray<string>) =>
    query<Row>(
      `SELECT key, document, true AS is_there FROM ${s}.projection_documents
WHERE generation = $1::integer AND key = ANY ($2::text[]) AND document IS NOT NULL`,
      [generation, keys]
    )

  const lock = (generation: number, keys: ReadonlyArray<string>) =>
    query<Row>(`SELECT key, document, is_there FROM ${s}.lock_documents($1::integer, $2::text[])`, [generation, keys])

  const checkKeys = (keys: Iterable<string>) =>
    Effect.suspend(() => {
      for (const key of keys) {
        const wrong = keyProblem(key)
        if (wrong !== undefined) return Effect.fail(invalid(`the key of a document ${wrong}`))
      }
      return Effect.void
    })

  const deleting = `WITH gone AS (
  DELETE FROM ${s}.projection_documents d USING (
    SELECT l.key FROM ${s}.projection_documents l WHERE l.generation = $1::integer AND l.key = ANY ($4::text[])
    ORDER BY l.key FOR UPDATE
  ) AS l
  WHERE d.generation = $1::integer AND d.key = l.key
)`
  const saving = `INSERT INTO ${s}.projection_documents (generation, key, document)
SELECT $1::integer, c.key, c.document::jsonb FROM unnest($2::text[], $3::text[]) AS c (key, document)
ORDER BY c.key COLLATE "C"
ON CONFLICT (generation, key) DO UPDATE SET document = EXCLUDED.document`

  const save = (generation: number, portion: ReadonlyArray<Change>, gone: ReadonlyArray<string>) => {
    const parameters = [generation, portion.map(({ key }) => key), portion.map(({ json }) => json)]
    const saved =
      gone.length === 0 ? sql.unsafe(saving, parameters) : sql.unsafe(`${deleting}\n${saving}`, [...parameters, gone])
    return Effect.mapError(saved, fromSaving)
  }

  return {
    documents: Effect.fnUntraced(function* (generation, keys, { lock: isLocking }) {
      const asked = Array.from(new Set(keys))
      yield* checkKeys(asked)
      if (asked.length === 0) return new Map()
      const rows = yield* isLocking ? lock(generation, asked) : look(generation, asked)
      return toDocuments(rows.filter(({ is_there }) => is_there))
    }),

    save: Effect.fnUntraced(function* (generation, changes: Changes) {
      yield* checkKeys(changes.keys())
      const gone: Array<string> = []
      const kept: Array<Change> = []
      for (const [key, document] of changes) {
        if (document === undefined) {
          gone.push(key)
          continue
        }
        const json = JSON.stringify(document)
        if (isLarger(json, mostBytes)) {
          return yield* invalid(`the document of key "${key}" has more than ${mostBytes} bytes as JSON`)
        }
        kept.push({ key, json })
      }
      const [first = [], ...others] = portionsOf(kept)
      if (first.length + gone.length === 0) return
      yield* save(generation, first, gone)
      for (const portion of others) yield* save(generation, portion, [])
    }),

    tableOf: (name, generation, table) => `${s}.${quoted(`${name}_${generation}_${table}`)}`,
    liveTable: (name, table) => `${s}.${quoted(`${name}_${table}`)}`
  }
}
