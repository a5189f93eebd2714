/**
 * A process that runs projections, or appends with inline ones: see runners.ts.
 */
import { once } from "node:events"
import { writeSync } from "node:fs"
import { createInterface } from "node:readline"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Effect, Layer, Random, Schedule, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { EventStore, Projection } from "eventfold"
import { patiently } from "../../support/workload.ts"
import { appendTo, byKey, byStream, lines, type Variant } from "./domain.ts"
import { type Line, lineAsJson, storesAt, taskAsJson } from "./runners.ts"

const encode = Schema.encodeSync(lineAsJson)

/** It is written at once: what was said is there, also when this process is killed or stopped with the next step. */
const sayNow = (line: Line): void => void writeSync(1, `${encode(line)}\n`)
const say = (line: Line) => Effect.sync(() => sayNow(line))

/** Once, at the first event with a trap, it says so, and then keeps the fold busy until it has been stopped and gone on. */
const busy = () => {
  let isTrapped = false
  return () => {
    if (isTrapped) return
    isTrapped = true
    sayNow({ _tag: "Trapped" })
    // Whoever stops this process takes longer than a turn: that is how it knows that it has been. The clock is asked once a turn, so
    // that there is no place to stop at where it goes unnoticed.
    let now = Date.now()
    for (let last = now; now - last < 1000; now = Date.now()) last = now
  }
}

/** Once, at the first event with a trap, it says so, and then keeps the transaction open with one statement after the other. */
const inTransaction = () => {
  let isTrapped = false
  return Effect.gen(function* () {
    if (isTrapped) return
    isTrapped = true
    yield* say({ _tag: "Trapped" })
    const sql = yield* SqlClient.SqlClient
    return yield* Effect.forever(sql`SELECT pg_sleep(0.001)`)
  })
}

/** Runs a projection for as long as the scope. */
const run = (variant: Variant, isTrapped: boolean) => {
  const settings = { ...variant, mode: "async" } as const
  if (variant.kind === "streams") {
    class Streams extends Projection.Service<Streams>()(
      "test/Streams",
      byStream(settings, isTrapped ? busy() : undefined)
    ) {}
    return Effect.asVoid(Layer.build(Streams.layer))
  }
  if (variant.kind === "keys") {
    class Keys extends Projection.Service<Keys>()("test/Keys", byKey(settings)) {}
    return Effect.asVoid(Layer.build(Keys.layer))
  }
  class Lines extends Projection.Service<Lines>()(
    "test/Lines",
    lines(settings, isTrapped ? inTransaction() : undefined)
  ) {}
  return Effect.asVoid(Layer.build(Lines.layer))
}

const input = createInterface({ input: process.stdin })

const program = Effect.gen(function* () {
  const task = yield* Schema.decodeUnknownEffect(taskAsJson)(process.argv[2])
  yield* say({ _tag: "Ready" })
  yield* Effect.promise(() => once(input, "line"))
  let isAskedToFinish = false
  const finished = new Promise<void>((resolve) =>
    input.on("line", () => {
      isAskedToFinish = true
      resolve()
    })
  )
  if (task._tag === "Run") {
    // A server that is away when a process starts lets it fail: whoever starts processes starts it again.
    const started = Effect.forEach(task.projections, (variant) => run(variant, task.isTrapped)).pipe(
      Effect.andThen(say({ _tag: "Started" })),
      Effect.andThen(Effect.promise(() => finished))
    )
    yield* Effect.scoped(started).pipe(
      Effect.provide(storesAt(task.url)),
      Effect.retry({
        schedule: Schedule.spaced("100 millis"),
        while: ({ _tag }) => _tag === "StoreError" || _tag === "SqlError"
      })
    )
  } else {
    const settings = { version: task.version, partitions: 1, mode: "inline" } as const
    const projected = Projection.withInline(storesAt(task.url), [byStream(settings), lines(settings)])
    const appender = (fiber: number) =>
      Effect.gen(function* () {
        const store = yield* EventStore.EventStore
        while (!isAskedToFinish) {
          const box = yield* Random.nextIntBetween(0, task.boxes - 1)
          const appended = yield* Effect.result(
            patiently(appendTo(store, box, `k${yield* Random.nextIntBetween(0, 3)}`))
          )
          if (appended._tag === "Success") {
            yield* say({ _tag: "Appended", position: appended.success.position })
          } else {
            const { problem, reason } = appended.failure
            return yield* say({ _tag: "Refused", reason, problem })
          }
          yield* Effect.sleep(yield* Random.nextIntBetween(0, task.pause))
        }
      }).pipe(Random.withSeed(`${task.seed} ${fiber}`))
    yield* Effect.andThen(
      say({ _tag: "Started" }),
      Effect.forEach(
        Array.from({ length: task.fibers }, (_, fiber) => fiber),
        appender,
        { concurrency: "unbounded", discard: true }
      )
    ).pipe(Effect.provide(projected))
  }
  input.close()
  process.stdin.destroy()
}).pipe(Effect.scoped)

NodeRuntime.runMain(program)
