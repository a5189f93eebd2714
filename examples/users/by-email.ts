/**
 * 8. A table: users by e-mail address, such as for signing in. The database holds the address unique, and finds it by an index.
 *
 * It is not what keeps two users from having the same address: it comes after the events. That is for `address.ts`. What the table's own
 * constraint says is that a read model in which two users have one would be wrong, and must not be shown.
 */
import { Effect, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import { Projection } from "eventfold"
import { rowsOf } from "./changes.ts"
import { Email, Name, UserEvent, UserId } from "./events.ts"

/**
 * In one partition, so that all is in the order of the log: an address is left by one user before another one has it. Within a batch
 * there is no order, hence DEFERRABLE: unique is what a statement leaves behind, and not each of its rows. Otherwise such a batch would fail, and
 * be handled again as two smaller ones, and so on.
 */
export const usersByEmail = Projection.handler({
  name: "users-by-email",
  version: 1,
  events: UserEvent,
  tables: {
    users: `(
      id text PRIMARY KEY,
      email text NOT NULL UNIQUE DEFERRABLE,
      name text NOT NULL,
      is_active boolean NOT NULL
    )`
  },
  handle: Effect.fnUntraced(function* (events, { table }) {
    const sql = yield* SqlClient.SqlClient
    const users = sql.literal(table("users"))
    yield* sql`
      INSERT INTO ${users} (id, email, name, is_active)
      SELECT id, coalesce(new.email, old.email), coalesce(new.name, old.name), coalesce(new.is_active, old.is_active)
      FROM jsonb_to_recordset(${rowsOf(events)}::jsonb) AS new (id text, email text, name text, is_active boolean)
      LEFT JOIN ${users} AS old USING (id)
      ON CONFLICT (id) DO UPDATE SET (email, name, is_active) = (excluded.email, excluded.name, excluded.is_active)`
  })
})

export class UsersByEmail extends Projection.Service<UsersByEmail>()("users/ByEmail", usersByEmail) {}

export const Account = Schema.Struct({ id: UserId, email: Email, name: Name, is_active: Schema.Boolean })
export type Account = typeof Account.Type

/** The user who has an address, if anybody has. */
export const findByEmail = Effect.fn("users.findByEmail")(function* (email: string) {
  const sql = yield* SqlClient.SqlClient
  const { table } = yield* UsersByEmail
  const find = SqlSchema.findOneOption({
    Request: Schema.String,
    Result: Account,
    execute: (email) => sql`SELECT * FROM ${sql.literal(table("users"))} WHERE email = ${email}`
  })
  return yield* find(email)
})
