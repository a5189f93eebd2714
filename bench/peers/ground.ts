/**
 * Where scenarios take place: databases of one server.
 */
import { PgClient } from "@effect/sql-pg"
import { Effect, type Scope } from "effect"
import type { SqlError } from "effect/sql"

/** What a scenario needs of a server. */
export interface Ground {
  /** A new database with settings of its own, gone at the end of the scope whoever is connected to it: the url of it. */
  readonly database: (
    settings: Readonly<Record<string, string>>
  ) => Effect.Effect<string, SqlError.SqlError, Scope.Scope>
  /** Has everything written that the server still holds back, so that nobody pays for the one before. */
  readonly settle: Effect.Effect<void, SqlError.SqlError>
}

/** The databases of a server. */
export const make = (url: string): Effect.Effect<Ground, never, PgClient.PgClient> =>
  Effect.map(PgClient.PgClient, (sql) => {
    const say = (statement: string) => Effect.asVoid(sql.unsafe(statement).unprepared)
    let made = 0
    return {
      database: Effect.fnUntraced(function* (settings) {
        const name = `peers_${++made}`
        yield* Effect.acquireRelease(say(`CREATE DATABASE ${name}`), () =>
          Effect.ignore(say(`DROP DATABASE ${name} WITH (FORCE)`))
        )
        for (const [setting, value] of Object.entries(settings)) {
          yield* say(`ALTER DATABASE ${name} SET ${setting} = '${value}'`)
        }
        const its = new URL(url)
        its.pathname = `/${name}`
        return its.href
      }),
      settle: say("CHECKPOINT")
    }
  })
