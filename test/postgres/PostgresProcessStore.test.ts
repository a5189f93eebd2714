import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { DateTime, Effect, Fiber, Layer, Stream } from "effect"
import type { EventStore, ProcessStore } from "eventfold"
import { PostgresEventStore, PostgresProcessStore } from "eventfold/postgres"
import { EmbeddedEventStore } from "eventfold/postgres/embedded"
import { ProcessStoreContract } from "eventfold/testing"
import { migrate } from "../../src/postgres/migrate.ts"
import { clientOf, freshDatabase, startServer, TestServer } from "../support/server.ts"
import { connect, eventually, holding, storeOn, within } from "./support/stores.ts"

const client = Layer.unwrap(
  Effect.gen(function* () {
    const url = yield* freshDatabase(yield* startServer({ settings: { fsync: "off" } }))
    return clientOf({ url }, { maxConnections: 10 })
  })
)

await ProcessStoreContract.suite(
  "the PostgreSQL store of processes",
  PostgresEventStore.layer().pipe(Layer.provide(client))
)
await ProcessStoreContract.suite("the embedded store of processes", EmbeddedEventStore.layer())

type Store = ProcessStore.ProcessStore["Service"]

const processesOn = (sql: PgClient.PgClient) =>
  PostgresProcessStore.make().pipe(Effect.provideService(PgClient.PgClient, sql))

/** A database of its own, with a store. */
const aDatabase = Effect.gen(function* () {
  const url = yield* freshDatabase(yield* TestServer)
  const sql = yield* connect(url)
  yield* migrate(sql, "eventfold")
  return { url, sql, store: yield* processesOn(sql) }
})

const process = "fulfilment"

const at = (millis: number): DateTime.Utc => DateTime.makeUnsafe(1_700_000_000_000 + millis)

const instance = (name: string, fields?: Partial<ProcessStore.Instance>): ProcessStore.Instance => ({
  instance: name,
  partition: 0,
  status: "running",
  isReady: false,
  dueAt: undefined,
  waitingFor: [],
  startedAt: at(0),
  updatedAt: at(0),
  steps: 1,
  state: { customer: "ada" },
  document: {},
  ...fields
})

const step = (name: string, number: number): ProcessStore.Step => ({ instance: name, number, at: at(0), step: {} })

const save = (
  store: Store,
  instances: ReadonlyArray<ProcessStore.Instance>,
  steps: ReadonlyArray<ProcessStore.Step> = []
) => store.save(process, { instances, steps, done: [] })

const all = { after: undefined, limit: 1000 }

const namesOf = (store: Store) => Effect.map(store.list(process, all), (found) => found.map(({ instance }) => instance))

layer(TestServer.layer({ settings: { fsync: "off" } }), { excludeTestServices: true })(
  "processes on a server",
  (it) => {
    it.effect("are saved by one statement, however many instances and steps there are", () =>
      Effect.gen(function* () {
        const { sql } = yield* aDatabase
        const sent: Array<string> = []
        const unsafe: PgClient.PgClient["unsafe"] = (text, parameters) => {
          sent.push(text)
          return sql.unsafe(text, parameters)
        }
        const store = yield* processesOn(
          new Proxy(sql, { get: (of, key) => (key === "unsafe" ? unsafe : Reflect.get(of, key)) })
        )
        sent.length = 0
        const names = Array.from({ length: 1000 }, (_, i) => `order-${i}`)
        const changes = {
          instances: names.map((name) => instance(name, { document: "x".repeat(1000) })),
          steps: names.map((name) => step(name, 1)),
          done: [1, 2]
        }
        yield* sql.withTransaction(store.save(process, changes))
        assert.lengthOf(sent, 1)
        // Nothing is sent for nothing.
        yield* sql.withTransaction(store.save(process, { instances: [], steps: [], done: [] }))
        assert.lengthOf(sent, 1)
        assert.lengthOf(yield* namesOf(store), 1000)
        // But for what would be a very large message.
        const large = names.slice(0, 10).map((name) => instance(name, { document: "x".repeat(1_000_000) }))
        sent.length = 0
        yield* sql.withTransaction(save(store, large))
        assert.lengthOf(sent, 3)
      })
    )

    it.effect("leave the indexes alone when nothing changes that they are looked up by", () =>
      Effect.gen(function* () {
        const { sql, store } = yield* aDatabase
        const names = Array.from({ length: 50 }, (_, i) => `order-${i}`)
        const next = (turn: number, isReady: boolean) =>
          names.map((name) =>
            instance(name, {
              isReady,
              dueAt: at(5),
              steps: turn,
              updatedAt: at(turn),
              waitingFor: [`turn ${turn}`],
              document: { turn }
            })
          )
        yield* sql.withTransaction(save(store, next(1, false)))
        const counted = sql.unsafe<{ readonly hot: bigint }>(
          "SELECT pg_stat_get_xact_tuples_hot_updated('eventfold.process_instances'::regclass) AS hot"
        )
        const hotUpdates = (instances: ReadonlyArray<ProcessStore.Instance>) =>
          sql.withTransaction(
            Effect.gen(function* () {
              const [before] = yield* counted
              yield* save(store, instances)
              const [after] = yield* counted
              return Number(after!.hot - before!.hot)
            })
          )
        // There is room on the pages for some of them at least.
        assert.isAbove(yield* hotUpdates(next(2, false)), 10)
        assert.strictEqual(yield* hotUpdates(next(3, true)), 0)
      })
    )

    it.effect("say which step is there already, and the transaction has to be given up", () =>
      Effect.gen(function* () {
        const { sql, store } = yield* aDatabase
        yield* sql.withTransaction(save(store, [instance("a")], [step("a", 1)]))
        const told: Array<EventStore.StoreError> = []
        const twice = Effect.gen(function* () {
          told.push(yield* Effect.flip(save(store, [instance("b")], [step("a", 2), step("a", 1)])))
          told.push(yield* Effect.flip(store.load(process, ["a"])))
          return yield* Effect.fail("take it back")
        })
        yield* Effect.ignore(sql.withTransaction(twice))
        const [refused, later] = told
        assert.strictEqual(refused?.reason, "InvalidRequest")
        assert.include(
          refused?.problem,
          "a step of fulfilment is there already, somebody else has written its instance"
        )
        assert.include(refused?.problem, "(fulfilment, a, 1)")
        assert.match(later?.problem ?? "", /roll it back/)
        assert.deepStrictEqual(yield* namesOf(store), ["a"])
      })
    )

    it.effect("that were damaged fail by name, and only who asks for them", () =>
      Effect.gen(function* () {
        const { sql, store } = yield* aDatabase
        yield* sql.withTransaction(save(store, [instance("a"), instance("b")], [step("a", 1), step("b", 1)]))
        yield* store.request(process, { partition: 0, instance: "a", request: null })
        yield* sql.unsafe("UPDATE eventfold.process_instances SET document = '{' WHERE instance = 'a'")
        yield* sql.unsafe("UPDATE eventfold.process_steps SET step = 'x' WHERE instance = 'a'")
        yield* sql.unsafe("UPDATE eventfold.process_requests SET request = ''")
        for (const [failing, what] of [
          [store.load(process, ["a"]), "the document of instance a of fulfilment is damaged"],
          [store.list(process, all), "the document of instance a of fulfilment is damaged"],
          [store.steps(process, "a", { after: 0, limit: 9 }), "step 1 of instance a of fulfilment is damaged"],
          [store.requests(process, 0, 9), "request 1 of instance a of fulfilment is damaged"]
        ] as const) {
          const { problem, reason } = yield* Effect.flip<unknown, EventStore.StoreError, never>(failing)
          assert.strictEqual(reason, "Unexpected")
          assert.include(problem, what)
        }
        assert.deepStrictEqual(yield* store.load(process, ["b"]), [instance("b")])
        assert.lengthOf(yield* store.steps(process, "b", { after: 0, limit: 9 }), 1)
      })
    )

    it.effect("are not removed while somebody writes them, and nobody waits for that", () =>
      Effect.gen(function* () {
        const { sql, store } = yield* aDatabase
        const ended = ["a", "b"].map((name) => instance(name, { status: "ended" }))
        yield* sql.withTransaction(save(store, ended, [step("a", 1), step("b", 1)]))
        const writing = yield* holding(sql, save(store, [instance("a", { steps: 2 })], [step("a", 2)]))
        const removal = store.remove(process, { updatedBefore: at(1), limit: 9 })
        assert.strictEqual(yield* within("a removal waits for a save")(removal), 1)
        yield* writing.end
        assert.strictEqual(yield* removal, 0)
        assert.deepStrictEqual(yield* namesOf(store), ["a"])
        assert.lengthOf(yield* store.steps(process, "a", { after: 0, limit: 9 }), 2)
      })
    )

    for (const isolation of ["repeatable read", "serializable"]) {
      it.effect(`are removed while others save where the database prefers ${isolation}`, () =>
        Effect.gen(function* () {
          const { sql: admin, url } = yield* aDatabase
          const name = new URL(url).pathname.slice(1)
          yield* admin.unsafe(`ALTER DATABASE "${name}" SET default_transaction_isolation = '${isolation}'`)
          const sql = yield* connect(url, { maxConnections: 6 })
          const store = yield* processesOn(sql)
          const names = Array.from({ length: 200 }, (_, i) => `a${i}`)
          yield* sql.withTransaction(
            save(
              store,
              names.map((one) => instance(one, { status: "ended" }))
            )
          )
          const remove = store.remove(process, { updatedBefore: at(1), limit: 7 })
          const counts = yield* Effect.forEach(Array.from({ length: 60 }), () => remove, { concurrency: 4 })
          assert.deepStrictEqual(yield* namesOf(store), [])
          assert.strictEqual(
            counts.reduce((sum, count) => sum + count, 0),
            200
          )
        })
      )
    }

    it.effect("say that something was asked for only when it is committed, by every way to end", () =>
      Effect.gen(function* () {
        const { sql, store } = yield* aDatabase
        let said = 0
        const listening = yield* Effect.forkScoped(
          Stream.runForEach(store.requested, () => Effect.sync(() => void said++))
        )
        const ask = store.request(process, { partition: 0, instance: "a", request: null })
        yield* eventually("nobody is told", Effect.as(ask, said), () => said > 0)
        const before = said
        const back = Effect.ignore(sql.withTransaction(Effect.andThen(ask, Effect.fail("take it back"))))
        // A savepoint that is taken back, in a transaction that is not.
        yield* sql.withTransaction(Effect.andThen(back, sql.unsafe("SELECT 1")))
        yield* back
        yield* Effect.sleep("50 millis")
        assert.strictEqual(said, before)
        yield* sql.withTransaction(ask)
        yield* eventually(
          "nobody is told of a commit",
          Effect.sync(() => said),
          (now) => now > before
        )
        yield* Fiber.interrupt(listening)
      })
    )

    it.effect("ask for no more rights than are documented", () =>
      Effect.gen(function* () {
        const { sql: owner, store: full, url } = yield* aDatabase
        yield* owner.withTransaction(save(full, [instance("a", { status: "ended" })], [step("a", 1)]))
        const role = `app_${crypto.randomUUID().slice(0, 8)}`
        yield* owner.unsafe(`CREATE ROLE ${role} LOGIN PASSWORD '${role}'`)
        yield* owner.unsafe(`GRANT USAGE ON SCHEMA eventfold TO ${role}`)
        const tables = "eventfold.process_instances, eventfold.process_steps, eventfold.process_requests"
        yield* owner.unsafe(`GRANT SELECT ON ${tables} TO ${role}`)
        yield* Effect.addFinalizer(() =>
          Effect.ignore(Effect.andThen(owner.unsafe(`DROP OWNED BY ${role}`), owner.unsafe(`DROP ROLE ${role}`)))
        )
        const asRole = new URL(url)
        asRole.username = role
        asRole.password = role
        const sql = yield* connect(asRole.href)
        const store = yield* processesOn(sql)
        assert.deepStrictEqual(yield* namesOf(store), ["a"])
        assert.deepStrictEqual(yield* store.requests(process, 0, 9), [])
        const ask = store.request(process, { partition: 0, instance: "b", request: null })
        const remove = store.remove(process, { updatedBefore: at(1), limit: 9 })
        assert.strictEqual((yield* Effect.flip(ask)).reason, "AccessDenied")
        assert.strictEqual((yield* Effect.flip(remove)).reason, "AccessDenied")
        yield* owner.unsafe(`GRANT INSERT, UPDATE, DELETE ON ${tables} TO ${role}`)
        yield* ask
        yield* sql.withTransaction(save(store, [instance("b"), instance("a", { status: "ended" })], [step("b", 1)]))
        assert.strictEqual(yield* remove, 1)
      })
    )

    it.effect("of logs in different schemas are different ones, whatever the schemas are called", () =>
      Effect.gen(function* () {
        const { sql, store } = yield* aDatabase
        const schema = `it's "quoted" $`
        yield* storeOn(sql, { schema })
        const other = yield* PostgresProcessStore.make({ schema }).pipe(Effect.provideService(PgClient.PgClient, sql))
        yield* sql.withTransaction(save(other, [instance("a", { isReady: true, dueAt: at(0) })], [step("a", 1)]))
        yield* other.request(process, { partition: 0, instance: "a", request: null })
        assert.deepStrictEqual(yield* namesOf(store), [])
        assert.deepStrictEqual(yield* namesOf(other), ["a"])
        assert.lengthOf(yield* other.ready(process, 0, all), 1)
        assert.lengthOf((yield* other.due(process, 0, { until: at(0), limit: 1 })).instances, 1)
        assert.lengthOf(yield* other.requests(process, 0, 1), 1)
        assert.strictEqual((yield* other.count(process)).get("running"), 1)
        assert.strictEqual(yield* other.remove(process, { updatedBefore: at(1), limit: 1 }), 0)
        const wrong = PostgresProcessStore.make({ schema: "" }).pipe(Effect.provideService(PgClient.PgClient, sql))
        assert.strictEqual((yield* Effect.flip(wrong)).reason, "Misconfigured")
      })
    )

    it.effect("say that the migrations are missing where they are", () =>
      Effect.gen(function* () {
        const sql = yield* connect(yield* Effect.flatMap(TestServer, freshDatabase))
        const store = yield* processesOn(sql)
        const saving = sql.withTransaction(save(store, [instance("a")]))
        for (const failing of [Effect.asVoid(store.load(process, ["a"])), saving]) {
          const failure = yield* Effect.flip(failing)
          assert.strictEqual(failure._tag === "StoreError" && failure.reason, "Misconfigured")
          assert.match(failure.message, /: run the migrations$/)
        }
      })
    )
  }
)
