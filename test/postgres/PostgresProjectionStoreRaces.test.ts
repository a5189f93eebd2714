/**
 * Several connections at the same projections: who claims, commits, registers and takes over at once, and what readers see of it.
 */
import { assert, layer } from "@effect/vitest"
import { Deferred, Duration, Effect, Fiber, Latch, Random, Ref } from "effect"
import type { ProjectionStore } from "eventfold"
import { TestServer } from "../support/server.ts"
import {
  addTo,
  aDatabase,
  appendMany,
  claimOne,
  claims,
  definition,
  joinAt,
  numberAt,
  type Store
} from "./support/projections.ts"
import { eventually, lockWaiters, storeOn, within } from "./support/stores.ts"
import { eventOf } from "./support/workload.ts"

const numbers = (count: number) => Array.from({ length: count }, (_, i) => i)

/** Moves a claim on, some events at a time, counting each, until it is lost or stands at the end. Gives where it came to. */
const goOn = (store: Store, first: ProjectionStore.Claim, end: number) =>
  Effect.gen(function* () {
    let claim = first
    while (claim.position < end) {
      const standing = yield* store.standing(claim)
      // What fills goes in larger steps: so it catches up, however busy the machine is.
      const to = standing._tag === "Filling" ? Math.min(standing.upTo, end) : Math.min(claim.position + 7, end)
      if (to <= claim.position) {
        yield* Effect.yieldNow
        continue
      }
      const count = new Map([[`count ${claim.partition}`, to - claim.position]])
      claim = yield* store.commit(claim, { to, rate: 0 }, addTo(store, claim.generation, count))
    }
    return claim
  }).pipe(Effect.catchTag("ClaimLost", () => Effect.undefined))

layer(TestServer.layer({ settings: { fsync: "off" } }), {
  excludeTestServices: true,
  concurrent: false,
  timeout: 60_000
})("the PostgreSQL store of projections in a race", (it) => {
  it.effect("makes one generation, and its tables, when processes register together", () =>
    Effect.gen(function* () {
      const { sql, store, url } = yield* aDatabase
      const others = yield* Effect.forEach(numbers(6), () => joinAt(url))
      const tables = { rows: "(id int PRIMARY KEY)" }
      for (const version of [1, 2]) {
        yield* Effect.forEach(others, (other) => other.store.register(definition({ tables, version })), {
          concurrency: "unbounded",
          discard: true
        })
      }
      const roles = (yield* store.status("balances")).map(({ generation, role }) => ({ generation, role }))
      assert.deepStrictEqual(roles, [
        { generation: 1, role: "live" },
        { generation: 2, role: "filling" }
      ])
      for (const generation of [1, 2])
        yield* sql.unsafe(`SELECT id FROM ${store.tableOf("balances", generation, "rows")}`)
      yield* sql.unsafe(`SELECT id FROM ${store.liveTable("balances", "rows")}`)
    })
  )

  it.effect("gives each partition to one of the processes that claim together, and nobody waits", () =>
    Effect.gen(function* () {
      const { store, url } = yield* aDatabase
      const others = yield* Effect.forEach(numbers(6), () => joinAt(url))
      yield* store.register(definition({ partitions: 32 }))
      const given = yield* Effect.forEach(others, (other) => claims(other.store, { most: 8 }), {
        concurrency: "unbounded"
      })
      const rest = yield* claims(store)
      const all = [...given.flat(), ...rest].map(({ partition }) => partition)
      assert.deepStrictEqual(
        all.toSorted((a, b) => a - b),
        numbers(32)
      )
    })
  )

  it.effect("counts every event once while claims are lost and taken all the time", () =>
    Effect.gen(function* () {
      const { store, url } = yield* aDatabase
      const others = yield* Effect.forEach(numbers(4), () => joinAt(url))
      yield* store.register(definition({ partitions: 4 }))
      const end = 300
      const work = (other: { readonly store: Store }) =>
        Effect.gen(function* () {
          while ((yield* store.live("balances"))!.position < end) {
            // Leases that are over before the work is done.
            const mine = yield* claims(other.store, { lease: Duration.millis(5), most: 2 })
            yield* Effect.forEach(mine, (claim) => goOn(other.store, claim, end), { concurrency: "unbounded" })
          }
        })
      yield* within("the end", "40 seconds")(Effect.forEach(others, work, { concurrency: "unbounded", discard: true }))
      for (const partition of numbers(4)) assert.strictEqual(yield* numberAt(store, `count ${partition}`), end)
    })
  )

  it.effect(
    "takes over while partitions of both generations are committed, without a deadlock",
    () =>
      Effect.gen(function* () {
        const { store, url } = yield* aDatabase
        const [old, next, third] = yield* Effect.all([joinAt(url), joinAt(url), joinAt(url)])
        for (let version = 1; version < 4; version++) {
          yield* store.register(definition({ version, partitions: 3 }))
          yield* store.register(definition({ version: version + 1, partitions: 3 }))
          const start = (yield* store.live("balances"))!.position
          const end = start + 3_000
          const livings = yield* claims(old.store, { version })
          const running = yield* Effect.forkChild(
            Effect.forEach(livings, (claim) => goOn(old.store, claim, end), { concurrency: "unbounded" })
          )
          const fillings = yield* claims(next.store, { version: version + 1 })
          const filling = yield* Effect.forkChild(
            Effect.forEach(fillings.slice(1), (claim) => goOn(next.store, claim, end), { concurrency: "unbounded" })
          )
          let claim = fillings[0]!
          const finish = (
            rest: ReadonlyArray<{ readonly partition: number; readonly after: number; readonly upTo: number }>
          ) =>
            addTo(
              third.store,
              claim.generation,
              new Map(rest.map(({ after, partition, upTo }) => [`count ${partition}`, upTo - after]))
            )
          const attempt = Effect.gen(function* () {
            const standing = yield* third.store.standing(claim)
            const upTo = standing._tag === "Filling" ? standing.upTo : 0
            if (upTo > claim.position) {
              const count = new Map([["count 0", upTo - claim.position]])
              claim = yield* third.store.commit(
                claim,
                { to: upTo, rate: 0 },
                addTo(third.store, claim.generation, count)
              )
            }
            return claim.position > start + 50 && (yield* third.store.takeOver(claim, 100, finish))
          })
          yield* within("a take-over", "60 seconds")(Effect.repeat(attempt, { until: (isLive) => isLive }))
          const { position } = (yield* store.live("balances"))!
          // Those that go on with the new generation count on from there.
          yield* Fiber.join(running)
          yield* Fiber.interrupt(filling)
          for (const { partition, position } of (yield* store.status("balances")).filter(
            ({ role }) => role === "live"
          )) {
            assert.strictEqual(yield* numberAt(store, `count ${partition}`), position)
          }
          assert.isAtLeast((yield* store.live("balances"))!.position, position)
        }
      }),
    200_000
  )

  it.effect("shows readers of the views the one generation or the other, and always one", () =>
    Effect.gen(function* () {
      const { sql, store, url } = yield* aDatabase
      const reader = yield* joinAt(url)
      const role = `reader_${crypto.randomUUID().slice(0, 8)}`
      yield* sql.unsafe(`CREATE ROLE ${role}`)
      yield* Effect.addFinalizer(() =>
        Effect.ignore(Effect.andThen(sql.unsafe(`DROP OWNED BY ${role}`), sql.unsafe(`DROP ROLE ${role}`)))
      )
      const shapes = ["(n int)", "(n int, more text)", "(less text, n bigint)", "(less text, n bigint)"]
      const view = store.liveTable("balances", "rows")
      const fill = (claim: ProjectionStore.Claim) =>
        Effect.asVoid(
          sql.unsafe(
            `INSERT INTO ${store.tableOf("balances", claim.generation, "rows")} (n)
             SELECT ${claim.version} FROM generate_series(1, ${claim.version})`
          )
        )
      yield* store.register(definition({ tables: { rows: shapes[0]! } }))
      const first = yield* claimOne(store)
      yield* store.commit(first, { to: 1, rate: 0 }, fill(first))
      yield* sql.unsafe(`GRANT SELECT ON ${view} TO ${role}`)
      const isDone = yield* Ref.make(false)
      const seen = new Set<string>()
      const reading = Effect.gen(function* () {
        while (!(yield* Ref.get(isDone))) {
          const rows = yield* reader.sql.unsafe<{ readonly n: number | bigint; readonly count: bigint }>(
            `SELECT n::int, count(*) FROM ${view} GROUP BY n`
          )
          seen.add(rows.map(({ count, n }) => `${n}:${count}`).join())
        }
      })
      const fiber = yield* Effect.forkChild(reading)
      for (const [i, shape] of shapes.entries()) {
        if (i === 0) continue
        yield* store.register(definition({ version: i + 1, tables: { rows: shape } }))
        const claim = yield* claimOne(store, { version: i + 1 })
        assert.isTrue(yield* store.takeOver(claim, 10, () => fill(claim)))
        if (i > 1) continue
        const granted = yield* sql.unsafe<{ readonly ok: boolean }>(
          `SELECT has_table_privilege('${role}', '${view}', 'SELECT') AS ok`
        )
        assert.isTrue(granted[0]!.ok)
      }
      yield* Ref.set(isDone, true)
      yield* Fiber.join(fiber)
      for (const one of seen) assert.match(one, /^(1:1|2:2|3:3|4:4)$/)
      // What is retired goes, and the view stays.
      yield* store.removeRetired("balances")
      assert.lengthOf(yield* sql.unsafe(`SELECT FROM ${view}`), 4)
      assert.deepStrictEqual(
        (yield* store.status("balances")).map(({ role }) => role),
        ["live"]
      )
    })
  )

  it.effect("takes over inline at the head of the log, while others append", () =>
    Effect.gen(function* () {
      const { events, sql, store, url } = yield* aDatabase
      const other = yield* joinAt(url)
      yield* appendMany(events, 50)
      yield* store.register(definition({ mode: "inline" }))
      assert.strictEqual(yield* store.live("balances"), undefined)
      const appending = yield* Effect.forkChild(
        Effect.forEach(numbers(20), () => Effect.forever(appendMany(events, 5)), { concurrency: "unbounded" })
      )
      const claim = yield* claimOne(other.store)
      assert.deepStrictEqual(claim.standing, { _tag: "Filling", upTo: Infinity })
      const heads: Array<number> = []
      const ends: Array<number> = []
      const finish = (rest: ReadonlyArray<{ readonly after: number; readonly upTo: number }>) =>
        Effect.gen(function* () {
          heads.push(yield* events.head)
          yield* eventually("an append waits", lockWaiters(sql), (n) => n > 0)
          // By a fiber that is not in the transaction, and sees what others commit.
          heads.push(yield* Effect.promise(() => Effect.runPromise(events.head)))
          ends.push(...rest.map(({ upTo }) => upTo))
        })
      yield* eventually("others append", events.head, (head) => head > 200)
      assert.isTrue(yield* within("taking over")(other.store.takeOver(claim, 1_000_000, finish)))
      yield* Fiber.interrupt(appending)
      assert.deepStrictEqual(heads, [ends[0], ends[0]])
      assert.deepStrictEqual(
        yield* sql.unsafe("SELECT type, generation FROM eventfold.inline_types WHERE type <> '' ORDER BY type"),
        [{ type: "Noted", generation: 1 }]
      )
      // From now on it stands at the head, and there is nothing to run.
      const head = yield* events.head
      assert.strictEqual((yield* store.live("balances"))?.position, head)
      assert.deepInclude((yield* store.status())[0], { position: head, lag: 0, owner: undefined })
      assert.deepStrictEqual(yield* claims(store), [])
      // The next one takes over from there, and gives the types free when it is not inline.
      yield* store.register(definition({ version: 2, types: [] }))
      const next = yield* claimOne(store, { version: 2 })
      assert.deepStrictEqual(next.standing, { _tag: "Filling", upTo: head })
      assert.isTrue(yield* store.takeOver(next, head, () => Effect.void))
      yield* store.release([next])
      assert.deepInclude(yield* claimOne(store, { version: 2 }), {
        position: head,
        standing: { _tag: "Live", replayedTo: [[head]] }
      })
      assert.lengthOf(yield* sql.unsafe("SELECT FROM eventfold.inline_types WHERE type <> ''"), 0)
    })
  )

  it.effect("begins an inline projection that is reset with nothing that appends under way have done for it", () =>
    Effect.gen(function* () {
      const { sql, store, url } = yield* aDatabase
      const other = yield* joinAt(url)
      const events = yield* storeOn(other.sql, { migrate: false })
      const tables = { rows: "(n int)" }
      yield* store.register(definition({ mode: "inline", tables }))
      const claim = yield* claimOne(store)
      assert.isTrue(yield* store.takeOver(claim, 10, () => Effect.void))
      const view = store.liveTable("balances", "rows")
      const append = (tell: Effect.Effect<void>) =>
        other.store.withInline(
          [claim.generation],
          Effect.gen(function* () {
            yield* addTo(other.store, claim.generation, new Map([["count", 1]]))
            yield* other.sql.unsafe(`INSERT INTO ${store.tableOf("balances", claim.generation, "rows")} VALUES (1)`)
            yield* tell
            yield* events.append([{ stream: "red-1", expected: "any", events: [eventOf()] }])
          })
        )
      const isWritten = yield* Deferred.make<void>()
      const latch = yield* Latch.make(false)
      const appending = yield* Effect.forkChild(
        Effect.exit(append(Effect.andThen(Deferred.succeed(isWritten, undefined), latch.await)))
      )
      yield* Deferred.await(isWritten)
      yield* within("resetting")(store.reset("balances"))
      yield* latch.open
      yield* Fiber.join(appending)
      assert.strictEqual(yield* store.live("balances"), undefined)
      assert.lengthOf(yield* sql.unsafe(`SELECT FROM ${view}`), 0)
      const again = yield* claimOne(store)
      assert.strictEqual(again.position, 0)
      const found = yield* store.documents(again.generation, ["count"], { lock: false })
      assert.strictEqual(found.size, 0)
      assert.isTrue(yield* store.takeOver(again, 10, () => Effect.void))
      assert.deepStrictEqual(
        (yield* store.status()).map(({ role }) => role),
        ["retired", "live"]
      )
      yield* store.removeRetired("balances")
    })
  )

  it.effect("locks documents that are there, that are not, and that come and go, for one at a time", () =>
    Effect.gen(function* () {
      const { sql, store, url } = yield* aDatabase
      const others = yield* Effect.forEach(numbers(8), () => joinAt(url))
      yield* store.register(definition())
      const keys = ["a", "b", "c", "d", "é", "\ufb01", "👍"]
      const deadlocks = yield* Ref.make(0)
      const added = yield* Ref.make(0)
      const one = (other: { readonly sql: typeof sql; readonly store: Store }) =>
        Effect.gen(function* () {
          const chosen = (yield* Random.shuffle(keys)).slice(0, 3)
          const found = yield* other.store.documents(1, chosen, { lock: true })
          const isGoing = (yield* Random.next) < 0.3
          const [first, ...rest] = chosen
          // What goes leaves its number to another one: so the sum is right, or an update was lost.
          const all = chosen.reduce((sum, key) => sum + Number(found.get(key) ?? 0), 1)
          yield* other.store.save(
            1,
            isGoing
              ? new Map<string, number | undefined>([[first!, all], ...rest.map((key) => [key, undefined] as const)])
              : new Map([[first!, Number(found.get(first!) ?? 0) + 1]])
          )
          yield* Ref.update(added, (n) => n + 1)
        })
      yield* within(
        "all of it",
        "40 seconds"
      )(
        Effect.forEach(
          others,
          (other) =>
            Effect.forEach(numbers(60), () =>
              other.sql
                .withTransaction(one(other))
                .pipe(
                  Effect.tapError((error) =>
                    Ref.update(
                      deadlocks,
                      (n) => n + (error._tag === "StoreError" && error.reason === "Contention" ? 1 : 0)
                    )
                  )
                )
            ),
          { concurrency: "unbounded", discard: true }
        )
      )
      const documents = yield* store.list("balances", { after: undefined, limit: 100, where: {} })
      const sum = Array.from(documents.values()).reduce<number>((sum, n) => sum + Number(n), 0)
      assert.deepStrictEqual([sum, yield* Ref.get(added), yield* Ref.get(deadlocks)], [480, 480, 0])
    })
  )

  it.effect("updates the row of a partition in place, however long it runs", () =>
    Effect.gen(function* () {
      const { sql, store } = yield* aDatabase
      yield* store.register(definition())
      let claim = yield* claimOne(store)
      for (const to of numbers(500)) claim = yield* store.commit(claim, { to: to + 1, rate: 0 }, Effect.void)
      const [size] = yield* sql.unsafe<{ readonly bytes: bigint }>(
        "SELECT pg_relation_size('eventfold.projection_partitions') AS bytes"
      )
      assert.isAtMost(Number(size!.bytes), 2 * 8192)
    })
  )
})
