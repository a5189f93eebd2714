/**
 * The shop's fulfilment as it runs in processes of their own, and what they are told.
 */
import { join } from "node:path"
import { Duration, Effect, Layer, Schema, Scope } from "effect"
import { Process } from "eventfold"
import { fulfilmentWithin } from "../../../examples/shop/fulfilment.ts"
import { aggregates, Orders, Payments, Shipments, Stock } from "../../../examples/shop/service.ts"
import { type Child, startChild } from "./children.ts"
import { eventually } from "./stores.ts"

/** How long a customer has to pay: longer than nobody may be at work. */
export const deadline = Duration.seconds(20)

export class Fulfilments extends Process.Service<Fulfilments>()("test/Fulfilments", {
  manager: fulfilmentWithin(deadline),
  aggregates: { orders: Orders, stock: Stock, payments: Payments, shipments: Shipments },
  partitions: 2
}) {}

export const working = Fulfilments.layer.pipe(Layer.provide(aggregates))

export const taskAsJson = Schema.fromJsonString(Schema.Struct({ url: Schema.String }))

const encodeTask = Schema.encodeSync(taskAsJson)

export interface Worker extends Child {
  /** Whether it has come to work. */
  readonly hasStarted: () => boolean
}

/** A process that works for the shop on a database, as soon as it is told to begin. */
export const aWorker = (url: string): Effect.Effect<Worker, never, Scope.Scope> =>
  Effect.gen(function* () {
    let hasStarted = false
    const child = yield* startChild({
      program: join(import.meta.dirname, "processWorker.ts"),
      task: encodeTask({ url }),
      hears: (line) => void (hasStarted ||= line.includes("Started"))
    })
    return { ...child, hasStarted: () => hasStarted }
  })

/** Prints what was measured, where that is asked for. */
export const figure = (text: string) =>
  Effect.sync(() => {
    if (process.env["EVENTFOLD_FIGURES"] !== undefined) process.stdout.write(`${text}\n`)
  })

/** Those who work for a shop. The next ones load while others work. */
export const makeCrew = Effect.fnUntraced(function* (url: string) {
  const scope = yield* Effect.scope
  const anotherOne = Effect.provideService(aWorker(url), Scope.Scope, scope)
  const spares = [yield* anotherOne]
  const workers: Array<Worker> = []
  return {
    /** Those who have been told to begin. */
    workers,
    begin: Effect.gen(function* () {
      spares.push(yield* anotherOne)
      const worker = spares.shift()!
      workers.push(worker)
      yield* worker.begin
    }),
    started: eventually(
      "they have started",
      Effect.sync(() => workers.every(({ hasStarted }) => hasStarted())),
      (all) => all,
      "20 seconds"
    )
  }
})
