/**
 * The bank as processes: the demo tells its story and means it, and the server comes and goes as it should.
 */
import { NodeHttpServer, NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Stream } from "effect"
import { HttpRouter, HttpServer, HttpServerResponse } from "effect/http"
import { ChildProcess } from "effect/process"
import { createServer } from "node:http"
import { execPath } from "node:process"

const run = Effect.fnUntraced(function* (file: "main.ts" | "demo.ts", env: Record<string, string>) {
  const path = `${import.meta.dirname}/../../examples/bank/${file}`
  const child = yield* ChildProcess.make(execPath, ["--conditions=@eventfold/source", path], { env, extendEnv: true })
  const url = yield* Deferred.make<string>()
  let said = ""
  const output = yield* child.all.pipe(
    Stream.decodeText,
    Stream.runForEach((text) => {
      said += text
      const found = /http:\/\/localhost:\d+/.exec(said)
      return found === null ? Effect.void : Deferred.succeed(url, found[0])
    }),
    Effect.forkScoped
  )
  const end = Effect.gen(function* () {
    const code = yield* child.exitCode
    yield* Fiber.join(output)
    return { code: Number(code), said }
  })
  return { child, end, url: Deferred.await(url) }
})

const runToEnd = (file: "main.ts" | "demo.ts", env: Record<string, string> = {}) =>
  Effect.flatMap(run(file, env), ({ end }) => end)

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
      const { code, said } = yield* runToEnd("demo.ts")
      assert.strictEqual(code, 0, said)
      assert.include(said, "Every answer was as expected.")
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.live("tells it to a running copy, any number of times", () =>
    Effect.gen(function* () {
      const bank = yield* run("main.ts", { PORT: "0" })
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
        const { child, end, url } = yield* run("main.ts", { PORT: "0" })
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
      const taken = yield* runToEnd("main.ts", { PORT: String(port) })
      assert.strictEqual(taken.code, 1)
      assert.include(taken.said, `Port ${port} is not free`)
      assert.notInclude(taken.said, "    at ")
      const none = yield* runToEnd("main.ts", { PORT: "none" })
      assert.strictEqual(none.code, 1)
      assert.include(none.said, `["PORT"]`)
    }).pipe(Effect.provide([portTakenByOthers, NodeServices.layer]))
  )
})
