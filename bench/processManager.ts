/**
 * A process with many instances in flight: how fast it does what is to be done, beside the same commands executed by somebody who needs no process
 * to know them, and how much memory it takes.
 *
 * Every instance is begun by an event, and sends one command after the other, each when it hears the event that the one before came to.
 */
import type { PgClient } from "@effect/sql-pg"
import { Context, Effect, Layer, Schema, type Scope } from "effect"
import type { SqlError } from "effect/sql"
import { Aggregate, Decider, Event, EventStore, Process, ProcessManager, type Projection, StreamName } from "eventfold"
import { PostgresEventStore } from "eventfold/postgres"
import { type CheckFailed, same } from "./checks.ts"
import { heapOver } from "./heap.ts"
import { inTurns, timed } from "./measure.ts"
import { report } from "./report.ts"

/** How much is measured. */
export interface Size {
  readonly rounds: number
  readonly instances: number
}

/** The commands that each instance sends. */
const commandsEach = 4
/** What the process runs at a time: its partitions, and the commands of each. */
const fibers = 4 * 32
const patience = "10 minutes"

const Stepped = Event.define({ Stepped: { of: Schema.String, n: Schema.Int } })
const Began = Event.define({ Began: { of: Schema.String } })

const walk = Decider.make({
  name: "walk",
  state: Schema.Int,
  initial: 0,
  commands: Schema.TaggedUnion({ Step: { of: Schema.String } }),
  events: Stepped
})
  .evolve({ Stepped: (_, { n }) => n })
  .decide({ Step: ({ of }, n) => [{ _tag: "Stepped", of, n: n + 1 }] })

const step = (of: string) => ProcessManager.send("walks", of, { _tag: "Step", of })

const walking = ProcessManager.make({
  name: "walking",
  state: Schema.Struct({ steps: Schema.Int, heard: Schema.Int }),
  initial: { steps: 0, heard: 0 },
  events: Event.union(Began, Stepped),
  targets: { walks: ProcessManager.sends(walk, ["Step"]) },
  isTerminal: ({ steps }) => steps === commandsEach
})
  .correlate({ Began: ({ of }) => of, Stepped: ({ of }) => of })
  .evolve({
    events: {
      Began: ({ heard, steps }) => ({ steps, heard: heard + 1 }),
      Stepped: ({ heard }, { n }) => ({ steps: n, heard: heard + 1 })
    }
  })
  .react({
    events: {
      Began: (_, { of }) => [step(of)],
      Stepped: (_, { n, of }) => (n < commandsEach ? [step(of)] : [])
    }
  })

class Walks extends Aggregate.Service<Walks>()("bench/Walks", { decider: walk, cache: { entries: 50_000 } }) {}
class Walking extends Process.Service<Walking>()("bench/Walking", {
  manager: walking,
  aggregates: { walks: Walks }
}) {}

type Failed = CheckFailed | EventStore.AppendError | Event.DecodeError | Projection.AwaitTimeout | SqlError.SqlError

const namesOf = (instances: number): ReadonlyArray<string> => Array.from({ length: instances }, (_, i) => `i${i}`)

const aStore = (schema: string) => Layer.build(Layer.fresh(PostgresEventStore.layer({ schema })))

/** A store where all instances were begun while nobody was there to do anything. */
const begun = Effect.fnUntraced(function* (schema: string, instances: number) {
  const stores = yield* aStore(schema)
  // What was recorded before there was the process would not be reacted to.
  yield* Effect.scoped(Layer.build(runningOn(stores)))
  const store = Context.get(stores, EventStore.EventStore)
  yield* Effect.forEach(
    namesOf(instances),
    (of) =>
      store.append([
        {
          stream: StreamName.make("beginning", of),
          expected: "no stream",
          events: [{ id: crypto.randomUUID(), type: "Began", schemaVersion: 1, data: { of }, tags: [], metadata: {} }]
        }
      ]),
    { concurrency: 500, discard: true }
  )
  return stores
})

type Stores = Context.Context<Layer.Success<ReturnType<typeof PostgresEventStore.layer>>>

const runningOn = (stores: Stores) =>
  Layer.fresh(Walking.layer).pipe(
    Layer.provideMerge(Layer.fresh(Walks.layer)),
    Layer.provide(Layer.succeedContext(stores))
  )

/** Runs the process until there is nothing left to do, and looks what it did. */
const drain = Effect.fnUntraced(function* (stores: Stores, instances: number) {
  const running = yield* Layer.build(runningOn(stores))
  const process = Context.get(running, Walking)
  yield* process.awaitSettled(patience)
  const { ended, stuck } = yield* process.count
  yield* same("instances that came to their end", [ended, stuck].join(), [instances, 0].join())
  const head = yield* Context.get(stores, EventStore.EventStore).head
  yield* same("events", head, instances * (1 + commandsEach))
}, Effect.scoped)

/** The commands, with nothing to tell which. */
const alone = Effect.fnUntraced(function* (stores: Stores, names: ReadonlyArray<string>) {
  const running = yield* Layer.build(Layer.fresh(Walks.layer).pipe(Layer.provide(Layer.succeedContext(stores))))
  const walks = Context.get(running, Walks)
  yield* Effect.forEach(
    Array.from({ length: commandsEach }),
    () =>
      Effect.forEach(names, (of) => walks.execute(of, { _tag: "Step", of }), { concurrency: fibers, discard: true }),
    { discard: true }
  )
}, Effect.scoped)

/** A process that drains what is in flight. */
export const processManager = Effect.fn("processManager")(function* (size: Size) {
  const { instances, rounds } = size
  const names = namesOf(instances)
  const samples = yield* inTurns<Failed, PgClient.PgClient | Scope.Scope>(rounds, (round) =>
    Effect.gen(function* () {
      const withProcess = yield* begun(`process_${round}`, instances)
      const without = yield* aStore(`commands_of_process_${round}`)
      const all = () => instances * commandsEach
      return {
        subjects: [
          ["a process", timed([[withProcess]], (stores) => drain(stores, instances), all)],
          ["its commands alone", timed([[without]], (stores) => alone(stores, names), all)]
        ],
        check: Effect.void
      }
    })
  )
  const watched = yield* begun("process_watched", instances)
  const heap = yield* heapOver("a process", drain(watched, instances))
  return report(
    `${instances.toLocaleString("en-US")} instances of a process in flight, ${(instances * (1 + commandsEach)).toLocaleString("en-US")} events, ${commandsEach} commands each`,
    samples,
    [{ by: "rate", of: "a process", to: "its commands alone" }],
    [heap]
  )
}, Effect.scoped)
