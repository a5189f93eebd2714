/**
 * Every failure of a server is an error of the port, with the reason that it should have.
 */
import { assert, layer } from "@effect/vitest"
import { Cause, Effect, Exit } from "effect"
import { sqlStates } from "../../../src/postgres/sqlErrors.ts"
import { provocations } from "../support/provocations.ts"
import { live, Victim } from "../support/victim.ts"

layer(Victim.layer, live)("the PostgreSQL store", (it) => {
  it.effect("knows no SQLSTATE that is not provoked here", () =>
    Effect.sync(() => {
      const provoked = new Set(provocations.map(({ state }) => state))
      // The server names no state of class 08 by itself: a connection that is lost names none at all.
      const missing = sqlStates.map(([state]) => state).filter((state) => state !== "08" && !provoked.has(state))
      assert.deepStrictEqual(missing, [])
      for (const { reason, state } of provocations) {
        if (state !== undefined) assert.strictEqual(sqlStates.find(([known]) => known === state)?.[1], reason)
      }
    })
  )

  for (const { name, reason, run, state } of provocations) {
    it.effect(`fails with ${reason} on ${name}`, () =>
      Effect.gen(function* () {
        const { admin, server } = yield* Victim
        const exit = yield* Effect.exit(run({ admin, url: server.url }))
        if (Exit.isSuccess(exit)) return assert.fail("it did not fail")
        assert.isFalse(Cause.hasDies(exit.cause), Cause.pretty(exit.cause))
        const error: unknown = Cause.squash(exit.cause)
        assert.deepInclude(error, { _tag: "StoreError", reason })
        if (state !== undefined) assert.match(String(error), new RegExp(`SQLSTATE ${state}`))
      })
    )
  }
})
