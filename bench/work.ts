/**
 * Work that takes long without keeping a processor busy, done inline: the server sleeps.
 */
import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { Projection } from "eventfold"
import { Booked } from "./rows.ts"

/** Each event takes as many milliseconds as its amount. */
export const workProjection = Projection.handler({
  name: "work",
  version: 1,
  mode: "inline",
  events: Booked,
  tables: { handled: "(id uuid PRIMARY KEY)" },
  handle: Effect.fnUntraced(function* (events, { table }) {
    const sql = yield* SqlClient.SqlClient
    for (const { event, id } of events) {
      const work = event.amount / 1000
      yield* sql.unsafe(`INSERT INTO ${table("handled")} SELECT $1::uuid FROM pg_sleep($2::double precision)`, [
        id,
        work
      ])
    }
  })
})

/** What a process is told to do: to append to a stream of each key, and through a store of its own for each. */
export const Task = Schema.fromJsonString(
  Schema.Struct({
    url: Schema.String,
    schema: Schema.String,
    category: Schema.String,
    keys: Schema.Array(Schema.String),
    /** How long to append, and how long the work of each event takes, in milliseconds. */
    millis: Schema.Int,
    work: Schema.Int
  })
)

/** What a process has done: how long each append took. */
export const Answer = Schema.Array(Schema.Finite)

/** How many appends a store makes, to another stream, before it is ready. */
export const warmUps = 50
