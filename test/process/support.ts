/**
 * What the tests of processes are written with: a process that does what its events tell it to, runtimes over one store, and stores that
 * misbehave.
 */
import { Context, Data, DateTime, Effect, Exit, Layer, Option, Result, Schedule, Schema, Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import {
  Aggregate,
  Decider,
  Event,
  EventStore,
  Process,
  ProcessManager,
  ProcessStore,
  ProjectionStore,
  StreamName
} from "eventfold"
import { MemoryEventStore } from "eventfold/memory"
import { Time } from "eventfold/testing"

const { cancel, schedule, send, sends } = ProcessManager

/** What fails is not tried again. */
export const once = { runs: { retry: Schedule.recurs(0) } } as const

const timers = ["a", "b", "c"] as const
const Timer = Schema.Literals(timers)

/** What a desk is told: what to note, and what to do. */
export const deskEvents = Event.define({
  Asked: {
    desk: Schema.String,
    note: Schema.String,
    /** The numbers to be done, in order: none below 0 can be, and for 0 there is nothing to do. */
    numbers: Schema.Array(Schema.Int),
    /** Timers to set, and how long after the event they are due, in milliseconds. */
    after: Schema.Array(Schema.Struct({ timer: Timer, millis: Schema.Int })),
    cancelled: Schema.Array(Timer),
    isOver: Schema.Boolean
  }
})
  // What several desks were told at once, in former days: one may be among them more than once.
  .retired(
    "AskedMany",
    { desks: Schema.Array(Schema.String), note: Schema.String, numbers: Schema.Array(Schema.Int) },
    ({ desks, note, numbers }) =>
      desks.map((desk) => ({ _tag: "Asked", desk, note, numbers, after: [], cancelled: [], isOver: false }))
  )
type Asked = typeof deskEvents.Type

class No extends Data.TaggedError("No")<{ readonly n: number }> {}

const Desk = Schema.Struct({
  /** What it was told of, in order. No note is long. */
  notes: Schema.Array(Schema.String.check(Schema.isMaxLength(100))),
  isOver: Schema.Boolean
})
export type DeskState = typeof Desk.Type

/**
 * A process that notes what happens to it, and does what it is told. What is in `broken` throws: `"evolve x"` at the note x, `"react x"`,
 * `"isTerminal x"`, `"correlate x"`, `"resume"`, `"decide 1"` in the aggregate at the number 1.
 */
export const makeDesk = (
  options: {
    readonly name?: string
    readonly again?: (state: DeskState) => boolean
    readonly runs?: Pick<
      Process.Options<ProcessManager.Any, never>,
      "concurrency" | "maxCausationDepth" | "partitions" | "retry"
    >
  } = {}
) => {
  const { again = () => false, name = "desk" } = options
  const broken = new Set<string>()
  const pass = (what: string): void => {
    if (broken.has(what)) throw new Error(`${what} is broken`)
  }

  const tool = Decider.make({
    name: "tool",
    state: Schema.Array(Schema.Int),
    initial: [],
    commands: Schema.TaggedUnion({ Do: { n: Schema.Int } }),
    events: Event.define({ Done: { n: Schema.Int } })
  })
    .evolve({ Done: (all, { n }) => [...all, n] })
    .decide({
      Do: ({ n }) => {
        pass(`decide ${n}`)
        return n < 0 ? Result.fail(new No({ n })) : n === 0 ? [] : [{ _tag: "Done", n }]
      }
    })

  const noting = (state: DeskState, note: string): DeskState => {
    pass(`evolve ${note}`)
    return { ...state, notes: [...state.notes, note] }
  }

  const manager = ProcessManager.make({
    name,
    state: Desk,
    initial: { notes: [], isOver: false },
    events: deskEvents,
    targets: { tools: sends(tool, ["Do"]) },
    timers,
    isTerminal: ({ isOver, notes }) => {
      pass(`isTerminal ${notes.at(-1)}`)
      return isOver
    }
  })
    .correlate({
      Asked: ({ desk, note }) => {
        pass(`correlate ${note}`)
        return desk === "nobody" ? undefined : desk
      }
    })
    .evolve({
      events: { Asked: (state, { isOver, note }) => (note === "" ? state : { ...noting(state, note), isOver }) },
      rejected: { tools: { Do: (state, { command: { n } }) => noting(state, `no ${n}`) } },
      executed: { tools: { Do: (state, { command: { n } }) => noting(state, `did ${n}`) } },
      elapsed: {
        a: (state) => noting(state, "a"),
        b: (state) => noting(state, "b"),
        c: (state) => noting(state, "c")
      }
    })
    .react({
      events: {
        Asked: (_, { after, cancelled, desk, note, numbers }, { now }) => {
          pass(`react ${note}`)
          return [
            ...numbers.map((n) => send("tools", desk, { _tag: "Do", n })),
            ...after.map(({ millis, timer }) => schedule(timer, DateTime.addDuration(now, millis))),
            ...cancelled.map((timer) => cancel(timer))
          ]
        }
      },
      rejected: {
        tools: {
          Do: (_, { command: { n } }) => {
            pass(`react no ${n}`)
            return []
          }
        }
      },
      executed: {
        tools: {
          Do: (_, { command: { n } }) => {
            pass(`react did ${n}`)
            return []
          }
        }
      },
      elapsed: {
        a: () => {
          pass("react a")
          return []
        },
        b: (_, __, { instance }) => [send("tools", instance, { _tag: "Do", n: 7 })],
        // It is set again with no delay.
        c: (state, __, { now }) => (again(state) ? [schedule("c", now)] : [])
      },
      resume: ({ notes }, { instance }) => {
        pass("resume")
        return [send("tools", instance, { _tag: "Do", n: 1000 + notes.length })]
      }
    })

  class Tools extends Aggregate.Service<Tools>()("test/Tools", { decider: tool }) {}
  class Desks extends Process.Service<Desks>()("test/Desks", {
    manager,
    aggregates: { tools: Tools },
    ...options.runs
  }) {}

  /** Starts a runtime of its own on the stores that are there. */
  const start = Effect.gen(function* () {
    const { context, stop } = yield* run(Layer.provideMerge(Desks.layer, Tools.layer))
    return { process: Context.get(context, Desks), tools: Context.get(context, Tools), stop }
  })

  return { broken, Desks, manager, start, tool, Tools }
}

/** Builds a layer for itself, until it is stopped. */
export const run = Effect.fnUntraced(function* <A, E, R>(layer: Layer.Layer<A, E, R>) {
  const scope = yield* Scope.make()
  const stop = Scope.close(scope, Exit.void)
  yield* Effect.addFinalizer(() => stop)
  return { context: yield* Layer.buildWithScope(Layer.fresh(layer), scope), stop }
})

/** Something to be told a desk: a note, and what is given of the rest. */
export const asked = (desk: string, note: string, what: Partial<Omit<Asked, "_tag">> = {}): Asked => ({
  _tag: "Asked",
  desk,
  note,
  numbers: [],
  after: [],
  cancelled: [],
  isOver: false,
  ...what
})

const toAppend = (encoded: Event.EncodedEvent) => ({ ...encoded, id: crypto.randomUUID(), metadata: {} })

/** Appends what desks are told, to one stream. */
export const tell = Effect.fnUntraced(function* (...events: ReadonlyArray<Asked>) {
  const store = yield* EventStore.EventStore
  const encoded = yield* Effect.forEach(events, (event) => Effect.fromResult(Event.encode(deskEvents, event)))
  return yield* store.append([
    { stream: StreamName.make("told", "all"), expected: "any", events: encoded.map(toAppend) }
  ])
})

export const ask = (...what: Parameters<typeof asked>) => tell(asked(...what))

/** Appends an event as some other code would have stored it. */
export const tellStored = (type: string, data: Schema.Json) =>
  Effect.flatMap(EventStore.EventStore, (store) =>
    store.append([
      {
        stream: StreamName.make("told", "all"),
        expected: "any",
        events: [toAppend({ type, schemaVersion: 1, data, tags: [] })]
      }
    ])
  )

/** Appends an event of a type that it hears, as nobody can read it. */
export const tellBroken = tellStored("Asked", { desk: 1 })

/** Appends an event that stands for several. */
export const tellMany = (desks: ReadonlyArray<string>, note: string, numbers: ReadonlyArray<number>) =>
  tellStored("AskedMany", { desks, note, numbers })

/** Lets the time pass while something is under way. */
export const during = <A, E, R>(effect: Effect.Effect<A, E, R>) => Time.passing(effect, "25 millis")

/** Lets the time pass until there is nothing to do but to wait. */
export const settle = (process: Pick<Process.Process<ProcessManager.Any>, "awaitSettled">) =>
  during(process.awaitSettled("10 minutes"))

/** Lets the time pass, step by step, until something holds. */
export const until = <E, R>(what: string, holds: Effect.Effect<boolean, E, R>) =>
  Effect.gen(function* () {
    for (let i = 0; i < 1200; i++) {
      if (yield* holds) return
      yield* TestClock.adjust("25 millis")
    }
    return yield* Effect.die(new Error(`it never came about that ${what}`))
  })

/** A process, as far as one of its instances is looked at. */
interface Looked<State> {
  readonly get: (instance: string) => Effect.Effect<Option.Option<Process.Instance<State>>, EventStore.StoreError>
}

/** An instance that has to be there. */
export const found = <State>(process: Looked<State>, instance: string) =>
  Effect.map(process.get(instance), Option.getOrThrow)

/** What a desk has noted. */
export const notesOf = (process: Looked<DeskState>, desk: string) =>
  Effect.map(process.get(desk), (one) => (Option.isSome(one) ? one.value.state.notes : []))

/** The story of an instance: what happened, and how many commands and timers came of it. */
export const storyOf = (process: Pick<Process.Process<ProcessManager.Any>, "story">, instance: string) =>
  Stream.runCollect(process.story(instance))

/** What happened to an instance, by name. */
export const inputsOf = (...what: Parameters<typeof storyOf>) =>
  Effect.map(storyOf(...what), (steps) => steps.map(({ input }) => input._tag))

/** All events of the log, or of a category. */
export const log = Effect.fnUntraced(function* (category?: string) {
  const store = yield* EventStore.EventStore
  const all = yield* Stream.runCollect(store.readLog())
  return all.filter(({ stream }) => category === undefined || StreamName.category(stream) === category)
})

/** The numbers that the tool of a desk has done, in order. */
export const doneBy = (desk: string) =>
  Effect.map(log("tool"), (all) =>
    all.filter(({ stream }) => stream === `tool-${desk}`).map(({ data }) => Schema.decodeUnknownSync(Done)(data).n)
  )
const Done = Schema.Struct({ n: Schema.Int })

type Events = EventStore.EventStore["Service"]
type Projections = ProjectionStore.ProjectionStore["Service"]
type Processes = ProcessStore.ProcessStore["Service"]

/** How stores are other than they were. */
export interface Altered {
  readonly events?: (store: Events) => Partial<Events>
  readonly projections?: (store: Projections) => Partial<Projections>
  readonly processes?: (store: Processes) => Partial<Processes>
}

/** The stores that are there, of which some operations are others. */
export const altering = <A, E, R>(effect: Effect.Effect<A, E, R>, { events, processes, projections }: Altered) =>
  Effect.gen(function* () {
    const there = {
      events: yield* EventStore.EventStore,
      projections: yield* ProjectionStore.ProjectionStore,
      processes: yield* ProcessStore.ProcessStore
    }
    return yield* effect.pipe(
      Effect.provideService(EventStore.EventStore, { ...there.events, ...events?.(there.events) }),
      Effect.provideService(ProjectionStore.ProjectionStore, {
        ...there.projections,
        ...projections?.(there.projections)
      }),
      Effect.provideService(ProcessStore.ProcessStore, { ...there.processes, ...processes?.(there.processes) })
    )
  })

export const unavailable = new EventStore.StoreError({ reason: "Unavailable", problem: "it is away" })
export const unexpected = new EventStore.StoreError({ reason: "Unexpected", problem: "it says no" })

/** A store in memory, and what processes keep in it. */
export const memory = MemoryEventStore.layer
