/**
 * The shop in a process that is stopped dead, or stands still for a while, before or after any step that it persists or dispatches. What the
 * steps are is found by letting it run undisturbed; then it is stopped at one after the other, another one goes on, and what has come of it is
 * compared.
 */
import { Context, Duration, Effect, Exit, Fiber, Latch, Layer, Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import { EventStore, Process, ProcessStore, ProjectionStore, type RecordedEvent } from "eventfold"
import { MemoryEventStore } from "eventfold/memory"
import { fulfilmentWithin } from "../../examples/shop/fulfilment.ts"
import { aggregates, Orders, Payments, Shipments, Stock } from "../../examples/shop/service.ts"

export type Stores = Layer.Success<typeof MemoryEventStore.layer>

/** How long a customer has to pay. */
export const deadline = Duration.seconds(20)

class Fulfilments extends Process.Service<Fulfilments>()("test/Fulfilments", {
  manager: fulfilmentWithin(deadline),
  aggregates: { orders: Orders, stock: Stock, payments: Payments, shipments: Shipments },
  partitions: 1
}) {}

/** What becomes of a process at a step: it is killed there, or it stands still for so many milliseconds, as SIGSTOP would have it. */
export type Fate = { readonly _tag: "Dies" } | { readonly _tag: "Sleeps"; readonly millis: number }

/** At which step of which run of it, counted from 1. */
export interface Accident {
  readonly at: number
  readonly fate: Fate
}

/** A process of the operating system, as far as its stores know. */
interface Life {
  /** Whether it has come to its accident. */
  readonly hasFallen: () => boolean
  /** It does no more, and is not asked. */
  readonly die: Effect.Effect<void>
  readonly wake: Effect.Effect<void>
}

const gone = new EventStore.StoreError({ reason: "Unavailable", problem: "this process is gone" })

/** `steps`: those that count before its own. */
const live = (stores: Context.Context<Stores>, accident: Accident | undefined, steps: Array<string>) =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    const awake = yield* Latch.make(true)
    let hasFallen = false
    let isGone = false

    const gate = Effect.suspend((): Effect.Effect<void, EventStore.StoreError> => (isGone ? gone : awake.await))

    const point = (step: string) =>
      Effect.suspend(() => {
        steps.push(step)
        if (steps.length !== accident?.at) return gate
        hasFallen = true
        if (accident.fate._tag === "Dies") return Effect.never
        return Effect.andThen(awake.close, gate)
      })

    /** Something that it does and that lasts. */
    const step = <A, E, R>(
      name: string,
      effect: Effect.Effect<A, E, R>
    ): Effect.Effect<A, E | EventStore.StoreError, R> =>
      Effect.gen(function* () {
        yield* point(`before ${name}`)
        const done = yield* effect
        yield* point(`after ${name}`)
        return done
      })
    const gated = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E | EventStore.StoreError, R> =>
      Effect.tap(Effect.andThen(gate, effect), gate)
    const gatedStream = <A, E>(stream: Stream.Stream<A, E>) => Stream.unwrap(Effect.as(gate, stream))

    const events = Context.get(stores, EventStore.EventStore)
    const projections = Context.get(stores, ProjectionStore.ProjectionStore)
    const processes = Context.get(stores, ProcessStore.ProcessStore)
    // Where it dies before it has done something that lasts is all one; where it stands still is not.
    const isMortal = accident?.fate._tag !== "Sleeps"
    const its = stores.pipe(
      Context.add(EventStore.EventStore, {
        ...events,
        append: (writes, options) =>
          step(
            `the append of ${writes.flatMap((write) => write.events.map(({ type }) => type)).join(" and ")}`,
            events.append(writes, options)
          ),
        readStream: (stream, options) => {
          const read = gatedStream(events.readStream(stream, options))
          return isMortal ? read : Stream.unwrap(Effect.as(point(`before reading ${stream}`), read))
        },
        readLog: (...args) => gatedStream(events.readLog(...args)),
        head: gated(events.head)
      }),
      Context.add(ProjectionStore.ProjectionStore, {
        ...projections,
        register: (definition) => step("registering", projections.register(definition)),
        claim: (options) =>
          Effect.gen(function* () {
            // Where there is nothing to claim, there is no step.
            const status = yield* gated(projections.status(options.name))
            const isFree = status.some(({ owner }) => owner === undefined)
            return yield* isFree ? step("a claim", projections.claim(options)) : gated(projections.claim(options))
          }),
        renew: (claims, lease) => gated(projections.renew(claims, lease)),
        release: (claims) => gated(projections.release(claims)),
        commit: (claim, progress, work) => step("a commit", projections.commit(claim, progress, work)),
        fail: (claim, failure) => step("giving up", projections.fail(claim, failure))
      }),
      Context.add(ProcessStore.ProcessStore, {
        ...processes,
        // Whoever stands still within a transaction of the memory store keeps everybody else waiting.
        save: (process, changes) =>
          isMortal ? step("saving", processes.save(process, changes)) : processes.save(process, changes),
        load: (...args) => gated(processes.load(...args)),
        ready: (...args) => gated(processes.ready(...args)),
        due: (...args) => gated(processes.due(...args)),
        requests: (...args) => gated(processes.requests(...args))
      })
    )
    const layer = Layer.fresh(Layer.provide(Fulfilments.layer, Layer.fresh(aggregates))).pipe(
      Layer.provide(Layer.succeedContext(its))
    )
    yield* Effect.forkIn(Layer.buildWithScope(layer, scope), scope)
    const life: Life = {
      hasFallen: () => hasFallen,
      die: Effect.suspend(() => {
        isGone = true
        return Effect.andThen(awake.open, Scope.close(scope, Exit.void))
      }),
      wake: Effect.asVoid(awake.open)
    }
    return life
  })

/** Those who are no part of the shop, and whose stores never fail. */
export interface World {
  readonly orders: Context.Service.Shape<typeof Orders>
  readonly stock: Context.Service.Shape<typeof Stock>
  readonly payments: Context.Service.Shape<typeof Payments>
  readonly shipments: Context.Service.Shape<typeof Shipments>
  readonly events: EventStore.EventStore["Service"]
  /** Waits until the shop has done what there is to do. */
  readonly settled: Effect.Effect<void, unknown>
  /** Lets the time pass, in seconds. */
  readonly pass: (seconds: number) => Effect.Effect<void>
  /** Closes the shop, and opens it again when something is done. */
  readonly whileClosed: (effect: Effect.Effect<unknown, unknown>) => Effect.Effect<void, unknown>
}

/** What has come of it, as far as it must be the same whoever did it. */
export interface Outcome {
  /** The events of each stream. */
  readonly streams: { readonly [stream: string]: ReadonlyArray<unknown> }
  readonly instances: ReadonlyArray<unknown>
  /** What each instance has been through, whatever of two things at once it heard first. */
  readonly stories: { readonly [instance: string]: ReadonlyArray<string> }
}

export interface Played {
  readonly outcome: Outcome
  /** The steps of each process that took part. */
  readonly lives: ReadonlyArray<ReadonlyArray<string>>
  /** How many accidents have happened. */
  readonly fallen: number
  /** What was not as it must be, whatever the outcome. */
  readonly problems: ReadonlyArray<string>
  readonly log: ReadonlyArray<RecordedEvent.RecordedEvent>
}

const inputOf = ({ input }: Process.StoryStep): string => {
  switch (input._tag) {
    case "Event":
      return `${input.type} of ${input.stream}: ${input.id}`
    case "Executed":
      return `${input.id} came to ${input.events} events, version ${input.version}`
    case "Rejected":
      return `${input.id} was rejected: ${JSON.stringify(input.rejection)}`
    case "Elapsed":
      return `${input.timer} elapsed`
    default:
      return input._tag
  }
}

const outcomeOf = Effect.fnUntraced(function* (
  events: EventStore.EventStore["Service"],
  reader: Context.Service.Shape<typeof Fulfilments>
) {
  const log = yield* Stream.runCollect(events.readLog())
  const streams: Record<string, Array<unknown>> = {}
  for (const { data, id, metadata, schemaVersion, stream, tags, type, version } of log) {
    const { traceparent: _, ...why } = metadata
    ;(streams[stream] ??= []).push({ version, id, type, schemaVersion, data, tags, metadata: why })
  }
  const problems: Array<string> = []
  const stories: Record<string, ReadonlyArray<string>> = {}
  const instances = yield* Stream.runCollect(reader.list())
  for (const { instance } of instances) {
    const story = yield* Stream.runCollect(reader.story(instance))
    const inputs = story.map(inputOf)
    const twice = inputs.filter((input, index) => inputs.indexOf(input) < index)
    for (const input of twice) problems.push(`${instance} was told twice: ${input}`)
    const positions = story.flatMap(({ input }) => (input._tag === "Event" ? [input.position] : []))
    const isOrdered = positions.every((position, index) => index === 0 || positions[index - 1]! < position)
    if (!isOrdered) problems.push(`${instance} was not told in order: ${positions.join(", ")}`)
    const isCounted = story.every(({ number }, index) => number === index + 1)
    if (!isCounted) problems.push(`the steps of ${instance} are not counted`)
    const sent = story.flatMap(({ commands }) => commands.map(({ id }) => id))
    const answered = story.flatMap(({ input }) =>
      input._tag === "Executed" || input._tag === "Rejected" ? [input.id] : []
    )
    // In the order in which they were sent, each once.
    if (sent.join() !== answered.join())
      problems.push(`${instance} sent ${sent.join(", ")}, answered ${answered.join()}`)
    stories[instance] = inputs.toSorted()
  }
  const outcome: Outcome = {
    streams,
    instances: instances.map(({ commands, instance, state, status, steps, stuck, timers, waiting }) => ({
      instance,
      status,
      state,
      steps,
      commands,
      timers,
      stuck,
      waiting
    })),
    stories
  }
  return { outcome, problems, log }
})

/** Every so many milliseconds of the clock it is looked whether somebody has died, or has to be woken. */
const beat = 100

/** What happens before there is the shop, if anything does, and what once it is open. */
export interface Script {
  readonly before: Effect.Effect<void, unknown>
  readonly onceOpen: Effect.Effect<void, unknown>
}

/**
 * Plays a script, with accidents that happen to one process of the shop after the other.
 */
export const play = Effect.fnUntraced(function* (
  scriptIn: (world: World) => Script,
  accidents: ReadonlyArray<Accident> = []
) {
  const stores = yield* Layer.build(Layer.fresh(MemoryEventStore.layer))
  const outside = yield* Layer.build(Layer.fresh(aggregates)).pipe(Effect.provide(stores))
  const reader = Context.get(
    yield* Layer.build(Layer.fresh(Fulfilments.layerReader)).pipe(Effect.provide(stores)),
    Fulfilments
  )
  const lives: Array<Life> = []
  const steps: Array<Array<string>> = [[]]
  const asleep: Array<{ readonly life: Life; left: number }> = []
  let fallen = 0
  let current: Life | undefined

  const begin = Effect.gen(function* () {
    current = yield* live(stores, accidents[fallen], steps[fallen]!)
    lives.push(current)
  })

  const tick = Effect.gen(function* () {
    if (current?.hasFallen() === true) {
      const { fate } = accidents[fallen]!
      if (fate._tag === "Dies") yield* current.die
      else asleep.push({ life: current, left: fate.millis })
      fallen = steps.push([]) - 1
      yield* begin
    }
    yield* TestClock.adjust(beat)
    for (const one of asleep) {
      one.left -= beat
      if (one.left <= 0) yield* one.life.wake
    }
  })

  const waitFor = Effect.fnUntraced(function* <A, E>(effect: Effect.Effect<A, E>) {
    const fiber = yield* Effect.forkChild(effect, { startImmediately: true })
    for (let beats = 0; fiber.pollUnsafe() === undefined; beats++) {
      // Two minutes of the clock, after all.
      if (beats > 1200) return yield* Effect.die(new Error("it does not settle"))
      yield* tick
    }
    return yield* Fiber.join(fiber)
  })
  const settled = waitFor(reader.awaitSettled("1 day"))

  const world: World = {
    orders: Context.get(outside, Orders),
    stock: Context.get(outside, Stock),
    payments: Context.get(outside, Payments),
    shipments: Context.get(outside, Shipments),
    events: Context.get(stores, EventStore.EventStore),
    settled,
    pass: (seconds) => Effect.repeat(tick, { times: (seconds * 1000) / beat - 1 }).pipe(Effect.asVoid),
    whileClosed: Effect.fnUntraced(function* (effect) {
      // Whatever it may have come to, it is done with.
      if (current?.hasFallen() === true) yield* tick
      yield* current?.die ?? Effect.void
      current = undefined
      yield* effect
      yield* begin
    })
  }
  const script = scriptIn(world)
  yield* script.before
  yield* begin
  // What is recorded before there is the process is none that it reacts to: so it is there before anything else happens.
  const projections = Context.get(stores, ProjectionStore.ProjectionStore)
  while ((yield* projections.live("process:fulfilment")) === undefined) yield* tick
  yield* script.onceOpen
  // Whoever is asleep wakes up, and does no harm.
  while (asleep.some(({ left }) => left > 0)) yield* tick
  yield* world.pass(1)
  yield* settled
  const { log, outcome, problems } = yield* outcomeOf(world.events, reader)
  for (const life of lives) yield* life.die
  const played: Played = { outcome, log, problems, fallen, lives: steps }
  return played
})
