/**
 * Runs the bank: `npm start`, with `PORT` to choose another port than 3000. Where its events are kept, `../store.ts` says.
 */
import { NodeHttpServer, NodeRuntime, NodeServices } from "@effect/platform-node"
import { Config, Console, Data, Effect, Exit, Layer, Schema } from "effect"
import { Command } from "effect/cli"
import { HttpRouter, HttpServer } from "effect/http"
import { Projection } from "eventfold"
import { createServer } from "node:http"
import * as Store from "../store.ts"
import { BankHttp } from "./http.ts"
import { overview } from "./read-models.ts"

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

const bank = Command.make("bank", { memory: Store.memory }, ({ memory }) =>
  Effect.gen(function* () {
    const port = yield* Config.schema(Port, "PORT").pipe(Config.withDefault(3000))
    // Nobody is invited before the doors are open, and nobody is let wait at them while the store is opened.
    return yield* Layer.effectDiscard(welcome).pipe(
      Layer.provide(HttpRouter.serve(BankHttp, { disableListenLog: true })),
      Layer.provide(NodeHttpServer.layer(createServer, { port })),
      Layer.provide(Projection.withInline(Store.layer("bank", memory), [overview])),
      Layer.launch,
      Effect.catchTag("ServeError", ({ cause }) => new CannotListen({ port, cause }))
    )
  })
).pipe(Command.withDescription("Opens a bank over HTTP"))

bank.pipe(
  Command.run({ version: "1.0.0" }),
  Effect.tapError((error) => (error._tag === "ShowHelp" ? Effect.void : Console.error(error.message))),
  Effect.tapDefect(Console.error),
  Effect.onInterrupt(() => Console.log("The bank is closed.")),
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain({
    disableErrorReporting: true,
    // To be told to stop is no failure.
    teardown: (exit, onExit) => onExit(Exit.isSuccess(exit) || Exit.hasInterrupts(exit) ? 0 : 1)
  })
)
