/**
 * A reaction over a server, in this process or in one of its own, and what the tests of it do with it.
 */
import { join } from "node:path"
import { Effect, Schema, type Scope } from "effect"
import { Event, EventStore, Reaction } from "eventfold"
import { type Child, startChild } from "../postgres/support/children.ts"
import { eventually } from "../postgres/support/stores.ts"

export const asked = Event.define({ Asked: { n: Schema.Int } })
export const results = Event.define({ Done: { n: Schema.Int, key: Schema.String } })

/** Does what it is asked for, and takes some time for it. */
export const doing = (partitions: number, ran: (n: number, key: string) => void) =>
  Reaction.make({
    name: "doing",
    events: asked,
    results,
    partitions
  }).run(
    Effect.fnUntraced(function* ({ n }, { idempotencyKey: key }) {
      yield* Effect.sleep(n % 5)
      ran(n, key)
      return { _tag: "Done", n, key }
    })
  )

/** Asks for something, in one of ten streams. */
export const ask = (store: EventStore.EventStore["Service"], n: number) =>
  Effect.asVoid(
    store.append([
      {
        stream: `wish-${n % 10}`,
        expected: "any",
        events: [{ id: crypto.randomUUID(), type: "Asked", schemaVersion: 1, data: { n }, tags: [], metadata: {} }]
      }
    ])
  ).pipe(Effect.catchTag(["ConcurrencyConflict", "ConditionConflict"], Effect.die))

export const Task = Schema.fromJsonString(Schema.Struct({ url: Schema.String, partitions: Schema.Int }))

/** What a process says, a line each. */
export const Line = Schema.fromJsonString(
  Schema.Union([
    Schema.TaggedStruct("Ready", {}),
    Schema.TaggedStruct("Started", {}),
    Schema.TaggedStruct("Ran", { n: Schema.Int, key: Schema.String })
  ])
)

export interface Runner extends Child {
  readonly said: ReadonlyArray<typeof Line.Type>
}

const encode = Schema.encodeSync(Task)

/** What processes have run so far, each time. */
export const runsOf = (runners: ReadonlyArray<Runner>) =>
  runners.flatMap(({ said }) => said).flatMap((line) => (line._tag === "Ran" ? [line] : []))

const program = join(import.meta.dirname, "program.ts")

/** A process that runs the reaction, once it has started to. */
export const startRunner = (url: string, partitions: number): Effect.Effect<Runner, never, Scope.Scope> =>
  Effect.gen(function* () {
    const said: Array<typeof Line.Type> = []
    const hears = (text: string) => void said.push(Schema.decodeSync(Line)(text))
    const child = yield* startChild({ program, task: encode({ url, partitions }), hears })
    yield* child.begin
    yield* Effect.orDie(
      eventually(
        "it has started",
        Effect.sync(() => said.some(({ _tag }) => _tag === "Started")),
        (isStarted) => isStarted,
        "20 seconds"
      )
    )
    return { ...child, said }
  })
