/**
 * The bank's whole story, told to a running copy over HTTP: `npm run demo` starts a copy of its own on a free port and in
 * memory, or talks to the one at `BANK_URL`. Every answer is checked; the first wrong one ends the story, with what was expected.
 */
import { NodeHttpClient, NodeRuntime, NodeServices } from "@effect/platform-node"
import {
  Config,
  Console,
  Data,
  DateTime,
  Deferred,
  Effect,
  Equal,
  Layer,
  Option,
  Schedule,
  Schema,
  Stream
} from "effect"
import { SecureRandom } from "effect/crypto"
import { HttpClient, HttpClientRequest } from "effect/http"
import { ChildProcess } from "effect/process"
import { execPath } from "node:process"
import { monthOf } from "./read-models.ts"

class DemoFailed extends Data.TaggedError("DemoFailed")<{ readonly message: string }> {}

interface Answer {
  readonly status: number
  readonly body: Schema.Json
}

const text = (value: unknown) => JSON.stringify(value)
const decodeBody = Schema.decodeEffect(Schema.fromJsonString(Schema.Json))

const decodeWritten = Schema.decodeUnknownEffect(Schema.Struct({ position: Schema.Int }))

/** How to ask the bank at a URL. */
const bankAt = Effect.fnUntraced(function* (url: string) {
  const client = yield* HttpClient.HttpClient

  const ask = Effect.fnUntraced(
    function* (request: HttpClientRequest.HttpClientRequest) {
      const response = yield* client.execute(HttpClientRequest.prependUrl(request, url))
      const answer: Answer = { status: response.status, body: yield* Effect.flatMap(response.text, decodeBody) }
      return answer
    },
    Effect.mapError((error) => new DemoFailed({ message: `The bank at ${url} gives no answer: ${error.message}` }))
  )
  const postText = (path: string, body: string, headers: Record<string, string> = {}) =>
    ask(HttpClientRequest.post(path, { headers }).pipe(HttpClientRequest.bodyText(body, "application/json")))

  return {
    get: (path: string) => ask(HttpClientRequest.get(path)),
    post: (path: string, body: Schema.Json, headers?: Record<string, string>) => postText(path, text(body), headers),
    postText
  }
})

/** One line of the story: what is asked, and the answer it must get. An answer may say more than is expected. */
const line = Effect.fnUntraced(function* <E, R>(
  story: string,
  asked: Effect.Effect<Answer, E, R>,
  status: number,
  expected: Schema.JsonObject
) {
  const answer = yield* asked
  const completed = Object.assign({}, answer.body, expected)
  if (answer.status !== status || !Equal.equals(completed, answer.body)) {
    const got = `${answer.status} ${text(answer.body)}`
    const message = `${story}\n  expected: ${status} ${text(expected)}\n  got:      ${got}`
    return yield* new DemoFailed({ message })
  }
  yield* Console.log(`  ${status}  ${story}`)
  return answer
})

const chapter = (title: string) => Console.log(`\n${title}`)

const must = (story: string, holds: boolean, found: unknown) =>
  holds
    ? Console.log(`   ok  ${story}`)
    : Effect.fail(new DemoFailed({ message: `${story}\n  expected this to hold, but found ${text(found)}` }))

const tellStory = Effect.fnUntraced(function* (url: string) {
  const { get, post, postText } = yield* bankAt(url)
  const { uuidV4 } = yield* SecureRandom.SecureRandom
  const run = (yield* uuidV4()).slice(0, 8)
  const [ada, bob, nobody] = [`ada-${run}`, `bob-${run}`, `nobody-${run}`]
  const key = (name: string) => ({ "idempotency-key": `${name}-${run}` })

  yield* Console.log(`The story of ${ada} and ${bob}, at ${url}`)

  yield* chapter("Ada and Bob open accounts")
  yield* line("Ada opens an account", post("/accounts", { id: ada, owner: "Ada" }), 201, { owner: "Ada", balance: 0 })
  yield* line("Bob opens an account", post("/accounts", { id: bob, owner: "Bob" }), 201, { owner: "Bob", balance: 0 })
  const eve = yield* line("Eve opens one without an id", post("/accounts", { owner: "Eve" }, key("eve")), 201, {})
  const again = yield* post("/accounts", { owner: "Eve" }, key("eve"))
  yield* must("sent again under its key, Eve gets the same account", Equal.equals(again, eve), again)

  yield* chapter("Money comes and goes")
  yield* line("Ada deposits 100", post(`/accounts/${ada}/deposits`, { amount: 100 }), 200, { balance: 100, version: 2 })
  const withdraw = post(`/accounts/${ada}/withdrawals`, { amount: 30 }, key("withdraw"))
  yield* line("Ada withdraws 30", withdraw, 200, { balance: 70, version: 3 })
  const transfer = post("/transfers", { from: ada, to: bob, amount: 50 }, key("transfer"))
  const first = yield* line("Ada sends 50 to Bob", transfer, 200, { from: ada, to: bob, amount: 50, balance: 20 })
  yield* line("Ada has 20", get(`/accounts/${ada}`), 200, { balance: 20, version: 4 })
  yield* line("Bob has 50", get(`/accounts/${bob}`), 200, { balance: 50, version: 2 })

  yield* chapter("The same requests once more: the first answers, and nothing happens twice")
  yield* line("Ada withdraws 30, again", withdraw, 200, { balance: 70, version: 3 })
  const second = yield* transfer
  yield* must("the transfer has the same answer", Equal.equals(second, first), second)
  yield* line("Ada still has 20", get(`/accounts/${ada}`), 200, { balance: 20, version: 4 })

  yield* chapter("What is shown: all accounts at once, statements as soon as they have come as far as the one who asks")
  const adaIs = (status: string, balance: number) =>
    line(`the overview has Ada: ${status}, ${balance}`, get(`/accounts?after=${ada.slice(0, -1)}&limit=1`), 200, {
      accounts: [{ id: ada, owner: "Ada", status, balance, transfers: 1 }]
    })
  yield* adaIs("open", 20)
  const { position } = yield* decodeWritten(first.body)
  const month = monthOf(yield* DateTime.now)
  const statement = get(`/accounts/${bob}/statements/${month}?after=${position}`)
  yield* line("Bob's statement has what Ada sent", statement, 200, { account: bob, in: "50", out: "0" })
  yield* line("both read models are healthy", get("/health"), 200, { status: "healthy" })

  yield* chapter("Back in time")
  yield* line("Ada had 100 at version 2", get(`/accounts/${ada}?at=2`), 200, { balance: 100, version: 2 })
  yield* line("Ada had no account in 2000", get(`/accounts/${ada}?at=2000-01-01T00:00:00Z`), 404, {
    _tag: "AccountNotOpen"
  })

  yield* chapter("What the bank refuses")
  const histories = Effect.all([get(`/accounts/${ada}/history`), get(`/accounts/${bob}/history`)])
  const before = yield* histories
  const withdrawals = `/accounts/${ada}/withdrawals`
  const invalid = (path: ReadonlyArray<string>, message: string) => ({ status: 400, errors: [{ path, message }] })
  yield* line("half of a JSON document", postText(withdrawals, `{"amount":`), 400, {
    ...invalid(["payload"], "Expected a valid JSON body")
  })
  yield* line("an amount that is none", post(withdrawals, { amount: "ten" }), 400, {
    ...invalid(["payload", "amount"], "Expected number")
  })
  yield* line("a negative amount", post(withdrawals, { amount: -10 }), 400, {
    ...invalid(["payload", "amount"], "Expected more than 0")
  })
  yield* line("more than there is", post(withdrawals, { amount: 21 }), 422, {
    _tag: "InsufficientFunds",
    balance: 20,
    requested: 21
  })
  yield* line("a deposit to nobody", post(`/accounts/${nobody}/deposits`, { amount: 1 }), 404, {
    _tag: "AccountNotOpen"
  })
  yield* line("a transfer to nobody", post("/transfers", { from: ada, to: nobody, amount: 1 }), 404, {
    _tag: "RecipientNotOpen",
    to: nobody
  })
  yield* line("a transfer to oneself", post("/transfers", { from: ada, to: ada, amount: 1 }), 422, {
    _tag: "TransferToSelf"
  })
  yield* line("opening an account twice", post("/accounts", { id: ada, owner: "Ada" }), 422, {
    _tag: "AccountAlreadyOpen"
  })
  yield* line("a key used for another amount", post(withdrawals, { amount: 1 }, key("withdraw")), 422, {
    _tag: "KeyReused"
  })
  yield* line("closing an account with money in it", post(`/accounts/${ada}/close`, {}), 422, {
    _tag: "BalanceNotZero",
    balance: 20
  })
  const after = yield* histories
  yield* must("nothing of this was stored: both histories are what they were", Equal.equals(after, before), after)

  yield* chapter("Everybody at once: the bank decides again whenever somebody came first")
  const rush = yield* Effect.all(
    Array.from({ length: 10 }, () => post(withdrawals, { amount: 5 })),
    { concurrency: "unbounded" }
  )
  const statuses = rush.map(({ status }) => status).toSorted()
  const fourOfTen = [200, 200, 200, 200, 422, 422, 422, 422, 422, 422]
  yield* must("of 10 withdrawals of 5 from 20, exactly 4 succeed", Equal.equals(statuses, fourOfTen), statuses)
  yield* line("Ada has nothing left", get(`/accounts/${ada}`), 200, { balance: 0, version: 8 })

  yield* chapter("The end")
  yield* line("Ada closes her account", post(`/accounts/${ada}/close`, {}), 200, { status: "closed", balance: 0 })
  yield* line("which takes no deposits", post(`/accounts/${ada}/deposits`, { amount: 1 }), 422, {
    _tag: "AccountIsClosed"
  })
  yield* line("nor transfers", post("/transfers", { from: bob, to: ada, amount: 1 }), 422, {
    _tag: "RecipientIsClosed",
    to: ada
  })
  yield* adaIs("closed", 0)
  yield* line("Bob keeps his 50", get(`/accounts/${bob}`), 200, { balance: 50, version: 2 })

  yield* Console.log("\nEvery answer was as expected.")
})

/** Starts a copy of the bank that lives as long as the scope, and gives its URL as soon as it says it. */
const ownCopy = Effect.gen(function* () {
  const url = yield* Deferred.make<string, DemoFailed>()
  const bank = yield* ChildProcess.make(
    execPath,
    ["--conditions=@eventfold/source", `${import.meta.dirname}/main.ts`, "--memory"],
    { env: { PORT: "0" }, extendEnv: true, stderr: "inherit" }
  )
  yield* bank.stdout.pipe(
    Stream.decodeText,
    Stream.splitLines,
    // Read to the end, or the bank would have to wait with what it logs.
    Stream.runForEach((line) => {
      const found = /http:\/\/localhost:\d+/.exec(line)
      return found === null ? Effect.void : Deferred.succeed(url, found[0])
    }),
    Effect.ensuring(Deferred.fail(url, new DemoFailed({ message: "The bank stopped before it had opened." }))),
    Effect.forkScoped
  )
  return yield* Deferred.await(url)
})

const demo = Effect.gen(function* () {
  const running = yield* Config.String("BANK_URL").pipe(Config.option)
  const url = yield* Option.match(running, { onNone: () => ownCopy, onSome: Effect.succeed })
  const { get } = yield* bankAt(url)
  yield* get("/openapi.json").pipe(Effect.retry({ schedule: Schedule.spaced("100 millis"), times: 50 }))
  yield* tellStory(url)
})

demo.pipe(
  Effect.scoped,
  Effect.timeout("1 minute"),
  Effect.tapError((error) => Console.error(`\n${error.message}`)),
  Effect.tapDefect(Console.error),
  Effect.provide(Layer.mergeAll(NodeServices.layer, NodeHttpClient.layerUndici, SecureRandom.layerWebCrypto)),
  NodeRuntime.runMain({ disableErrorReporting: true })
)
