/**
 * The bank's read models over HTTP: the overview at once, statements when they are asked to have come as far, and health.
 */
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { DateTime, Effect, FileSystem, Schema, Stream } from "effect"
import { MemoryEventStore } from "eventfold/memory"
import { EmbeddedEventStore } from "eventfold/postgres/embedded"
import { ReadModelHealth } from "../../examples/bank/api.ts"
import { monthOf } from "../../examples/bank/read-models.ts"
import { type Bank, bankOver, changed, emptyBank, furnish, keeping } from "./support/bank.ts"

const Written = Schema.Struct({ position: Schema.Int })

const decodeUnhealthy = Schema.decodeUnknownEffect(
  Schema.Struct({ problems: Schema.Array(Schema.String), readModels: Schema.Array(ReadModelHealth) })
)

/** Where a write has come to. */
const positionOf = ({ body }: { readonly body: unknown }) =>
  Effect.map(Schema.decodeUnknownEffect(Written)(body), ({ position }) => position)

const summary = (id: string, owner: string, balance: number, transfers: number, status = "open") => ({
  id,
  owner,
  status,
  balance,
  transfers
})

const thisMonth = Effect.map(DateTime.now, monthOf)

const statementOf = (bank: Bank, id: string, after?: number) =>
  Effect.flatMap(thisMonth, (month) =>
    bank.get(`/accounts/${id}/statements/${month}${after === undefined ? "" : `?after=${after}`}`)
  )

/** Asks for everything that there is after a transfer, and gives it. */
const readAll = Effect.fnUntraced(function* (bank: Bank, position: number) {
  const list = yield* bank.get("/accounts")
  assert.deepStrictEqual(list, {
    status: 200,
    body: { accounts: [summary("ada", "Ada", 70, 1), summary("bob", "Bob", 30, 1)] }
  })
  const { status, body } = yield* statementOf(bank, "ada", position)
  assert.strictEqual(status, 200)
  assert.deepInclude(body, { account: "ada", in: "100", out: "30" })
  const { lines } = yield* Schema.decodeUnknownEffect(
    Schema.Struct({ lines: Schema.Array(Schema.Record(Schema.String, Schema.Unknown)) })
  )(body)
  assert.deepInclude(lines[0], { type: "deposit", amount: 100 })
  assert.deepInclude(lines[1], { type: "transfer sent", counterparty: "bob", amount: 30 })
  assert.strictEqual(lines.length, 2)
  assert.deepInclude((yield* statementOf(bank, "bob", position)).body, { account: "bob", in: "30", out: "0" })
  const health = yield* bank.get("/health")
  assert.strictEqual(health.status, 200)
  return [list, body]
})

const sends = (bank: Bank) => bank.post("/transfers", { from: "ada", to: "bob", amount: 30 })

describe("all accounts and an account's month", () => {
  it.live("in memory, as soon as they are written", () =>
    Effect.gen(function* () {
      const bank = yield* emptyBank
      yield* furnish(bank)
      yield* readAll(bank, yield* Effect.flatMap(sends(bank), positionOf))
    })
  )

  it.live("in a folder, and again after a restart", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const dataDir = `${yield* fs.makeTempDirectoryScoped({ prefix: "bank-" })}/data`
      const opened = <A, E>(use: (bank: Bank) => Effect.Effect<A, E>) =>
        Effect.scoped(Effect.flatMap(bankOver(keeping(EmbeddedEventStore.layer({ dataDir }))), use))
      const [position, before] = yield* opened((bank) =>
        Effect.gen(function* () {
          yield* furnish(bank)
          const position = yield* Effect.flatMap(sends(bank), positionOf)
          return [position, yield* readAll(bank, position)] as const
        })
      )
      assert.deepStrictEqual(yield* opened((bank) => readAll(bank, position)), before)
    }).pipe(Effect.provide(NodeServices.layer))
  )
})

describe.concurrent("all accounts", () => {
  it.live("are listed by status and in pages", () =>
    Effect.gen(function* () {
      const bank = yield* emptyBank
      for (const id of ["a", "b", "c", "d"]) yield* bank.post("/accounts", { id, owner: id.toUpperCase() })
      yield* bank.post("/accounts/b/close")
      const open = (id: string) => summary(id, id.toUpperCase(), 0, 0)
      const closed = summary("b", "B", 0, 0, "closed")
      const body = (query: string) => Effect.map(bank.get(`/accounts${query}`), ({ body }) => body)
      assert.deepStrictEqual(yield* body("?status=closed"), { accounts: [closed] })
      assert.deepStrictEqual(yield* body("?status=open&limit=2"), { accounts: [open("a"), open("c")], next: "c" })
      assert.deepStrictEqual(yield* body("?status=open&limit=2&after=c"), { accounts: [open("d")] })
      assert.deepStrictEqual(yield* body("?limit=4"), { accounts: [open("a"), closed, open("c"), open("d")] })
      for (const wrong of ["?status=rich", "?limit=0", "?limit=1001", "?after=%20", "?page=2"]) {
        assert.strictEqual((yield* bank.get(`/accounts${wrong}`)).status, 400, wrong)
      }
    })
  )

  it.live("show nothing of what was refused", () =>
    Effect.gen(function* () {
      const bank = yield* emptyBank
      yield* furnish(bank)
      const before = yield* bank.get("/accounts")
      assert.strictEqual((yield* bank.post("/accounts/ada/withdrawals", { amount: 101 })).status, 422)
      assert.strictEqual((yield* bank.post("/transfers", { from: "ada", to: "nobody", amount: 1 })).status, 404)
      assert.deepStrictEqual(yield* bank.get("/accounts"), before)
    })
  )
})

describe.concurrent("a statement", () => {
  it.live("is there for an account without lines, and not for nobody's", () =>
    Effect.gen(function* () {
      const bank = yield* emptyBank
      yield* furnish(bank)
      const empty = { account: "bob", month: "2020-02", lines: [], in: "0", out: "0" }
      assert.deepStrictEqual(yield* bank.get("/accounts/bob/statements/2020-02"), { status: 200, body: empty })
      const nobody = { status: 404, body: { _tag: "AccountNotOpen" } }
      assert.deepStrictEqual(yield* bank.get("/accounts/nobody/statements/2020-02"), nobody)
      assert.strictEqual((yield* bank.get("/accounts/bob/statements/2020-13")).status, 400)
    })
  )

  it.live("holds more than a number can", () =>
    Effect.gen(function* () {
      const bank = yield* emptyBank
      const amount = Number.MAX_SAFE_INTEGER
      yield* bank.post("/accounts", { id: "eve", owner: "Eve" })
      for (let time = 0; time < 3; time++) {
        yield* bank.post("/accounts/eve/deposits", { amount })
        yield* bank.post("/accounts/eve/withdrawals", { amount })
      }
      const total = String(3n * BigInt(amount))
      assert.deepInclude((yield* statementOf(bank, "eve", 7)).body, { in: total, out: total })
    })
  )

  it.live("that cannot come as far says so and when to ask again; what is wrong is in the health", () =>
    Effect.gen(function* () {
      const unreadable = changed(keeping(MemoryEventStore.layer), ({ subscribePages }) => ({
        subscribePages: (options) =>
          Stream.map(subscribePages(options), ({ events, ...page }) => ({
            ...page,
            events: events.map((event) => ({ ...event, data: { amount: "many" } }))
          }))
      }))
      const bank = yield* bankOver(unreadable)
      yield* furnish(bank)
      const month = yield* thisMonth
      const late = yield* bank.respond("GET", `/accounts/ada/statements/${month}?after=2`)
      assert.strictEqual(late.status, 504)
      assert.strictEqual(late.headers.get("retry-after"), "1")
      assert.deepStrictEqual(late.body, { _tag: "StatementBehind", asked: 2, reached: 0 })
      // Who asks waits for a second; the projection tries again for three.
      const health = yield* Effect.andThen(statementOf(bank, "ada", 2), bank.get("/health")).pipe(
        Effect.repeat({ until: ({ status }) => status !== 200, times: 10 })
      )
      assert.strictEqual(health.status, 503)
      const { problems, readModels } = yield* decodeUnhealthy(health.body)
      assert.deepStrictEqual(problems, ["monthly-statements has failed at position 2"])
      assert.match(String(readModels.find(({ name }) => name === "monthly-statements")?.failure), /does not decode/)
      // The bank goes on.
      assert.strictEqual((yield* bank.post("/accounts/ada/deposits", { amount: 1 })).status, 200)
      assert.strictEqual((yield* bank.get("/accounts")).status, 200)
    })
  )
})

describe.concurrent("health", () => {
  it.live("tells of each read model where it is", () =>
    Effect.gen(function* () {
      const bank = yield* emptyBank
      yield* furnish(bank)
      yield* statementOf(bank, "ada", 3)
      const { status, body } = yield* bank.get("/health")
      assert.strictEqual(status, 200)
      const at = { version: 1, role: "live", state: "running", position: 3, lag: 0, lagSeconds: 0, parked: 0 }
      assert.deepStrictEqual(body, {
        status: "healthy",
        readModels: [
          { name: "account-overview", ...at },
          { name: "monthly-statements", ...at }
        ]
      })
    })
  )

  it.live("is red where nothing keeps the overview", () =>
    Effect.gen(function* () {
      const { status, body } = yield* (yield* bankOver(MemoryEventStore.layer)).get("/health")
      assert.strictEqual(status, 503)
      assert.deepInclude(body, { _tag: "Unhealthy", problems: ["account-overview is not live: nobody keeps it"] })
    })
  )
})
