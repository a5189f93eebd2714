/**
 * 9. Full-text search: active users by the words of their names and bios, with PostgreSQL's own means. The best come first.
 *
 * A row is a user's texts, and the `document` that PostgreSQL makes of them: which words there are, and where. There are two versions. The first takes
 * words as they are written; the second also knows that who gardens likes gardening. To go from one to the other, events are read again:
 * see `upgrade.ts`.
 */
import { Effect, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import { Projection } from "eventfold"
import { rowsOf } from "./changes.ts"
import { UserEvent, UserId } from "./events.ts"

/**
 * What is searched, by version. Names are not of any language: in English "Will May" would be no words at all. So they are taken as they are, with the
 * most weight (A); then bios (B). In version 2 bios are English, and so, with the least weight (D), are names: a question that is about
 * both is asked in one language.
 */
const documents = {
  1: "setweight(to_tsvector('simple', name), 'A') || setweight(to_tsvector('simple', bio), 'B')",
  2: "setweight(to_tsvector('simple', name), 'A') || setweight(to_tsvector('english', bio), 'B') || to_tsvector('english', name)"
}

/** The names of all versions are the same: they are one read model, as it was and as it will be. */
const userSearch = (version: keyof typeof documents) =>
  Projection.handler({
    name: "user-search",
    version,
    events: UserEvent,
    tables: {
      users: `(
        id text PRIMARY KEY,
        name text NOT NULL,
        bio text NOT NULL,
        is_active boolean NOT NULL,
        document tsvector NOT NULL GENERATED ALWAYS AS (${documents[version]}) STORED
      )`
    },
    handle: Effect.fnUntraced(function* (events, { table }) {
      const sql = yield* SqlClient.SqlClient
      const users = sql.literal(table("users"))
      // CREATE TABLE makes no index of this kind: the first batch does, in the transaction that it is handled in.
      const indexes = yield* sql`SELECT FROM pg_index WHERE indrelid = ${table("users")}::regclass AND NOT indisprimary`
      if (indexes.length === 0) yield* sql`CREATE INDEX ON ${users} USING gin (document)`
      yield* sql`
        INSERT INTO ${users} (id, name, bio, is_active)
        SELECT id, coalesce(new.name, old.name), coalesce(new.bio, old.bio), coalesce(new.is_active, old.is_active)
        FROM jsonb_to_recordset(${rowsOf(events)}::jsonb) AS new (id text, name text, bio text, is_active boolean)
        LEFT JOIN ${users} AS old USING (id)
        ON CONFLICT (id) DO UPDATE SET (name, bio, is_active) = (excluded.name, excluded.bio, excluded.is_active)`
    })
  })

export const userSearch1 = userSearch(1)
export const userSearch2 = userSearch(2)

/** As it was first written. */
export class UserSearch1 extends Projection.Service<UserSearch1>()("users/Search1", userSearch1) {}

/** As it is today. What is read is whatever version is live. */
export class UserSearch extends Projection.Service<UserSearch>()("users/Search", userSearch2) {}

export const Hit = Schema.Struct({
  id: UserId,
  name: Schema.String,
  /** What of the bio fits, the words that were found in brackets. */
  excerpt: Schema.String,
  /** The greater, the better. */
  rank: Schema.Finite
})
export type Hit = typeof Hit.Type

const Asked = Schema.Struct({ text: Schema.String, weights: Schema.String, limit: Schema.Int })

/** What people type is never syntax that could be wrong: PostgreSQL takes it as words. */
const words = {
  /** All words, `"words in a row"`, `this or that`, `-without`, as they are written. */
  asWritten: "websearch_to_tsquery('simple', asked)",
  /** The same in any form of the words, without those that every English text has, such as "will". */
  inEnglish: "websearch_to_tsquery('simple', asked) || websearch_to_tsquery('english', asked)",
  /** All words, of which the last is not at its end yet. */
  begun: "(nullif(plainto_tsquery('simple', asked)::text, '') || ':*')::tsquery"
}

/** The weights of what is looked at, and how that is searched for words. */
const parts = {
  name: { weights: "{a}", query: words.asWritten },
  bio: { weights: "{b}", query: words.inEnglish },
  either: { weights: "{a,b,d}", query: words.inEnglish }
}

export interface SearchOptions {
  readonly within?: keyof typeof parts
  /** 10 by default. */
  readonly limit?: number
}

const search = Effect.fnUntraced(function* (query: string, weights: string, text: string, limit: number) {
  const sql = yield* SqlClient.SqlClient
  const { table } = yield* UserSearch
  // The first condition is what the index answers; the second looks at what it has found.
  const find = SqlSchema.findAll({
    Request: Asked,
    Result: Hit,
    execute: ({ text, weights, limit }) => sql`
      SELECT id, name, ts_headline('english', bio, query, 'StartSel=[, StopSel=]') AS excerpt, ts_rank(document, query) AS rank
      FROM (SELECT ${text}::text AS asked) AS a, LATERAL (SELECT ${sql.literal(query)} AS query) AS q, ${sql.literal(table("users"))}
      WHERE document @@ query AND ts_filter(document, ${weights}::"char"[]) @@ query AND is_active
      ORDER BY rank DESC, name, id
      LIMIT ${limit}`
  })
  return yield* find({ text, weights, limit })
})

/** Searches for words. */
export const searchUsers = (text: string, { within = "either", limit = 10 }: SearchOptions = {}) =>
  search(parts[within].query, parts[within].weights, text, limit)

/** Searches for what begins as what has been typed so far, such as after each letter. */
export const completeUsers = (text: string, { within = "either", limit = 10 }: SearchOptions = {}) =>
  search(words.begun, parts[within].weights, text, limit)
