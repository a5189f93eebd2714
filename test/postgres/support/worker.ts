/**
 * A process that writes to a store, or subscribes to it: see processes.ts.
 */
import { once } from "node:events"
import { createInterface } from "node:readline"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Effect, Schema, Stream } from "effect"
import { type Line, lineAsJson, taskAsJson } from "./processes.ts"
import { connect, storeOn } from "./stores.ts"
import { categories, lastType, patiently, writer } from "./workload.ts"

const encode = Schema.encodeSync(lineAsJson)

/** A pipe is written to at once: what was said is there, also when this process is killed. */
const say = (line: Line) => Effect.sync(() => void process.stdout.write(`${encode(line)}\n`))

const input = createInterface({ input: process.stdin })

const program = Effect.gen(function* () {
  const task = yield* Schema.decodeUnknownEffect(taskAsJson)(process.argv[2])
  yield* say({ _tag: "Ready" })
  yield* Effect.promise(() => once(input, "line"))
  let isAskedToFinish = false
  input.on("line", () => (isAskedToFinish = true))
  const store = yield* patiently(storeOn(yield* connect(task.url), { schema: task.schema }))
  if (task._tag === "Write") {
    yield* Effect.forEach(
      Array.from({ length: task.fibers }, (_, fiber) => fiber),
      (fiber) =>
        writer({
          store,
          seed: `${task.seed} ${fiber}`,
          goesOn: (done) => !isAskedToFinish && (task.appends === null || done < task.appends),
          report: (report) => say({ _tag: "Answered", report }),
          pause: task.pause
        }),
      { concurrency: "unbounded", discard: true }
    )
  } else {
    const lasts = task.query[0]?.categories?.length ?? categories.length
    let found = 0
    yield* store.subscribe({ after: 0, query: task.query }).pipe(
      Stream.takeUntil(({ type }) => type === lastType && ++found === lasts),
      Stream.runForEach(({ position, id }) => say({ _tag: "Saw", position, id }))
    )
  }
  input.close()
  process.stdin.destroy()
}).pipe(Effect.scoped)

NodeRuntime.runMain(program)
