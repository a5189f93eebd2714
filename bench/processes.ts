/**
 * Several processes that work at the same time.
 */
import { Data, Effect, Schema, type Scope } from "effect"
import { type ChildProcess, fork } from "node:child_process"
import { fileURLToPath } from "node:url"
import type { Sample } from "./measure.ts"
import { Answer, Task } from "./work.ts"

/** A process has ended before it has answered. */
export class ProcessFailed extends Data.TaggedError("ProcessFailed")<{ readonly message: string }> {}

const program = fileURLToPath(import.meta.resolve("./worker.ts"))

const start = (task: string): Effect.Effect<ChildProcess, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => fork(program, [task], { stdio: ["ignore", "inherit", "inherit", "ipc"] })),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  )

const message = (child: ChildProcess): Effect.Effect<unknown, ProcessFailed> =>
  Effect.callback((resume) => {
    const ended = (code: number | null) => {
      child.off("message", said)
      resume(Effect.fail(new ProcessFailed({ message: `a process has ended with ${code ?? "a signal"}` })))
    }
    const said = (what: unknown) => {
      child.off("exit", ended)
      resume(Effect.succeed(what))
    }
    child.once("message", said)
    child.once("exit", ended)
  })

const unbounded = { concurrency: "unbounded" } as const

/** Processes that append for so long, each with so many stores, each to a stream of its own: all begin when all are ready. */
export const together = (
  { processes, stores }: { readonly processes: number; readonly stores: number },
  task: Omit<(typeof Task)["Type"], "keys">
): Effect.Effect<Sample, ProcessFailed | Schema.SchemaError> =>
  Effect.scoped(
    Effect.gen(function* () {
      const children = yield* Effect.forEach(
        Array.from({ length: processes }, (_, i) => i),
        Effect.fnUntraced(function* (i) {
          const keys = Array.from({ length: stores }, (_, k) => `${i}x${k}`)
          const child = yield* start(yield* Schema.encodeEffect(Task)({ ...task, keys }))
          yield* message(child)
          return child
        }),
        unbounded
      )
      const began = performance.now()
      const answers = yield* Effect.forEach(
        children,
        (child) =>
          Effect.suspend(() => {
            const answer = message(child)
            child.send("begin")
            return Effect.flatMap(answer, Schema.decodeUnknownEffect(Answer))
          }),
        unbounded
      )
      const latencies = answers.flat().toSorted((a, b) => a - b)
      return { events: latencies.length, millis: performance.now() - began, latencies }
    })
  )
