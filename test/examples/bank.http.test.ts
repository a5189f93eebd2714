/**
 * The bank over HTTP, in process: every status it answers with, and that what it refuses leaves nothing behind.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema, Stream } from "effect"
import { EventStore } from "eventfold"
import { type Bank, emptyBank, furnish } from "./support/bank.ts"

type Store = EventStore.EventStore["Service"]

/** A bank where Ada has 100, and Bob has nothing. */
const bank = Effect.tap(emptyBank, furnish)

/** The same over a store that lets everybody read before anybody writes: of those who ask at once, one wins a round. */
const contested = Effect.gen(function* () {
  const { broken, store } = yield* emptyBank
  const contest = yield* broken(({ append }) => ({
    append: (writes, options) => Effect.andThen(Effect.yieldNow, append(writes, options))
  }))
  yield* furnish(contest)
  return { store, ...contest }
})

const everything = (store: Store) => Effect.orDie(Stream.runCollect(store.readLog()))

const key = (key: string) => ({ "idempotency-key": key })

/** Ada's account, whose first events are the first of the log. */
const ada = (balance: number, version: number, position = version) => ({
  id: "ada",
  status: "open",
  owner: "Ada",
  balance,
  version,
  position
})

describe.concurrent("what is allowed", () => {
  it.effect("an account's life", () =>
    Effect.gen(function* () {
      const { get, post } = yield* emptyBank
      assert.deepStrictEqual(yield* post("/accounts", { id: "ada", owner: "Ada" }), { status: 201, body: ada(0, 1) })
      assert.deepStrictEqual(yield* post("/accounts/ada/deposits", { amount: 10 }), { status: 200, body: ada(10, 2) })
      assert.deepStrictEqual(yield* post("/accounts/ada/withdrawals", { amount: 10 }), { status: 200, body: ada(0, 3) })
      const closed = { status: 200, body: { ...ada(0, 4), status: "closed" } }
      assert.deepStrictEqual(yield* post("/accounts/ada/close"), closed)
      assert.deepStrictEqual(yield* get("/accounts/ada"), closed)
    })
  )

  it.effect("a transfer stores both sides, next to each other", () =>
    Effect.gen(function* () {
      const { store, get, post } = yield* bank
      const { status, body } = yield* post("/transfers", { from: "ada", to: "bob", amount: 30 })
      assert.strictEqual(status, 200)
      assert.deepInclude(body, { from: "ada", to: "bob", amount: 30, balance: 70 })
      assert.deepInclude((yield* get("/accounts/ada")).body, { balance: 70 })
      assert.deepInclude((yield* get("/accounts/bob")).body, { balance: 30 })
      const [sent, received] = (yield* everything(store)).slice(-2)
      assert.strictEqual(sent?.type, "TransferSent")
      assert.strictEqual(received?.type, "TransferReceived")
      assert.strictEqual(sent?.metadata.commandId, received?.metadata.commandId)
    })
  )

  it.effect("the history tells what happened, when, and who asked", () =>
    Effect.gen(function* () {
      const { get, post } = yield* emptyBank
      yield* post("/accounts", { id: "ada", owner: "Ada" })
      yield* post("/accounts/ada/deposits", { amount: 10 }, { "x-actor": "teller:7" })
      const { status, body } = yield* get("/accounts/ada/history")
      assert.strictEqual(status, 200)
      const [opened, deposited] = yield* Effect.orDie(
        Schema.decodeUnknownEffect(Schema.Array(Schema.Record(Schema.String, Schema.Unknown)))(body)
      )
      assert.deepInclude(opened, { version: 1, type: "AccountOpened", data: { owner: "Ada" } })
      assert.notProperty(opened, "actor")
      assert.deepInclude(deposited, { version: 2, actor: "teller:7", type: "Deposited", data: { amount: 10 } })
      assert.match(String(deposited?.recordedAt), /^\d{4}-\d\d-\d\dT.*Z$/)
    })
  )

  it.effect("an account can be seen as it was at a version or an instant", () =>
    Effect.gen(function* () {
      const { store, get, post } = yield* bank
      yield* post("/accounts/ada/withdrawals", { amount: 1 })
      assert.deepStrictEqual((yield* get("/accounts/ada?at=1")).body, ada(0, 1))
      assert.deepStrictEqual((yield* get("/accounts/ada?at=2")).body, ada(100, 2))
      const { recordedAt } = (yield* everything(store)).at(-1)!
      assert.deepStrictEqual((yield* get(`/accounts/ada?at=${recordedAt.toJSON()}`)).body, ada(99, 3, 4))
      assert.strictEqual((yield* get("/accounts/ada?at=2000-01-01T00:00:00Z")).status, 404)
      assert.strictEqual((yield* get("/accounts/ada?at=0")).status, 404)
    })
  )
})

describe.concurrent("what is refused stores nothing", () => {
  const refused = (
    name: string,
    [method, path, body, headers]: readonly [
      method: string,
      path: string,
      body?: Schema.Json | { readonly raw: string } | undefined,
      headers?: Record<string, string>
    ],
    status: number,
    expected: unknown
  ) =>
    it.effect(`${status}: ${name}`, () =>
      Effect.gen(function* () {
        const { ask, store } = yield* bank
        const before = yield* everything(store)
        const answer = yield* ask(method, path, body, headers)
        assert.strictEqual(answer.status, status)
        if (status === 400) assert.deepInclude(answer.body, { status: 400, errors: expected })
        else assert.deepStrictEqual(answer.body, expected)
        assert.deepStrictEqual(yield* everything(store), before)
      })
    )
  const wrong = (message: string, ...path: ReadonlyArray<string>) => [{ path, message }]

  refused(
    "half of a JSON document",
    ["POST", "/accounts", { raw: `{"owner":` }],
    400,
    wrong("Expected a valid JSON body", "payload")
  )
  refused("no body", ["POST", "/accounts", { raw: "" }], 400, wrong("Expected object", "payload"))
  refused("a missing field", ["POST", "/accounts", {}], 400, wrong("Missing key", "payload", "owner"))
  refused("an empty owner", ["POST", "/accounts", { owner: " " }], 400, wrong("Expected a name", "payload", "owner"))
  for (const owner of ["A\u0000", "\ud800", "a\nb"]) {
    refused(
      `an owner of ${JSON.stringify(owner)}`,
      ["POST", "/accounts", { owner }],
      400,
      wrong("Expected a name", "payload", "owner")
    )
  }
  refused(
    "a field too many",
    ["POST", "/accounts", { owner: "Eve", balance: 5 }],
    400,
    wrong("Expected no excess property", "payload", "balance")
  )
  for (const amount of [0, -1]) {
    refused(
      `an amount of ${amount}`,
      ["POST", "/accounts/ada/deposits", { amount }],
      400,
      wrong("Expected more than 0", "payload", "amount")
    )
  }
  for (const amount of [1.5, 2 ** 53]) {
    refused(
      `an amount of ${amount}`,
      ["POST", "/transfers", { from: "ada", to: "bob", amount }],
      400,
      wrong("Expected an integer", "payload", "amount")
    )
  }
  refused(
    "an amount in words",
    ["POST", "/accounts/ada/withdrawals", { amount: "ten" }],
    400,
    wrong("Expected number", "payload", "amount")
  )
  refused(
    "an id that is none",
    ["POST", "/accounts/a%20b/close"],
    400,
    wrong("Expected 1 to 64 letters, digits, hyphens or underscores", "params", "id")
  )
  refused(
    "an empty key",
    ["POST", "/accounts/ada/close", undefined, key("")],
    400,
    wrong("Expected a value with a length between 1 and 200", "headers", "idempotency-key")
  )

  refused("a state of nobody", ["GET", "/accounts/nobody"], 404, { _tag: "AccountNotOpen" })
  refused("a history of nobody", ["GET", "/accounts/nobody/history"], 404, { _tag: "AccountNotOpen" })
  refused("a deposit to nobody", ["POST", "/accounts/nobody/deposits", { amount: 1 }], 404, { _tag: "AccountNotOpen" })
  refused("a withdrawal from nobody", ["POST", "/accounts/nobody/withdrawals", { amount: 1 }], 404, {
    _tag: "AccountNotOpen"
  })
  refused("closing nobody", ["POST", "/accounts/nobody/close"], 404, { _tag: "AccountNotOpen" })
  refused("a transfer from nobody", ["POST", "/transfers", { from: "nobody", to: "ada", amount: 1 }], 404, {
    _tag: "AccountNotOpen"
  })
  refused("a transfer to nobody", ["POST", "/transfers", { from: "ada", to: "nobody", amount: 1 }], 404, {
    _tag: "RecipientNotOpen",
    to: "nobody"
  })
  refused("no such route", ["GET", "/nowhere"], 404, "")
  refused("no such method", ["DELETE", "/accounts/ada"], 404, "")

  refused("opening twice", ["POST", "/accounts", { id: "ada", owner: "Ada" }], 422, { _tag: "AccountAlreadyOpen" })
  refused("withdrawing too much", ["POST", "/accounts/ada/withdrawals", { amount: 101 }], 422, {
    _tag: "InsufficientFunds",
    balance: 100,
    requested: 101
  })
  refused("sending too much", ["POST", "/transfers", { from: "ada", to: "bob", amount: 101 }], 422, {
    _tag: "InsufficientFunds",
    balance: 100,
    requested: 101
  })
  refused("sending to oneself", ["POST", "/transfers", { from: "ada", to: "ada", amount: 1 }], 422, {
    _tag: "TransferToSelf"
  })
  refused("depositing too much", ["POST", "/accounts/ada/deposits", { amount: Number.MAX_SAFE_INTEGER }], 422, {
    _tag: "BalanceTooLarge",
    limit: Number.MAX_SAFE_INTEGER
  })
  refused("closing with money in it", ["POST", "/accounts/ada/close"], 422, { _tag: "BalanceNotZero", balance: 100 })

  it.effect("422: whatever is asked of a closed account", () =>
    Effect.gen(function* () {
      const { post, store } = yield* bank
      yield* post("/accounts/bob/close")
      const before = yield* everything(store)
      const closed = { status: 422, body: { _tag: "AccountIsClosed" } }
      assert.deepStrictEqual(yield* post("/accounts", { id: "bob", owner: "Bob" }), closed)
      assert.deepStrictEqual(yield* post("/accounts/bob/deposits", { amount: 1 }), closed)
      assert.deepStrictEqual(yield* post("/accounts/bob/withdrawals", { amount: 1 }), closed)
      assert.deepStrictEqual(yield* post("/accounts/bob/close"), closed)
      assert.deepStrictEqual(yield* post("/transfers", { from: "bob", to: "ada", amount: 1 }), closed)
      const recipient = { status: 422, body: { _tag: "RecipientIsClosed", to: "bob" } }
      assert.deepStrictEqual(yield* post("/transfers", { from: "ada", to: "bob", amount: 1 }), recipient)
      assert.deepStrictEqual(yield* everything(store), before)
    })
  )
})

describe.concurrent("when the store fails", () => {
  const asks = (bank: Bank) =>
    Effect.all([
      bank.post("/accounts", { id: "eve", owner: "Eve" }),
      bank.post("/accounts/ada/deposits", { amount: 1 }),
      bank.post("/accounts/ada/withdrawals", { amount: 1 }),
      bank.post("/transfers", { from: "ada", to: "bob", amount: 1 }),
      bank.post("/accounts/bob/close")
    ])

  it.effect("409: others kept coming first", () =>
    Effect.gen(function* () {
      const { broken, store } = yield* bank
      const before = yield* everything(store)
      const conflict = new EventStore.ConcurrencyConflict({ stream: "account-ada", expected: 2, actual: 3 })
      for (const { status, body } of yield* asks(yield* broken(() => ({ append: () => Effect.fail(conflict) })))) {
        assert.strictEqual(status, 409)
        assert.deepStrictEqual(body, { _tag: "ConcurrencyConflict", stream: "account-ada", expected: 2, actual: 3 })
      }
      assert.deepStrictEqual(yield* everything(store), before)
    })
  )

  const unavailable = new EventStore.StoreError({
    reason: "Unavailable",
    problem: "no connection to db.internal"
  })

  it.effect("503: it cannot be written, and nobody learns what it is", () =>
    Effect.gen(function* () {
      const { broken } = yield* bank
      for (const answer of yield* asks(yield* broken(() => ({ append: () => Effect.fail(unavailable) })))) {
        assert.deepStrictEqual(answer, { status: 503, body: { _tag: "Unavailable" } })
      }
    })
  )

  it.effect("503: it cannot be read", () =>
    Effect.gen(function* () {
      const unread = yield* (yield* bank).broken(() => ({ readStream: () => Stream.fail(unavailable) }))
      const reads = yield* Effect.all([unread.get("/accounts/ada"), unread.get("/accounts/ada/history")])
      for (const answer of [...reads, ...(yield* asks(unread))]) {
        assert.deepStrictEqual(answer, { status: 503, body: { _tag: "Unavailable" } })
      }
    })
  )

  it.effect("500: what is stored cannot be read, and nobody learns why", () =>
    Effect.gen(function* () {
      const { get, post } = yield* (yield* bank).broken(({ readStream }) => ({
        readStream: (...args) => Stream.map(readStream(...args), (event) => ({ ...event, data: { amount: "many" } }))
      }))
      const nothing = { status: 500, body: "" }
      assert.deepStrictEqual(yield* get("/accounts/ada"), nothing)
      assert.deepStrictEqual(yield* get("/accounts/ada/history"), nothing)
      assert.deepStrictEqual(yield* post("/accounts/ada/deposits", { amount: 1 }), nothing)
    })
  )
})

describe.concurrent("a request that is sent again", () => {
  const again = (name: string, path: string, body?: Schema.Json) =>
    it.effect(`${name}: the same answer, whatever came between, and nothing more stored`, () =>
      Effect.gen(function* () {
        const { post, store } = yield* bank
        yield* post("/accounts", { id: "cid", owner: "Cid" })
        const first = yield* post(path, body, key("k"))
        yield* post("/accounts/ada/deposits", { amount: 7 })
        const before = yield* everything(store)
        assert.isBelow(first.status, 300)
        assert.deepStrictEqual(yield* post(path, body, key("k")), first)
        assert.deepStrictEqual(yield* everything(store), before)
      })
    )
  again("open", "/accounts", { id: "eve", owner: "Eve" })
  again("open, with an id of the server's making", "/accounts", { owner: "Eve" })
  again("deposit", "/accounts/ada/deposits", { amount: 5 })
  again("withdraw", "/accounts/ada/withdrawals", { amount: 5 })
  again("transfer", "/transfers", { from: "ada", to: "bob", amount: 5 })
  again("close", "/accounts/cid/close")

  it.effect("is refused when it asks for something else under the same key", () =>
    Effect.gen(function* () {
      const { post, store } = yield* bank
      yield* post("/accounts", { owner: "Eve" }, key("k"))
      yield* post("/accounts/ada/deposits", { amount: 5 }, key("k"))
      yield* post("/accounts/ada/withdrawals", { amount: 5 }, key("k"))
      yield* post("/transfers", { from: "ada", to: "bob", amount: 5 }, key("k"))
      const before = yield* everything(store)
      const refused = { status: 422, body: { _tag: "KeyReused" } }
      assert.deepStrictEqual(yield* post("/accounts", { owner: "Eva" }, key("k")), refused)
      assert.deepStrictEqual(yield* post("/accounts/ada/deposits", { amount: 6 }, key("k")), refused)
      assert.deepStrictEqual(yield* post("/accounts/ada/withdrawals", { amount: 6 }, key("k")), refused)
      assert.deepStrictEqual(yield* post("/transfers", { from: "ada", to: "bob", amount: 6 }, key("k")), refused)
      assert.deepStrictEqual(yield* everything(store), before)
    })
  )

  it.effect("is not mixed up with the same key on another operation, account or recipient", () =>
    Effect.gen(function* () {
      const { get, post } = yield* bank
      yield* post("/accounts", { id: "cid", owner: "Cid" }, key("k"))
      yield* post("/accounts/ada/deposits", { amount: 10 }, key("k"))
      yield* post("/accounts/ada/withdrawals", { amount: 10 }, key("k"))
      yield* post("/accounts/bob/deposits", { amount: 10 }, key("k"))
      yield* post("/transfers", { from: "ada", to: "bob", amount: 10 }, key("k"))
      yield* post("/transfers", { from: "ada", to: "cid", amount: 10 }, key("k"))
      yield* post("/transfers", { from: "bob", to: "ada", amount: 10 }, key("k"))
      assert.deepInclude((yield* get("/accounts/ada")).body, { balance: 90 })
      assert.deepInclude((yield* get("/accounts/bob")).body, { balance: 10 })
      assert.deepInclude((yield* get("/accounts/cid")).body, { balance: 10 })
    })
  )

  it.effect("is decided anew when it was refused before", () =>
    Effect.gen(function* () {
      const { post } = yield* bank
      assert.strictEqual((yield* post("/accounts/bob/withdrawals", { amount: 5 }, key("k"))).status, 422)
      yield* post("/accounts/bob/deposits", { amount: 5 })
      assert.strictEqual((yield* post("/accounts/bob/withdrawals", { amount: 5 }, key("k"))).status, 200)
    })
  )
})

describe.concurrent("at the same time", () => {
  const atOnce = <A>(times: number, ask: Effect.Effect<A>) =>
    Effect.all(
      Array.from({ length: times }, () => ask),
      { concurrency: "unbounded" }
    )

  it.effect("of 50 withdrawals of 1 from a balance of 10, 10 succeed and 0 is left", () =>
    Effect.gen(function* () {
      const { get, post } = yield* contested
      yield* post("/accounts/bob/deposits", { amount: 10 })
      const answers = yield* atOnce(50, post("/accounts/bob/withdrawals", { amount: 1 }))
      assert.strictEqual(answers.filter(({ status }) => status === 200).length, 10)
      assert.strictEqual(answers.filter(({ status }) => status === 422).length, 40)
      assert.deepInclude((yield* get("/accounts/bob")).body, { balance: 0 })
    })
  )

  it.effect("100 deposits to one account all succeed", () =>
    Effect.gen(function* () {
      const { get, post } = yield* contested
      const answers = yield* atOnce(100, post("/accounts/bob/deposits", { amount: 1 }))
      assert.isTrue(answers.every(({ status }) => status === 200))
      assert.deepInclude((yield* get("/accounts/bob")).body, { balance: 100 })
    })
  )

  const raced = (name: string, path: string, body: Schema.Json, events: number) =>
    it.effect(`one ${name} sent 20 times under one key is done once, with one answer`, () =>
      Effect.gen(function* () {
        const { post, store } = yield* contested
        const before = yield* store.head
        const answers = yield* atOnce(20, post(path, body, key("k")))
        assert.isBelow(answers[0]!.status, 300)
        for (const answer of answers) assert.deepStrictEqual(answer, answers[0])
        assert.strictEqual((yield* store.head) - before, events)
      })
    )
  raced("opening", "/accounts", { owner: "Eve" }, 1)
  raced("deposit", "/accounts/ada/deposits", { amount: 5 }, 1)
  raced("transfer", "/transfers", { from: "ada", to: "bob", amount: 5 }, 2)

  it.effect("transfers back and forth keep the money together", () =>
    Effect.gen(function* () {
      const { get, post } = yield* contested
      yield* Effect.all(
        Array.from({ length: 60 }, (_, i) =>
          i % 2 === 0
            ? post("/transfers", { from: "ada", to: "bob", amount: 3 })
            : post("/transfers", { from: "bob", to: "ada", amount: 2 })
        ),
        { concurrency: "unbounded" }
      )
      const Balance = Schema.Struct({ balance: Schema.Int })
      const balanceOf = (id: string) =>
        Effect.flatMap(get(`/accounts/${id}`), ({ body }) => Schema.decodeUnknownEffect(Balance)(body))
      assert.strictEqual((yield* balanceOf("ada")).balance + (yield* balanceOf("bob")).balance, 100)
    })
  )
})

describe.concurrent("the description", () => {
  it.effect("names every route, and what it can be refused with", () =>
    Effect.gen(function* () {
      const { status, body } = yield* (yield* emptyBank).get("/openapi.json")
      assert.strictEqual(status, 200)
      const Document = Schema.Struct({
        paths: Schema.Record(
          Schema.String,
          Schema.Record(Schema.String, Schema.Struct({ responses: Schema.Record(Schema.String, Schema.Unknown) }))
        )
      })
      const { paths } = yield* Schema.decodeUnknownEffect(Document)(body)
      const described = Object.entries(paths).flatMap(([path, methods]) =>
        Object.entries(methods).map(
          ([method, { responses }]) => `${method} ${path} ${Object.keys(responses).join(" ")}`
        )
      )
      assert.deepStrictEqual(described.toSorted(), [
        "get /accounts 200 400 500 503",
        "get /accounts/{id} 200 400 404 500 503",
        "get /accounts/{id}/history 200 400 404 500 503",
        "get /accounts/{id}/statements/{month} 200 400 404 500 503 504",
        "get /health 200 400 500 503",
        "post /accounts 201 400 409 422 500 503",
        "post /accounts/{id}/close 200 400 404 409 422 500 503",
        "post /accounts/{id}/deposits 200 400 404 409 422 500 503",
        "post /accounts/{id}/withdrawals 200 400 404 409 422 500 503",
        "post /transfers 200 400 404 409 422 500 503"
      ])
    })
  )

  it.effect("is where the root leads to", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* (yield* emptyBank).get("/")).status, 302)
    })
  )

  it.effect("has a page that loads nothing from elsewhere", () =>
    Effect.gen(function* () {
      const { status, body } = yield* (yield* emptyBank).get("/docs")
      assert.strictEqual(status, 200)
      assert.notMatch(String(body), /<(script|link|img)[^>]+(src|href)=/)
    })
  )
})
