/**
 * A process that runs a reaction until it is killed: see processes.ts.
 */
import { once } from "node:events"
import { writeSync } from "node:fs"
import { createInterface } from "node:readline"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Effect, Layer, Schema } from "effect"
import { Reaction } from "eventfold"
import { storesAt } from "../postgres/projections/support/runners.ts"
import { doing, Line, Task } from "./processes.ts"

const encode = Schema.encodeSync(Line)

/** It is written at once: what was said is there, also when this process is killed with the next step. */
const say = (line: typeof Line.Type): void => void writeSync(1, `${encode(line)}\n`)

const program = Effect.gen(function* () {
  const { partitions, url } = yield* Schema.decodeUnknownEffect(Task)(process.argv[2])
  say({ _tag: "Ready" })
  yield* Effect.promise(() => once(createInterface({ input: process.stdin }), "line"))
  class Doing extends Reaction.Service<Doing>()(
    "test/Doing",
    doing(partitions, (n, key) => say({ _tag: "Ran", n, key }))
  ) {}
  const started = Effect.andThen(
    Layer.build(Doing.layer),
    Effect.sync(() => say({ _tag: "Started" }))
  )
  return yield* Effect.andThen(started, Effect.never).pipe(Effect.scoped, Effect.provide(storesAt(url)))
})

NodeRuntime.runMain(program)
