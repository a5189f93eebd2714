/**
 * A contender as a process: it is told to do one thing after the other, and is gone at the end of its scope.
 */
import { Data, type Duration, Effect, Schema, type Scope } from "effect"
import { type ChildProcess, fork } from "node:child_process"
import { hasEnded } from "../../test/support/serverProcesses.ts"
import type { Order, Sample, Task } from "./contract.ts"

/** A contender has failed, has ended, or does not answer: why, and the last of what it has written to its outputs. */
export class ContenderFailed extends Data.TaggedError("ContenderFailed")<{ readonly message: string }> {}

/** What a contender's own check came to, and the most memory that its process ever had, in bytes. */
export interface Checked {
  readonly check: string
  readonly peak: number
}

/** A contender that waits for what it is told. */
export interface Process {
  /** Its id, unless it could not be started at all. */
  readonly pid: number | undefined
  readonly prepare: (task: Task) => Effect.Effect<void, ContenderFailed>
  readonly run: (round: number) => Effect.Effect<Sample, ContenderFailed>
  readonly check: Effect.Effect<Checked, ContenderFailed>
}

// A contender that has nothing to take the time of says NaN.
const Figure = Schema.Number

const Answer = Schema.TaggedUnion({
  Ready: {},
  Done: {
    sample: Schema.Struct({
      events: Schema.Int,
      millis: Schema.Finite,
      p50: Figure,
      p99: Figure,
      others: Schema.optionalKey(Schema.Record(Schema.String, Figure))
    })
  },
  Checked: { check: Schema.String, peak: Schema.Finite },
  Failed: { message: Schema.String }
})
type Answer = typeof Answer.Type

const decodeAnswer = Schema.decodeUnknownEffect(Answer)

/** How much of what a process has written is kept, in characters. */
const kept = 4000

interface Started {
  readonly child: ChildProcess
  /** The last of what it has written. */
  readonly written: () => string
}

const launch = (program: string): Started => {
  const child = fork(program, {
    execArgv: ["--conditions=@eventfold/source"],
    // NaN and undefined are themselves at the other end.
    serialization: "advanced",
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    // The keys that interrupt this process do not reach it: it is ended by the scope.
    detached: true
  })
  let written = ""
  for (const output of [child.stdout, child.stderr]) {
    output?.setEncoding("utf8").on("data", (text: string) => (written = (written + text).slice(-kept)))
  }
  // What cannot be started or reached has no answer: see `asked`.
  child.on("error", () => {})
  return { child, written: () => written }
}

const isGone = (child: ChildProcess): boolean => child.pid === undefined || hasEnded(child)

const kill = ({ child }: Started): Effect.Effect<void> =>
  Effect.callback((resume) => {
    if (isGone(child)) return resume(Effect.void)
    child.once("exit", () => resume(Effect.void))
    child.kill("SIGKILL")
  })

const failed = (message: string, { written }: Started): ContenderFailed =>
  new ContenderFailed({ message: [message, written().trim()].filter((text) => text !== "").join("\n") })

/** Gives an order, and waits for what is said to it. */
const asked = (started: Started, order: Order): Effect.Effect<unknown, ContenderFailed> =>
  Effect.callback((resume) => {
    const { child } = started
    const ended = () =>
      resume(Effect.fail(failed(`${order._tag}: it has ended with ${child.exitCode ?? child.signalCode}`, started)))
    const said = (what: unknown) => {
      child.off("close", ended)
      resume(Effect.succeed(what))
    }
    const unreachable = (error: Error | null) => {
      if (error !== null) resume(Effect.fail(failed(`${order._tag}: it cannot be reached: ${error.message}`, started)))
    }
    if (isGone(child)) return ended()
    child.once("message", said)
    // Later than its end: all that it has written is here.
    child.once("close", ended)
    child.send(order, unreachable)
    return Effect.sync(() => {
      child.off("message", said)
      child.off("close", ended)
    })
  })

/** Starts a program, which fails with whatever it is told when it takes longer than `patience`. */
export const start = (program: string, patience: Duration.Input): Effect.Effect<Process, never, Scope.Scope> =>
  Effect.gen(function* () {
    const started = yield* Effect.acquireRelease(
      Effect.sync(() => launch(program)),
      kill
    )
    const tell = Effect.fnUntraced(function* (order: Order) {
      const said = yield* asked(started, order).pipe(
        Effect.timeoutOrElse({
          duration: patience,
          orElse: () => Effect.fail(failed(`${order._tag}: no answer in all the time that there is for it`, started))
        })
      )
      const answer = yield* decodeAnswer(said).pipe(
        Effect.mapError((error) => failed(`${order._tag}: no answer that makes sense: ${error.message}`, started))
      )
      if (answer._tag === "Failed") return yield* failed(`${order._tag}: ${answer.message}`, started)
      return answer
    })
    const another = (order: Order, answer: Answer) =>
      Effect.fail(failed(`${order._tag}: an answer to something else: ${answer._tag}`, started))
    return {
      pid: started.child.pid,
      prepare: Effect.fnUntraced(function* (task) {
        const order: Order = { _tag: "Prepare", task }
        const answer = yield* tell(order)
        if (answer._tag !== "Ready") return yield* another(order, answer)
      }),
      run: Effect.fnUntraced(function* (round) {
        const order: Order = { _tag: "Run", round }
        const answer = yield* tell(order)
        return answer._tag === "Done" ? answer.sample : yield* another(order, answer)
      }),
      check: Effect.gen(function* () {
        const order: Order = { _tag: "Check" }
        const answer = yield* tell(order)
        return answer._tag === "Checked" ? answer : yield* another(order, answer)
      })
    }
  })
