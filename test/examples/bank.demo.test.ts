/**
 * The bank as processes: the demo tells its story and means it, and the server comes and goes as it should.
 */
import { NodeHttpClient, NodeHttpServer, NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Layer } from "effect"
import { HttpClient, HttpClientRequest, HttpRouter, HttpServer, HttpServerResponse } from "effect/http"
import { createServer } from "node:http"
import { startExample } from "./support/program.ts"

const run = (file: "main.ts" | "demo.ts", env: Record<string, string>, flags: ReadonlyArray<string> = []) =>
  startExample(`bank/${file}`, flags, env)

const runToEnd = (...asked: Parameters<typeof run>) => Effect.flatMap(run(...asked), ({ end }) => end)

/** A bank that leaves nothing behind. */
const inMemory = (env: Record<string, string>) => run("main.ts", env, ["--memory"])

const portOf = Effect.map(HttpServer.HttpServer, ({ address }) =>
  address._tag === "UnixPathAddress" ? 0 : address.port
)

const portTakenByOthers = HttpRouter.serve(
  HttpRouter.add("*", "*", HttpServerResponse.jsonUnsafe({ balance: 1_000_000 })),
  { disableLogger: true, disableListenLog: true }
).pipe(Layer.provideMerge(NodeHttpServer.layer(createServer, { port: 0 })))

describe("demo", () => {
  it.live("tells its story to a copy of its own", () =>
    Effect.gen(function* () {
      const { code, said } = yield* runToEnd("demo.ts", {})
      assert.strictEqual(code, 0, said)
      assert.include(said, "Every answer was as expected.")
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.live("tells it to a running copy, any number of times", () =>
    Effect.gen(function* () {
      const bank = yield* inMemory({ PORT: "0" })
      const url = yield* bank.url
      for (let time = 0; time < 2; time++) {
        const { code, said } = yield* runToEnd("demo.ts", { BANK_URL: url })
        assert.strictEqual(code, 0, said)
      }
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.live("fails at the first wrong answer, and says what was expected", () =>
    Effect.gen(function* () {
      const { code, said } = yield* runToEnd("demo.ts", { BANK_URL: `http://localhost:${yield* portOf}` })
      assert.strictEqual(code, 1)
      assert.include(said, `Ada opens an account\n  expected: 201 {"owner":"Ada","balance":0}`)
      assert.include(said, `got:      200 {"balance":1000000}`)
    }).pipe(Effect.provide([portTakenByOthers, NodeServices.layer]))
  )
})

describe("main", () => {
  it.live("closes when it is told to", () =>
    Effect.gen(function* () {
      for (const killSignal of ["SIGINT", "SIGTERM"] as const) {
        const { child, end, url } = yield* inMemory({ PORT: "0" })
        yield* url
        yield* child.kill({ killSignal })
        const { code, said } = yield* end
        assert.strictEqual(code, 0)
        assert.include(said, "The bank is closed.")
      }
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.live("says so when its port is taken, or is none", () =>
    Effect.gen(function* () {
      const port = yield* portOf
      const taken = yield* runToEnd("main.ts", { PORT: String(port) }, ["--memory"])
      assert.strictEqual(taken.code, 1)
      assert.include(taken.said, `Port ${port} is not free`)
      assert.notInclude(taken.said, "    at ")
      const none = yield* runToEnd("main.ts", { PORT: "none" }, ["--memory"])
      assert.strictEqual(none.code, 1)
      assert.include(none.said, `["PORT"]`)
    }).pipe(Effect.provide([portTakenByOthers, NodeServices.layer]))
  )
})

describe("the store", () => {
  const inFolder = (DATA_DIR: string) => run("main.ts", { PORT: "0", DATABASE_URL: "", DATA_DIR })
  const folder = Effect.flatMap(FileSystem.FileSystem, (fs) => fs.makeTempDirectoryScoped({ prefix: "bank-" }))

  it.live("keeps accounts in its folder while the bank is closed, and is open for one bank at a time", () =>
    Effect.gen(function* () {
      const dataDir = `${yield* folder}/made/by/the/bank`
      const first = yield* inFolder(dataDir)
      const account = HttpClientRequest.post(`${yield* first.url}/accounts`).pipe(
        HttpClientRequest.bodyText(`{"id":"ada","owner":"Ada"}`, "application/json")
      )
      assert.strictEqual((yield* HttpClient.execute(account)).status, 201)
      const other = yield* Effect.flatMap(inFolder(dataDir), ({ end }) => end)
      assert.strictEqual(other.code, 1)
      assert.match(other.said, /^Events cannot be kept in the folder .*: process \d+ has it open.*\n$/m)
      assert.notInclude(other.said, "    at ")
      yield* first.child.kill({ killSignal: "SIGTERM" })
      assert.include((yield* first.end).said, `Events are kept in the folder ${dataDir}.`)

      const second = yield* inFolder(dataDir)
      const found = yield* HttpClient.get(`${yield* second.url}/accounts/ada`)
      assert.deepInclude(yield* found.json, { id: "ada", owner: "Ada", balance: 0 })
      const all = yield* HttpClient.get(`${yield* second.url}/accounts`)
      const ada = { id: "ada", owner: "Ada", status: "open", balance: 0, transfers: 0 }
      assert.deepStrictEqual(yield* all.json, { accounts: [ada] })
    }).pipe(Effect.provide([NodeServices.layer, NodeHttpClient.layerUndici]))
  )

  it.live("says in a line what is wrong with its server or its folder, and no password", () =>
    Effect.gen(function* () {
      const file = yield* Effect.flatMap(FileSystem.FileSystem, (fs) => fs.makeTempFileScoped({ prefix: "bank-" }))
      const port = yield* portOf
      const wrong: ReadonlyArray<readonly [Record<string, string>, string]> = [
        [{ DATABASE_URL: "secret@nowhere" }, "DATABASE_URL must look like postgres://user:password@host:5432/database"],
        [{ DATABASE_URL: "postgres://ada:secret@localhost:1/bank" }, "kept on the server localhost:1/bank: "],
        [{ DATABASE_URL: `postgres://ada:secret@localhost:${port}/bank` }, `on the server localhost:${port}/bank: `],
        [{ DATABASE_URL: "", DATA_DIR: file }, `Events cannot be kept in the folder ${file}: `]
      ]
      yield* Effect.forEach(
        wrong,
        Effect.fnUntraced(function* ([env, expected]) {
          const { code, said } = yield* runToEnd("main.ts", { PORT: "0", ...env })
          assert.strictEqual(code, 1)
          assert.include(said.trim().split("\n").at(-1), expected)
          assert.notMatch(said, /secret|^ {4}at /m)
        }),
        { concurrency: 2 }
      )
    }).pipe(Effect.provide([portTakenByOthers, NodeServices.layer]))
  )
})
