/**
 * Appends in one transaction with what inline projections make of them.
 *
 * The transaction says which generations it takes care of, in a setting that ends with it. The function that appends compares
 * that with the live inline generations, under the log's lock, under which generations take over: so no event that one of them
 * handles is stored without it.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { StoreError } from "../../EventStore.ts"
import type { ProjectionStore } from "../../ProjectionStore.ts"
import { inlineSetting } from "../schema/log.ts"
import { type Access, idleFor, transaction } from "./access.ts"

/**
 * How long such a transaction may be idle: once it has appended it holds the lock of the log, and everybody else who appends
 * waits for it. A handler that waits for something outside of the database for as long is not for inline.
 */
const patience = "interval '10 seconds'"

export const inline = (access: Access): Pick<ProjectionStore["Service"], "withInline"> => {
  const { changed, query, schema, sql } = access
  const setting = inlineSetting(schema)

  /** Adds to what is said already, and gives what that was. */
  const say = (generations: ReadonlyArray<number>, isNested: boolean) =>
    Effect.map(
      query<{ readonly before: string }>(
        `SELECT before, set_config('${setting}', concat_ws(',', nullif(before, ''), $1::text), true)${
          isNested ? "" : `, ${idleFor(patience)}`
        }
FROM coalesce(current_setting('${setting}', true), '') AS before`,
        [generations.join(",")]
      ),
      ([row]) => row!.before
    )

  /** What is said in a savepoint lasts until the end of the whole transaction, unless that savepoint is rolled back. */
  const sayAgain = (before: string) => query(`SELECT set_config('${setting}', $1::text, true)`, [before])

  const announced = Effect.fnUntraced(function* <A, E, R>(
    generations: ReadonlyArray<number>,
    work: Effect.Effect<A, E, R>
  ) {
    const outer = yield* Effect.serviceOption(sql.transactionService)
    const isNested = Option.exists(outer, ([, depth]) => depth > 0)
    const before = generations.length === 0 ? undefined : yield* say(generations, isNested)
    const answer = yield* work
    if (before !== undefined && isNested) yield* sayAgain(before)
    yield* changed
    return answer
  })

  return {
    withInline: <A, E, R>(
      generations: ReadonlyArray<number>,
      work: Effect.Effect<A, E, R>
    ): Effect.Effect<A, E | StoreError, R> => transaction(access, announced(generations, work))
  }
}
