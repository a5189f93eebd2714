/**
 * 12. The shop over HTTP, for as long as one likes: `npm run example:shop -- serve`, with `PORT` to choose another port than 3001. Its gateway and its carrier
 * are simulated, and quick; cards whose names begin with `declined` are declined.
 */
import { NodeHttpServer } from "@effect/platform-node"
import { Config, Console, Data, DateTime, Effect, Layer, Schema } from "effect"
import { Command } from "effect/cli"
import { HttpRouter, HttpServer } from "effect/http"
import { createServer } from "node:http"
import * as Store from "../store.ts"
import { prices } from "./catalogue.ts"
import { ShopHttp } from "./http.ts"
import { exporting, ObservingHttp, withoutTraces } from "./observing.ts"
import { aggregates, shopAt, Stock } from "./service.ts"
import { worldOf } from "./world.ts"

/** 0 is any port that is free. */
const Port = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 65535 }))

class CannotListen extends Data.TaggedError("CannotListen")<{ readonly port: number; readonly cause: unknown }> {
  override get message(): string {
    return `Port ${this.port} is not free (${String(this.cause)}). Choose another one with PORT`
  }
}

const welcome = Effect.gen(function* () {
  const { address } = yield* HttpServer.HttpServer
  const url = `http://localhost:${address._tag === "UnixPathAddress" ? address.path : address.port}`
  yield* Console.log(`The shop is open. Its API page: ${url}/docs

Try:
  curl -s -X PUT ${url}/orders/o1 -H 'content-type: application/json' -d '{"customer":"Ada","lines":[{"sku":"tea","quantity":2}]}'
  curl -s -X PUT ${url}/orders/o1/payment -H 'content-type: application/json' -d '{"card":"visa-1"}'
  curl -s ${url}/orders/o1/story
  curl -s ${url}/health
  curl -s ${url}/metrics | grep eventfold_projection_lag
`)
})

/** A shop that was never open before gets something to sell. */
const firstGoods = Effect.gen(function* () {
  const stock = yield* Stock
  for (const sku of Object.keys(prices)) {
    yield* stock.execute(sku, { _tag: "Receive", quantity: 100 }, { commandId: `first goods:${sku}` })
  }
})

/** The shop at work with a world that nobody has plans for. */
export const openShopAt = (tempo: number) =>
  Layer.unwrap(
    Effect.map(DateTime.now, (begin) => {
      const nothing = { orders: [], noon: 0, stock: [], shopDown: [], gatewayDown: [], carrierDown: [] }
      return Layer.effectDiscard(firstGoods).pipe(
        Layer.provideMerge(shopAt(tempo)),
        Layer.provide(worldOf(nothing, { begin, tempo }, "")),
        Layer.provideMerge(aggregates)
      )
    })
  )

export const serve = Command.make("serve", { memory: Store.memory }, ({ memory }) =>
  Effect.gen(function* () {
    const port = yield* Config.schema(Port, "PORT").pipe(Config.withDefault(3001))
    return yield* Layer.effectDiscard(welcome).pipe(
      Layer.provide(HttpRouter.serve(Layer.merge(ShopHttp, ObservingHttp), { disableListenLog: true })),
      Layer.provide(NodeHttpServer.layer(createServer, { port })),
      Layer.provide(openShopAt(1)),
      Layer.provide(Store.layer("shop", memory)),
      // Around all of it: what runs by itself is traced as well.
      Layer.provide([withoutTraces, exporting]),
      Layer.launch,
      Effect.catchTag("ServeError", ({ cause }) => new CannotListen({ port, cause }))
    )
  })
).pipe(Command.withDescription("Opens the shop over HTTP"))
