/**
 * What a process does that works for the shop.
 */
import { once } from "node:events"
import { writeSync } from "node:fs"
import { createInterface } from "node:readline"
import { Effect, Layer, Schedule, Schema } from "effect"
import { storesAt } from "../projections/support/runners.ts"
import { taskAsJson, working } from "./processDomain.ts"

/** It is written at once: what was said is there, also when this process is killed with the next step. */
const say = (tag: string) => Effect.sync(() => void writeSync(1, `${JSON.stringify({ _tag: tag })}\n`))

const input = createInterface({ input: process.stdin })

export const program = Effect.gen(function* () {
  const { url } = yield* Schema.decodeUnknownEffect(taskAsJson)(process.argv[2])
  yield* say("Ready")
  yield* Effect.promise(() => once(input, "line"))
  const finished = new Promise<void>((resolve) => input.on("line", () => resolve()))
  const worked = Layer.build(Layer.provide(working, storesAt(url, { maxConnections: 4 }))).pipe(
    Effect.andThen(say("Started")),
    Effect.andThen(Effect.promise(() => finished))
  )
  // A server that is away when a process starts lets it fail: whoever starts processes starts it again.
  yield* Effect.scoped(worked).pipe(
    Effect.retry({
      schedule: Schedule.spaced("100 millis"),
      while: ({ _tag }) => _tag === "StoreError" || _tag === "SqlError"
    })
  )
  input.close()
  process.stdin.destroy()
})
