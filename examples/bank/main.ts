/**
 * Runs the bank: `npm start`, with `PORT` to choose another port than 3000.
 */
import { NodeHttpServer, NodeRuntime } from "@effect/platform-node"
import { Config, Console, Data, Effect, Exit, Layer, Schema } from "effect"
import { HttpRouter, HttpServer } from "effect/http"
import { MemoryEventStore } from "eventfold/memory"
import { createServer } from "node:http"
import { BankHttp } from "./http.ts"

/** The one place that says where events are kept: in memory, as long as the process lives. */
const store = MemoryEventStore.layer

/** 0 is any port that is free. */
const Port = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 65535 }))

class CannotListen extends Data.TaggedError("CannotListen")<{ readonly port: number; readonly cause: unknown }> {
  override get message(): string {
    return `Port ${this.port} is not free (${String(this.cause)}). Choose another one: PORT=3001 npm start`
  }
}

const welcome = Effect.gen(function* () {
  const { address } = yield* HttpServer.HttpServer
  const url = `http://localhost:${address._tag === "UnixPathAddress" ? address.path : address.port}`
  yield* Console.log(`The bank is open. Its API page: ${url}/docs

Try:
  curl -s ${url}/accounts -H 'content-type: application/json' -d '{"id":"ada","owner":"Ada"}'
  curl -s ${url}/accounts/ada/deposits -H 'content-type: application/json' -d '{"amount":100}'
`)
})

const bank = Effect.gen(function* () {
  const port = yield* Config.schema(Port, "PORT").pipe(Config.withDefault(3000))
  return yield* Layer.mergeAll(
    HttpRouter.serve(BankHttp, { disableListenLog: true }),
    Layer.effectDiscard(welcome)
  ).pipe(
    Layer.provide(store),
    Layer.provide(NodeHttpServer.layer(createServer, { port })),
    Layer.launch,
    Effect.catchTag("ServeError", ({ cause }) => new CannotListen({ port, cause }))
  )
})

bank.pipe(
  Effect.tapError((error) => Console.error(error.message)),
  Effect.tapDefect(Console.error),
  Effect.onInterrupt(() => Console.log("The bank is closed.")),
  NodeRuntime.runMain({
    disableErrorReporting: true,
    // To be told to stop is no failure.
    teardown: (exit, onExit) => onExit(Exit.isSuccess(exit) || Exit.hasInterrupts(exit) ? 0 : 1)
  })
)
