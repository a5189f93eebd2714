/**
 * Writers and subscribers as processes of their own.
 */
import { join } from "node:path"
import { Effect, Schema, type Scope } from "effect"
import { type Child, startChild } from "./children.ts"
import type { Seen, Violation } from "./oracle.ts"
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

export interface Worker extends Child {
  /** What it was answered so far. */
  readonly reports: ReadonlyArray<Report>
  /** What it saw so far. */
  readonly seen: Seen["events"]
}

const program = join(import.meta.dirname, "worker.ts")

/** A process that does a task, when it is told to begin. It is killed when the scope closes. */
export const startWorker = (task: Task): Effect.Effect<Worker, never, Scope.Scope> =>
  Effect.gen(function* () {
    const reports: Array<Report> = []
    const seen: Array<Seen["events"][number]> = []
    const hears = (text: string) => {
      const line = decodeLine(text)
      if (line._tag === "Answered") reports.push(line.report)
      else if (line._tag === "Saw") seen.push({ position: line.position, id: line.id })
    }
    const child = yield* startChild({ program, task: yield* Effect.orDie(encodeTask(task)), hears })
    return { ...child, reports, seen }
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
