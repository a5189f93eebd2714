/**
 * A bank over HTTP, in process.
 */
import { Context, Effect, Layer, Schema } from "effect"
import { HttpRouter, HttpServer } from "effect/http"
import { EventStore, type ProcessStore, Projection, type ProjectionStore } from "eventfold"
import { MemoryEventStore } from "eventfold/memory"
import { BankHttp } from "../../../examples/bank/http.ts"
import { overview } from "../../../examples/bank/read-models.ts"

type Store = EventStore.EventStore["Service"]
type Stores = EventStore.EventStore | ProjectionStore.ProjectionStore | ProcessStore.ProcessStore

const decodeBody = Schema.decodeUnknownEffect(Schema.fromJsonString(Schema.Unknown))

/** A bank over a store; `ask` gives the status and the JSON of an answer, or its text when it is not JSON. */
export const bankOver = Effect.fnUntraced(function* <E>(stores: Layer.Layer<Stores, E>) {
  const routes = BankHttp.pipe(Layer.provide(stores), Layer.provide(HttpServer.layerServices))
  const { handler } = yield* Effect.acquireRelease(
    Effect.sync(() => HttpRouter.toWebHandler(routes, { disableLogger: true })),
    ({ dispose }) => Effect.promise(dispose)
  )
  const respond = Effect.fnUntraced(function* (
    method: string,
    path: string,
    body?: Schema.Json | { readonly raw: string },
    headers: Record<string, string> = {}
  ) {
    const raw = typeof body === "object" && body !== null && "raw" in body ? String(body.raw) : JSON.stringify(body)
    const request = new Request(`http://bank.test${path}`, {
      method,
      headers: { "content-type": "application/json", ...headers },
      ...(raw === undefined ? {} : { body: raw })
    })
    const response = yield* Effect.promise(() => handler(request))
    const text = yield* Effect.promise(() => response.text())
    const json = (response.headers.get("content-type") ?? "").includes("json")
    return {
      status: response.status,
      body: json ? yield* Effect.orDie(decodeBody(text)) : text,
      headers: response.headers
    }
  })
  const ask = (...asked: Parameters<typeof respond>) =>
    Effect.map(respond(...asked), ({ status, body }) => ({ status, body }))
  return {
    respond,
    ask,
    get: (path: string) => ask("GET", path),
    post: (path: string, body?: Schema.Json | { readonly raw: string }, headers?: Record<string, string>) =>
      ask("POST", path, body, headers)
  }
})

export type Bank = Effect.Success<ReturnType<typeof bankOver>>

const inMemory = Layer.build(Layer.fresh(MemoryEventStore.layer))

/** A store as the bank needs it. */
export const keeping = <E>(stores: Layer.Layer<Stores, E>) => Projection.withInline(stores, [overview])

/** Stores of which the store of events does something else. */
export const changed = <E>(stores: Layer.Layer<Stores, E>, change: (store: Store) => Partial<Store>) =>
  Layer.effect(
    EventStore.EventStore,
    Effect.map(EventStore.EventStore, (store) => ({ ...store, ...change(store) }))
  ).pipe(Layer.provideMerge(stores))

/** A bank without accounts, in memory. `broken` is another one over the same store, which then does something else. */
export const emptyBank = Effect.gen(function* () {
  const stores = yield* inMemory
  const kept = keeping(Layer.succeedContext(stores))
  const broken = (change: (store: Store) => Partial<Store>) => bankOver(changed(kept, change))
  return { store: Context.get(stores, EventStore.EventStore), broken, ...(yield* bankOver(kept)) }
})

export const furnish = ({ post }: Bank) =>
  Effect.all([
    post("/accounts", { id: "ada", owner: "Ada" }),
    post("/accounts/ada/deposits", { amount: 100 }),
    post("/accounts", { id: "bob", owner: "Bob" })
  ])
