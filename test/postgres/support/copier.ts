/**
 * A process that runs a copy from one schema of a database to another, says after each page how far it is, and can be killed.
 */
import { once } from "node:events"
import { createInterface } from "node:readline"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { PgClient } from "@effect/sql-pg"
import { Effect, Layer, Redacted, Schema, Stream } from "effect"
import { Copy } from "eventfold"
import { PostgresEventStore } from "eventfold/postgres"
import { changing } from "./copying.ts"

const Task = Schema.fromJsonString(Schema.Struct({ url: Schema.String, from: Schema.String, to: Schema.String }))

const say = (line: object) => Effect.sync(() => void process.stdout.write(`${JSON.stringify(line)}\n`))

const input = createInterface({ input: process.stdin })

const program = Effect.gen(function* () {
  const { from, to, url } = yield* Schema.decodeUnknownEffect(Task)(process.argv[2])
  const storeIn = (schema: string) =>
    Layer.build(
      Layer.fresh(PostgresEventStore.layer({ schema })).pipe(
        Layer.provide(PgClient.layer({ url: Redacted.make(url), maxConnections: 3 }))
      )
    )
  yield* say({ _tag: "Ready" })
  yield* Effect.promise(() => once(input, "line"))
  const stores = { from: yield* storeIn(from), to: yield* storeIn(to) }
  yield* Stream.runForEach(Copy.stream(changing, stores), say)
  input.close()
}).pipe(Effect.scoped)

NodeRuntime.runMain(program)
