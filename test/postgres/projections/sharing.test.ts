/**
 * A process that is started later gets its share of the partitions, however busy they are, and nobody sees anything of it in what is shown.
 * EVENTFOLD_FIGURES prints how long it took.
 */
import { assert, layer } from "@effect/vitest"
import { Clock, Duration, Effect } from "effect"
import type { ProjectionStore } from "eventfold"
import { TestServer } from "../../support/server.ts"
import { aDatabase, definition, joinAt } from "../support/projections.ts"
import { eventually, within } from "../support/stores.ts"
import { judge, makeWatch, nothingAside, watching } from "./support/judge.ts"
import { said, start } from "./support/runners.ts"
import { aScene, caughtUp, live, numbers, type Scene, seed, startWriting } from "./support/scene.ts"

const partitions = 8

interface Look {
  /** How many partitions each owner has, the most first. */
  readonly shares: ReadonlyArray<number>
  /** Grows with every claim and release. */
  readonly epochs: number
}

const look = ({ sql }: Scene) =>
  Effect.map(
    sql.unsafe<{ readonly owner: string | null; readonly epoch: number }>(
      `SELECT CASE WHEN lease_until > clock_timestamp() THEN owner END AS owner, epoch::float8 FROM eventfold.projection_partitions`
    ),
    (rows): Look => {
      const owners = new Map<string, number>()
      for (const { owner } of rows) if (owner !== null) owners.set(owner, (owners.get(owner) ?? 0) + 1)
      return {
        shares: Array.from(owners.values()).toSorted((a, b) => b - a),
        epochs: rows.reduce((sum, { epoch }) => sum + epoch, 0)
      }
    }
  )

/** Waits until owners have so many partitions. */
const shared = (scene: Scene, shares: ReadonlyArray<number>) =>
  Effect.gen(function* () {
    const began = yield* Clock.currentTimeMillis
    const isSo = (found: Look) => JSON.stringify(found.shares) === JSON.stringify(shares)
    yield* eventually(`shares of ${shares.join(" and ")}`, look(scene), isSo, "20 seconds")
    const millis = (yield* Clock.currentTimeMillis) - began
    if (process.env["EVENTFOLD_FIGURES"] !== undefined) {
      process.stdout.write(`shares of ${shares.join(" and ")} after ${millis} ms\n`)
    }
  })

/** Waits until nothing changes hands any more: whoever is too busy to renew a lease may lose a partition, and ask for another one. */
const settled = (scene: Scene, shares: ReadonlyArray<number>) =>
  eventually(
    `shares that stay ${shares.join(" and ")}`,
    Effect.gen(function* () {
      const { epochs } = yield* look(scene)
      yield* Effect.sleep("1500 millis")
      return { before: epochs, ...(yield* look(scene)) }
    }),
    ({ before, epochs, shares: found }) => before === epochs && JSON.stringify(found) === JSON.stringify(shares),
    "20 seconds"
  )

layer(TestServer.layer(), live)(`processes that share a projection, with FAULT_SEED=${seed},`, (it) => {
  it.effect(
    "each have half of it though one came later, keep that, and every event counts once",
    () =>
      Effect.gen(function* () {
        const scene = yield* aScene(yield* TestServer)
        const startOne = Effect.gen(function* () {
          const runner = yield* start({
            _tag: "Run",
            url: scene.url,
            projections: [{ kind: "streams", version: 1, partitions }],
            isTrapped: false
          })
          yield* said([runner], "Started")
          return runner
        })
        yield* startOne
        yield* shared(scene, [partitions])
        const { end, more } = yield* startWriting(scene, { fibers: 3, pause: 10 })
        const sharing = Effect.gen(function* () {
          const second = yield* startOne
          yield* shared(scene, [4, 4])
          yield* startOne
          yield* shared(scene, [3, 3, 2])
          yield* more(200)
          yield* settled(scene, [3, 3, 2])
          yield* second.kill9
          yield* shared(scene, [4, 4])
          yield* more(100)
        })
        yield* watching([makeWatch(scene.sql, "streams")], sharing)
        yield* end
        yield* caughtUp(scene, ["streams"])
        yield* judge(scene.sql, { streams: "streams" })
        yield* nothingAside(scene.sql)
      }),
    60_000
  )

  it.effect("ask for what is in the middle of a commit, and wait for nobody", () =>
    Effect.gen(function* () {
      const { events, sql, store, url } = yield* aDatabase
      yield* events.append([
        {
          stream: "box-1",
          expected: "any",
          events: [{ id: crypto.randomUUID(), type: "Noted", schemaVersion: 1, data: null, tags: [], metadata: {} }]
        }
      ])
      yield* store.register(definition({ partitions: 4 }))
      const claiming = (of: typeof store, owner: string) =>
        of.claim({ name: "balances", version: 1, owner, lease: Duration.minutes(1), most: 4 })
      const all = yield* claiming(store, "first")
      const committing = (claim: ProjectionStore.Claim) =>
        Effect.forkChild(store.commit(claim, { to: 1, rate: 0 }, Effect.asVoid(sql.unsafe("SELECT pg_sleep(4)"))))
      yield* Effect.forEach(all, committing)
      yield* eventually(
        "all are being committed",
        sql.unsafe("SELECT FROM eventfold.projection_partitions FOR UPDATE SKIP LOCKED"),
        ({ length }) => length === 0
      )
      const others = yield* Effect.forEach(numbers(3), () => joinAt(url))
      const given = yield* Effect.forEach(others, (other, i) => claiming(other.store, `other ${i}`)).pipe(
        within("asking", "2 seconds")
      )
      assert.deepStrictEqual(given, [[], [], []])
      const renewed = yield* within("renewing", "2 seconds")(store.renew(all, Duration.minutes(1)))
      assert.strictEqual(renewed.filter(({ isAskedFor }) => isAskedFor).length, 3)
    })
  )

  it.effect("are asked for one partition by each of those who ask together, or by one of them", () =>
    Effect.gen(function* () {
      const { sql, store, url } = yield* aDatabase
      yield* store.register(definition({ partitions: 4 }))
      const claiming = (of: typeof store, owner: string) =>
        of.claim({ name: "balances", version: 1, owner, lease: Duration.minutes(1), most: 4 })
      yield* claiming(store, "first")
      const others = yield* Effect.forEach(numbers(8), () => joinAt(url))
      for (const round of [1, 2, 3]) {
        yield* Effect.forEach(others, (other, i) => claiming(other.store, `other ${i}`), { concurrency: "unbounded" })
        const rows = yield* sql.unsafe<{ readonly owner: string }>("SELECT owner FROM eventfold.projection_asked_for")
        assert.isAtLeast(rows.length, round)
        // The holder keeps one: then it has as many as those that have asked.
        assert.isAtMost(rows.length, 3)
        assert.strictEqual(new Set(rows.map(({ owner }) => owner)).size, rows.length)
      }
    })
  )
})
