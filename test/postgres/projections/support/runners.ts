/**
 * What runs projections in the tests: processes, and stores over a database for those within this process.
 */
import { join } from "node:path"
import { PgClient } from "@effect/sql-pg"
import { Effect, Layer, Random, Redacted, Schema, type Scope } from "effect"
import { PostgresEventStore } from "eventfold/postgres"
import { type Child, startChild } from "../../support/children.ts"
import { eventually } from "../../support/stores.ts"
import { Variant } from "./domain.ts"

/** All that projections need, on a database. */
export const storesAt = (url: string, config?: Omit<PgClient.PgPoolConfig, "url">) =>
  PostgresEventStore.layer().pipe(Layer.provideMerge(PgClient.layer({ ...config, url: Redacted.make(url) })))

/** What a process is told to do. */
const Task = Schema.Union([
  Schema.TaggedStruct("Run", {
    url: Schema.String,
    projections: Schema.Array(Variant),
    /** Whether it is to be caught at the first event with a trap. */
    isTrapped: Schema.Boolean
  }),
  Schema.TaggedStruct("Append", {
    url: Schema.String,
    /** Of the projections that it keeps inline. */
    version: Schema.Int,
    seed: Schema.String,
    fibers: Schema.Int,
    boxes: Schema.Int,
    /** The longest pause between two appends of a fiber, in milliseconds. */
    pause: Schema.Int
  })
])
type Task = typeof Task.Type

/** What a process says, a line each. */
const Line = Schema.Union([
  Schema.TaggedStruct("Ready", {}),
  /** It has started its projections. */
  Schema.TaggedStruct("Started", {}),
  /** It has come to an event with a trap, and stays there. */
  Schema.TaggedStruct("Trapped", {}),
  Schema.TaggedStruct("Appended", { position: Schema.Int }),
  Schema.TaggedStruct("Refused", { reason: Schema.String, problem: Schema.String })
])
export type Line = typeof Line.Type

export const taskAsJson = Schema.fromJsonString(Task)
export const lineAsJson = Schema.fromJsonString(Line)

const encodeTask = Schema.encodeEffect(taskAsJson)
const decodeLine = Schema.decodeSync(lineAsJson)

export interface Runner extends Child {
  readonly said: ReadonlyArray<Line>
}

const program = join(import.meta.dirname, "program.ts")

/** A process that does a task. */
export const start = (task: Task): Effect.Effect<Runner, never, Scope.Scope> =>
  Effect.gen(function* () {
    const said: Array<Line> = []
    const hears = (text: string) => void said.push(decodeLine(text))
    const child = yield* startChild({ program, task: yield* Effect.orDie(encodeTask(task)), hears })
    yield* Effect.forkScoped(child.begin)
    return { ...child, said }
  })

/** How often something was said. */
export const count = (runners: ReadonlyArray<Runner>, tag: Line["_tag"]): number =>
  runners.reduce((sum, { said }) => sum + said.filter(({ _tag }) => _tag === tag).length, 0)

/** Waits until runners together have said something so often. */
export const said = (runners: ReadonlyArray<Runner>, tag: Line["_tag"], times = 1) =>
  eventually(
    `${tag}, ${times} times`,
    Effect.sync(() => count(runners, tag)),
    (found) => found >= times,
    "20 seconds"
  )

/** One of several, at random. */
export const oneOf = <A>(all: ReadonlyArray<A>): Effect.Effect<A> =>
  Effect.map(Random.nextIntBetween(0, all.length - 1), (n) => all[n]!)
