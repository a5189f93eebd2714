/**
 * A log in a schema of its own, made for a measurement and gone after it, however that ends.
 */
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type * as Stdio from "effect/Stdio"
import { EventStore, type StoreError } from "../../EventStore.ts"
import * as PostgresEventStore from "../../postgres/PostgresEventStore.ts"
import { quoted } from "../../postgres/schema/names.ts"
import * as Output from "../output/Output.ts"
import type { Stores } from "./scenarios.ts"

/** How every schema of a measurement begins: by it those of one that was killed can be found. */
export const prefix = "eventfold_bench_"

/** Two stores over a new log, for as long as the scope. */
export const inOwnSchema = Effect.gen(function* (): Effect.fn.Return<
  Stores,
  StoreError,
  PgClient.PgClient | Scope.Scope | Stdio.Stdio
> {
  const sql = yield* PgClient.PgClient
  const schema = prefix + crypto.randomUUID().replaceAll("-", "")
  const statement = `DROP SCHEMA IF EXISTS ${quoted(schema)} CASCADE`
  const drop = Effect.retry(sql.unsafe(statement), { schedule: Schedule.spaced("200 millis"), times: 5 })
  // Registered first, so that it is done last, when the stores are closed.
  yield* Effect.addFinalizer(() =>
    Effect.catchCause(Effect.asVoid(drop), () =>
      Effect.ignore(
        Output.say(`the schema ${schema} is left over: when the server is there again, run\n  ${statement}`)
      )
    )
  )
  const storeOf = (migrate: boolean) =>
    Effect.map(Layer.build(Layer.fresh(PostgresEventStore.layer({ schema, migrate }))), Context.get(EventStore))
  // Interrupted in the middle it might still make the schema after that was dropped.
  const store = yield* Effect.uninterruptible(storeOf(true))
  return { store, other: yield* storeOf(false) }
})
