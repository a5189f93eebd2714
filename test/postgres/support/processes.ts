/**
 * Writers and subscribers as processes of their own.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { Effect, Schema, type Scope } from "effect"
import { type Seen, Violation } from "./oracle.ts"
import { eventually } from "./stores.ts"
import { Report } from "./workload.ts"

/** What a process is told to do. */
export const Task = Schema.Union([
  Schema.TaggedStruct("Write", {
    url: Schema.String,
    schema: Schema.String,
    seed: Schema.String,
    fibers: Schema.Int,
    /** Appends of each fiber. Without end when there is none. */
    appends: Schema.NullOr(Schema.Int),
    /** The longest pause between two appends of a fiber, in milliseconds. */
    pause: Schema.Int
  }),
  Schema.TaggedStruct("Subscribe", {
    url: Schema.String,
    schema: Schema.String,
    query: Schema.Array(Schema.Struct({ categories: Schema.optionalKey(Schema.Array(Schema.String)) }))
  })
])
export type Task = typeof Task.Type

/** What a process says, a line each. */
export const Line = Schema.Union([
  /** It has loaded, and waits to be told to begin. */
  Schema.TaggedStruct("Ready", {}),
  Schema.TaggedStruct("Answered", { report: Report }),
  Schema.TaggedStruct("Saw", { position: Schema.Int, id: Schema.String })
])
export type Line = typeof Line.Type

export const taskAsJson = Schema.fromJsonString(Task)
export const lineAsJson = Schema.fromJsonString(Line)

const encodeTask = Schema.encodeEffect(taskAsJson)
const decodeLine = Schema.decodeSync(lineAsJson)

export interface Worker {
  /** What it was answered so far. */
  readonly reports: ReadonlyArray<Report>
  /** What it saw so far. */
  readonly seen: Seen["events"]
  /** Lets it begin, after it has loaded. */
  readonly begin: Effect.Effect<void>
  /** Asks it to come to an end of its own. */
  readonly finish: Effect.Effect<void>
  /** Ends when it has ended, and fails unless it did so in good order. */
  readonly ended: Effect.Effect<void, Violation>
  /** Kills it at once; what it had said is kept. */
  readonly kill9: Effect.Effect<void>
}

const program = join(import.meta.dirname, "worker.ts")

/** A process that does a task, when it is told to begin. It is killed when the scope closes. */
export const startWorker = (task: Task): Effect.Effect<Worker, never, Scope.Scope> =>
  Effect.gen(function* () {
    const told = yield* Effect.orDie(encodeTask(task))
    const child = yield* Effect.acquireRelease(
      Effect.sync(() =>
        spawn(process.execPath, ["--conditions=@eventfold/source", program, told], {
          stdio: ["pipe", "pipe", "pipe"]
        })
      ),
      (child) => Effect.sync(() => child.kill("SIGKILL"))
    )
    const reports: Array<Report> = []
    const seen: Array<Seen["events"][number]> = []
    let errors = ""
    let onReady = () => {}
    const ready = new Promise<void>((resolve) => (onReady = resolve))
    child.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text))
    child.stdin.on("error", () => {})
    const closed = new Promise<ChildProcess>((resolve) => child.on("close", () => resolve(child)))
    const reader = createInterface({ input: child.stdout })
    const read = new Promise<void>((resolve) => reader.on("close", resolve))
    reader.on("line", (text) => {
      // The last line of a process that was killed may be cut.
      if (!text.endsWith("}")) return
      const line = decodeLine(text)
      if (line._tag === "Ready") onReady()
      else if (line._tag === "Answered") reports.push(line.report)
      else seen.push({ position: line.position, id: line.id })
    })
    const say = (text: string) => Effect.sync(() => void child.stdin.write(`${text}\n`))
    const done = Effect.promise(() => Promise.all([closed, read]))
    return {
      reports,
      seen,
      begin: Effect.andThen(
        Effect.promise(() => Promise.race([ready, closed])),
        say("begin")
      ),
      finish: say("finish"),
      ended: Effect.flatMap(done, ([{ exitCode, signalCode }]) =>
        exitCode === 0
          ? Effect.void
          : Effect.fail(new Violation({ problem: `a process ended with ${exitCode ?? signalCode}:\n${errors}` }))
      ),
      kill9: Effect.andThen(
        Effect.sync(() => child.kill("SIGKILL")),
        Effect.asVoid(done)
      )
    }
  })

/** How many answers writers were given. */
export const answersTo = (workers: ReadonlyArray<Worker>): number =>
  workers.reduce((count, { reports }) => count + reports.length, 0)

/** Waits until workers together were given so many answers, or one of them fails. */
export const reportedBy = (workers: ReadonlyArray<Worker>, count: number): Effect.Effect<unknown, Violation> =>
  Effect.raceFirst(
    eventually(
      `${count} answers`,
      Effect.sync(() => answersTo(workers)),
      (found) => found >= count,
      "20 seconds"
    ),
    Effect.raceAllFirst(workers.map(({ ended }) => Effect.andThen(ended, Effect.never)))
  )

/** What writers were answered. */
export const reportsOf = (workers: ReadonlyArray<Worker>): ReadonlyArray<Report> =>
  workers.flatMap(({ reports }) => reports)
