/**
 * Programs of the tests as processes of their own, that can be stopped and killed. They say what they have to say in lines, and begin when
 * they are told to.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { Effect, type Scope } from "effect"
import { bundled } from "./bundles.ts"
import { Violation } from "./oracle.ts"

/** What a process says when it has loaded, and waits to be told to begin. */
const ready = JSON.stringify({ _tag: "Ready" })

export interface Child {
  readonly pid: number
  /** Lets it begin, after it has loaded. */
  readonly begin: Effect.Effect<void>
  /** Asks it to come to an end of its own. */
  readonly finish: Effect.Effect<void>
  /** Ends when it has ended, and fails unless it did so in good order. */
  readonly ended: Effect.Effect<void, Violation>
  /** Kills it at once; what it had said is kept. */
  readonly kill9: Effect.Effect<void>
  /** Lets it stand still, wherever it is. */
  readonly pause: Effect.Effect<void>
  /** Lets it go on. */
  readonly goOn: Effect.Effect<void>
}

/** A process that does a task, when it is told to begin. It is killed when the scope closes. */
export const startChild = (options: {
  /** The path of its source. */
  readonly program: string
  readonly task: string
  /** Is told each line that it says. */
  readonly hears: (line: string) => void
}): Effect.Effect<Child, never, Scope.Scope> =>
  Effect.gen(function* () {
    const program = yield* Effect.promise(() => bundled(options.program))
    const child = yield* Effect.acquireRelease(
      Effect.sync(() =>
        spawn(process.execPath, [program, options.task], {
          // What it is compiled to is not worth keeping.
          env: { ...process.env, NODE_DISABLE_COMPILE_CACHE: "1" },
          stdio: ["pipe", "pipe", "pipe"]
        })
      ),
      (child) => Effect.sync(() => child.kill("SIGKILL"))
    )
    let errors = ""
    let onReady = () => {}
    const isReady = new Promise<void>((resolve) => (onReady = resolve))
    child.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text))
    child.stdin.on("error", () => {})
    const closed = new Promise<ChildProcess>((resolve) => child.on("close", () => resolve(child)))
    const reader = createInterface({ input: child.stdout })
    const read = new Promise<void>((resolve) => reader.on("close", resolve))
    reader.on("line", (text) => {
      if (text === ready) return onReady()
      // It also logs. And the last line of a process that was killed may be cut.
      if (text.startsWith("{") && text.endsWith("}")) options.hears(text)
    })
    const say = (text: string) => Effect.sync(() => void child.stdin.write(`${text}\n`))
    const send = (signal: NodeJS.Signals) => Effect.sync(() => void child.kill(signal))
    const done = Effect.promise(() => Promise.all([closed, read]))
    return {
      pid: child.pid ?? -1,
      begin: Effect.andThen(
        Effect.promise(() => Promise.race([isReady, closed])),
        say("begin")
      ),
      finish: say("finish"),
      ended: Effect.flatMap(done, ([{ exitCode, signalCode }]) =>
        exitCode === 0
          ? Effect.void
          : Effect.fail(new Violation({ problem: `a process ended with ${exitCode ?? signalCode}:\n${errors}` }))
      ),
      kill9: Effect.andThen(send("SIGKILL"), Effect.asVoid(done)),
      pause: send("SIGSTOP"),
      goOn: send("SIGCONT")
    }
  })
