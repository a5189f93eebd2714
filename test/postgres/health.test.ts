/**
 * Health over a server that is held up, frozen and gone.
 */
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Duration, Effect, Layer, Option } from "effect"
import { Health } from "eventfold"
import { PostgresEventStore } from "eventfold/postgres"
import { startOwnServer } from "../support/server.ts"
import { connect, eventually, holdLock } from "./support/stores.ts"

const schema = "eventfold"

describe("the health of a store on a server", () => {
  it.live("is red while appends are held up, while the server is frozen, and when it is gone; and green again", () =>
    Effect.gen(function* () {
      const server = yield* startOwnServer()
      const configured = ConfigProvider.layer(ConfigProvider.fromEnv({ env: { DATABASE_URL: server.url } }))
      const stores = yield* Layer.build(Layer.provide(PostgresEventStore.layerConfig({ schema }), configured))
      /** In time, whatever happens. */
      const check = Health.check({ timeout: "500 millis" }).pipe(
        Effect.timeoutOption("3 seconds"),
        Effect.map(Option.getOrThrow),
        Effect.provide(stores)
      )
      const well = eventually("it is well", check, ({ isHealthy }) => isHealthy, "20 seconds")

      assert.isBelow(Duration.toMillis((yield* well).store.writeLatency!), 500)
      const admin = yield* connect(server.url)
      const { end } = yield* holdLock(admin, schema)
      const held = yield* check
      assert.deepStrictEqual(held.problems, ["an append would wait for more than 500ms: it took too long"])
      assert.deepInclude(held.store, { isReachable: true, head: 0, writeLatency: undefined })
      yield* end
      yield* well

      yield* server.sigstop
      assert.deepStrictEqual((yield* check).problems, ["the store cannot be reached: it took too long"])
      yield* server.sigcont
      yield* well

      yield* server.stop
      const { problems, store } = yield* eventually(
        "it is known to be gone",
        check,
        ({ store }) => !store.isReachable && store.problem !== "it did not answer in time",
        "10 seconds"
      )
      assert.deepStrictEqual(problems, ["the store cannot be reached: Unavailable"])
      assert.isString(store.problem)
      yield* server.restart
      yield* well
    }).pipe(Effect.scoped)
  )
})
