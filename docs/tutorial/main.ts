// main.ts
import { NodeHttpServer, NodeRuntime } from "@effect/platform-node"
import { Effect, Layer, Stream } from "effect"
import { HttpRouter } from "effect/http"
import { HttpApiBuilder, HttpApiSwagger } from "effect/http-api"
import { HealthRoute } from "eventfold/http"
import { createServer } from "node:http"
import { Accounts } from "./accounts.ts"
import { BankApi } from "./api.ts"
import { Overview } from "./overview.ts"
import { StoreLayer } from "./store.ts"

const handlers = HttpApiBuilder.group(
  BankApi,
  "accounts",
  Effect.fnUntraced(function* (handlers) {
    const accounts = yield* Accounts
    const overview = yield* Overview
    return handlers.handleAll({
      execute: ({ headers, params: { id }, payload: command }) =>
        accounts.execute(id, command, { commandId: headers["idempotency-key"] }).pipe(
          Effect.map(({ position, state, version }) => ({ state, version, position })),
          // No fault of whoever asked: 500.
          Effect.catchTag(["ConcurrencyConflict", "StoreError", "DecodeError"], Effect.die)
        ),
      // Who has just written says where that was, and sees it.
      overview: ({ query: { after = 0 } }) =>
        Effect.gen(function* () {
          yield* overview.awaitPosition(after)
          return Object.fromEntries(yield* Stream.runCollect(overview.query()))
        }).pipe(Effect.orDie)
    })
  })
)

const routes = Layer.mergeAll(
  HttpApiBuilder.layer(BankApi).pipe(Layer.provide(handlers), Layer.provide([Accounts.layer, Overview.layer])),
  HttpApiSwagger.layer(BankApi, { path: "/docs" }),
  HealthRoute.layer()
)

HttpRouter.serve(routes).pipe(
  Layer.provide(NodeHttpServer.layer(createServer, { port: Number(process.env["PORT"] ?? 3000) })),
  Layer.provide(StoreLayer),
  Layer.launch,
  NodeRuntime.runMain
)
