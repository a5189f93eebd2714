/**
 * How a copy is run: page by page of the source, each in one transaction of the target with the position that it leads to.
 *
 * What a projection keeps is just that, so the target keeps a copy as a projection of its name, `copy:<name>`, whose positions are those
 * of the source. A claim fences it: of any number of runs one goes on at a time, and what one has stored no other stores again. It is
 * paused between runs, for nobody is to run it then, and failed where it stands before an event that cannot be copied.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { type EventStore, type Restored, type RestoredEvent, StoreError, type StoreReason } from "../../EventStore.ts"
import type { Claim, ClaimLost, ProjectionStore } from "../../ProjectionStore.ts"
import type { RecordedEvent } from "../../RecordedEvent.ts"
import { begun, type Copy, CopyFailed, type Item, Kept, movedOn, type Report, transformed } from "./copyModel.ts"
import { weightOf } from "./projection/pace.ts"
import { uuidV7 } from "./uuid.ts"

export interface Stores {
  readonly source: EventStore["Service"]
  readonly target: EventStore["Service"]
  readonly projections: ProjectionStore["Service"]
}

const lease = Duration.seconds(2)
/** How often a claim is renewed, or looked for where another run holds it. */
const lookEvery = Duration.millis(500)
/** What goes into one transaction, about: a page of the source, unless its events become many, or large ones. */
const batchEvents = 2000
const batchWeight = 4 * 1024 * 1024
/** The key of the one document of a copy. */
const key = "progress"

/** What a target refuses for the events that it is given. */
const ofEvents: ReadonlySet<StoreReason> = new Set(["InvalidRequest", "DuplicateEvent", "Misconfigured", "Unexpected"])

const misconfigured = (problem: string): StoreError => new StoreError({ reason: "Misconfigured", problem })

const failedAt = ({ name }: Copy, recorded: RecordedEvent, by: "transform" | "target", problem: string): CopyFailed => {
  const { id, position, stream, type, version } = recorded
  return new CopyFailed({ copy: name, by, eventId: id, stream, version, position, type, problem })
}

const weightOfEvents = (events: ReadonlyArray<RestoredEvent>): number =>
  events.reduce((sum, { data, metadata }) => sum + weightOf(data) + weightOf(metadata), 0)

/** What becomes of the events of a page, up to the first that the transform throws at, in batches. */
const transformPage = (copy: Copy, page: ReadonlyArray<RecordedEvent>) => {
  const batches: Array<ReadonlyArray<Item>> = []
  let batch: Array<Item> = []
  let count = 0
  let weight = 0
  let failure: CopyFailed | undefined
  for (const recorded of page) {
    if (copy.streams !== undefined && !copy.streams.has(recorded.stream)) continue
    const result = Result.try(() => transformed(copy.transform, recorded))
    if (Result.isFailure(result)) {
      const thrown = result.failure
      failure = failedAt(copy, recorded, "transform", Predicate.isError(thrown) ? thrown.message : String(thrown))
      break
    }
    const events = result.success
    batch.push({ recorded, events })
    count += events.length
    weight += weightOfEvents(events)
    if (count < batchEvents && weight < batchWeight) continue
    batches.push(batch)
    batch = []
    count = 0
    weight = 0
  }
  batches.push(batch)
  return { batches, failure }
}

/** What this copy has written it does not write again: so it was somebody else. */
const refuseRepeated = ({ position, repeated }: Restored): Effect.Effect<void, StoreError> => {
  const problem = `it is stored already, at the positions up to ${position}, and not by this copy`
  return repeated ? Effect.fail(new StoreError({ reason: "DuplicateEvent", problem })) : Effect.void
}

/** What the target keeps of the copy, if it is a copy of these events from this source. */
const keptIn = Effect.fnUntraced(function* (copy: Copy, { projections, source }: Stores) {
  const document = (yield* projections.read(projectionOf(copy), [key])).get(key)
  const fresh = begun(copy)
  if (document === undefined) return fresh
  const kept = yield* Effect.mapError(Schema.decodeUnknownEffect(Kept)(document), ({ message }) =>
    misconfigured(`what the target keeps of copy ${copy.name} cannot be read: ${message}`)
  )
  if (kept.from !== fresh.from) {
    return yield* misconfigured(
      `copy ${copy.name} was begun with other events, ${kept.from}: give this one another name`
    )
  }
  if (kept.last === null) return kept
  const { id, position } = kept.last
  const [there] = yield* Stream.runCollect(source.readLog({ from: position, to: position }))
  if (there?.id !== id) {
    return yield* misconfigured(
      `copy ${copy.name} was begun from another log, which has event ${id} at position ${position}: this one has ${there?.id ?? "none"}`
    )
  }
  return kept
})

const projectionOf = ({ name }: Copy): string => `copy:${name}`

/** Takes the claim of a copy, and holds it for as long as the scope. Waits for another run that holds it. */
const hold = Effect.fnUntraced(function* (copy: Copy, { projections }: Stores) {
  const name = projectionOf(copy)
  const owner = yield* uuidV7
  let claim: Claim | undefined
  yield* Effect.addFinalizer(() => (claim === undefined ? Effect.void : Effect.ignore(projections.release([claim]))))
  const take = Effect.map(projections.claim({ name, version: 1, owner, lease, most: 1 }), ([taken]) => {
    claim = taken
  })
  yield* projections.register({ name, version: 1, partitions: 1, mode: "async", types: [], tables: {} })
  yield* projections.resume(name)
  yield* Effect.uninterruptible(take)
  while (claim === undefined) {
    yield* Effect.sleep(lookEvery)
    yield* projections.resume(name)
    yield* Effect.uninterruptible(take)
  }
  let held: Claim = claim
  const renew = Effect.suspend(() => projections.renew([held], lease))
  yield* Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep(lookEvery), Effect.ignore(renew))))
  return {
    current: () => held,
    move: (next: Claim): void => {
      held = next
    }
  }
})

/** One run, up to a position of the source, for as long as its claim stands. */
const attempt = Effect.fnUntraced(function* (copy: Copy, stores: Stores, upTo: number) {
  const { projections, source, target } = stores
  const holding = yield* hold(copy, stores)
  let kept = yield* keptIn(copy, stores)

  const commit = Effect.fnUntraced(function* (items: ReadonlyArray<Item>, to: number) {
    const claim = holding.current()
    const next = movedOn(kept, items, to)
    const events = items.flatMap((item) => item.events)
    const work = Effect.andThen(
      events.length === 0 ? Effect.void : Effect.flatMap(target.restore(events), refuseRepeated),
      projections.save(claim.generation, new Map([[key, next]]))
    )
    holding.move(yield* projections.commit(claim, { to, rate: 0 }, work))
    kept = next
  })

  /** By halves where the target refuses, down to the event that it refuses: all that come before it are stored. */
  const advance = (items: ReadonlyArray<Item>, to: number): Effect.Effect<void, CopyFailed | StoreError | ClaimLost> =>
    Effect.catchIf(
      commit(items, to),
      (error): error is StoreError => error._tag === "StoreError" && ofEvents.has(error.reason) && items.length > 0,
      (error) => {
        if (items.length === 1) return Effect.fail(failedAt(copy, items[0]!.recorded, "target", error.message))
        const half = Math.ceil(items.length / 2)
        const first = items.slice(0, half)
        return Effect.andThen(
          advance(first, first[half - 1]!.recorded.position),
          Effect.suspend(() => advance(items.slice(half), to))
        )
      }
    )

  const advancePage = Effect.fnUntraced(function* (page: ReadonlyArray<RecordedEvent>) {
    const { batches, failure } = transformPage(copy, page)
    for (const [index, batch] of batches.entries()) {
      const isLast = index === batches.length - 1
      const end = isLast && failure === undefined ? page[page.length - 1] : batch[batch.length - 1]?.recorded
      if (end !== undefined) yield* advance(batch, end.position)
    }
    if (failure !== undefined) return yield* failure
    return kept.report
  })

  const end = Effect.gen(function* () {
    if (upTo > holding.current().position) yield* commit([], upTo)
    yield* projections.pause(projectionOf(copy))
    return kept.report
  })

  const query = copy.query === undefined ? {} : { query: copy.query }
  const from = holding.current().position + 1
  const pages = from > upTo ? Stream.empty : Stream.chunks(source.readLog({ from, to: upTo, ...query }))
  return Stream.succeed(kept.report).pipe(
    // The next page is read while one is written.
    Stream.concat(Stream.mapEffect(Stream.buffer(pages, { capacity: 1 }), advancePage)),
    Stream.concat(Stream.fromEffect(end)),
    Stream.tapError((error) =>
      error._tag === "CopyFailed"
        ? Effect.ignore(projections.fail(holding.current(), { position: error.position, problem: error.message }))
        : Effect.void
    )
  )
})

/**
 * Copies everything up to the head that the source has now. Gives where it stands, at the beginning and after each page.
 */
export const runCopy = (copy: Copy, stores: Stores): Stream.Stream<Report, CopyFailed | StoreError> => {
  const upTo = (head: number): Stream.Stream<Report, CopyFailed | StoreError> =>
    Stream.catchTag(Stream.unwrap(attempt(copy, stores, head)), "ClaimLost", () => Stream.suspend(() => upTo(head)))
  return Stream.unwrap(Effect.map(stores.source.head, upTo))
}
