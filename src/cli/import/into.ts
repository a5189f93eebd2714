/**
 * Events of a file into a store: in their order, with their ids and times, each once however often it is begun.
 *
 * What is there already is looked up, compared and skipped; what is not is restored, a batch in one transaction. Where a store refuses a
 * batch it is tried by halves, down to the one event that is the reason: all that come before it are stored.
 */
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { PlatformError } from "effect/PlatformError"
import * as Stream from "effect/Stream"
import type { EventStore, StoreError } from "../../EventStore.ts"
import type { Inspection } from "../../Inspection.ts"
import type { RecordedEvent } from "../../RecordedEvent.ts"
import { CliFailure } from "../failure.ts"
import { count, instant } from "../output/format.ts"
import type { Advance } from "../output/progress.ts"
import { printable } from "../output/table.ts"
import { type Batch, type Item, stays } from "./batches.ts"
import { differences } from "./comparing.ts"

/** Where events are imported. */
export interface Target {
  readonly store: Pick<EventStore["Service"], "restore" | "readLog">
  readonly inspection: Pick<Inspection["Service"], "event">
}

/** What an import has come to. */
export interface Imported {
  /** Events that were stored now, and those that were there already. */
  readonly events: number
  readonly there: number
  /** The positions of the first and the last event that was stored now. */
  readonly first: number | undefined
  readonly last: number | undefined
  /** How many events of the file have another position, or another version, here than in the file. */
  readonly moved: { readonly positions: number; readonly versions: number }
}

/** What a store refuses for the events that it is given. */
const isOfEvents = ({ reason }: StoreError): boolean =>
  reason === "InvalidRequest" || reason === "DuplicateEvent" || reason === "Unexpected"

const onLine = (name: string, line: number, problem: string, advice: string): CliFailure =>
  new CliFailure({ kind: "refused", problem: `${name}:${line}: ${printable(problem)}`, advice })

/**
 * Imports batches, one after the other, and says how far it is by the bytes of the file. Fails at the first event that cannot be imported, when all before
 * it are.
 */
export const importInto = Effect.fnUntraced(function* <E, R>(
  name: string,
  batches: Stream.Stream<Batch, E, R>,
  { inspection, store }: Target,
  advance: Advance
): Effect.fn.Return<Imported, E | CliFailure | StoreError | PlatformError, R> {
  const imported = { events: 0, there: 0, positions: 0, versions: 0 }
  let first: number | undefined
  let last: number | undefined
  /** Whether what came so far was there: then what comes next may be as well. */
  let isCatchingUp = true

  const compareMoved = (items: ReadonlyArray<Item>, stored: ReadonlyArray<RecordedEvent>): void => {
    for (const [index, { event }] of items.entries()) {
      if (stored[index]?.position !== event.position) imported.positions += 1
      if (stored[index]?.version !== event.version) imported.versions += 1
    }
  }

  const readRange = (from: number, to: number) => Stream.runCollect(store.readLog({ from, to }))

  /** Whether the events are just there, one after the other up to a position. One that is there with another content is a failure. */
  const areThere = Effect.fnUntraced(function* (items: ReadonlyArray<Item>, upTo: number) {
    const from = upTo - items.length + 1
    if (from < 1) return false
    const stored = yield* readRange(from, upTo)
    if (stored.length !== items.length || items.some(({ event }, i) => event.id !== stored[i]!.id)) return false
    for (const [index, { event, line }] of items.entries()) yield* checkSame(line, event, stored[index]!)
    imported.there += items.length
    compareMoved(items, stored)
    return true
  })

  const checkSame = (line: number, event: RecordedEvent, stored: RecordedEvent): Effect.Effect<void, CliFailure> => {
    const different = differences(event, stored)
    if (different.length === 0) return Effect.void
    const problem = `event ${event.id} is there with another ${different.join(", another ")}, at position ${stored.position}`
    return Effect.fail(onLine(name, line, problem, `${stays}. It is another log, or what is in the file was changed`))
  }

  /** One event that the store refuses: it is there, or this is why. */
  const refusedAlone = Effect.fnUntraced(function* ({ event, line }: Item, error: StoreError) {
    const stored = yield* inspection.event(event.id)
    if (stored !== undefined) {
      yield* checkSame(line, event, stored)
      imported.there += 1
      return compareMoved([{ event, line }], [stored])
    }
    const end = Option.getOrUndefined(yield* Stream.runHead(store.readLog({ direction: "backward", limit: 1 })))
    if (end !== undefined && DateTime.isLessThan(event.recordedAt, end.recordedAt)) {
      return yield* onLine(
        name,
        line,
        `event ${event.id} was recorded at ${instant(event.recordedAt)}, before the last event of the log, ` +
          `at position ${count(end.position)}, of ${instant(end.recordedAt)}: a log is in the order of its times`,
        `${stays}. Import the file into a log of its own: another --schema, with --create`
      )
    }
    return yield* onLine(
      name,
      line,
      error.message,
      `${stays}. Import the rest when the reason is gone: what is there is skipped`
    )
  })

  const write: (items: ReadonlyArray<Item>) => Effect.Effect<void, CliFailure | StoreError> = Effect.fnUntraced(
    function* (items) {
      const restored = yield* Effect.result(store.restore(items.map(({ event }) => event)))
      if (restored._tag === "Failure") {
        const error = restored.failure
        if (!isOfEvents(error)) return yield* error
        if (items.length === 1) return yield* refusedAlone(items[0]!, error)
        const half = Math.ceil(items.length / 2)
        yield* write(items.slice(0, half))
        return yield* write(items.slice(half))
      }
      const { position, repeated } = restored.success
      if (repeated) {
        yield* areThere(items, position)
        return
      }
      const before = position - items.length
      // All of the log so far, in its places: then the versions are the file's as well, and need not be looked at.
      const isAll =
        before === imported.events + imported.there &&
        items.every(({ event }, index) => event.position === before + index + 1)
      imported.events += items.length
      first ??= before + 1
      last = position
      if (!isAll) compareMoved(items, yield* readRange(before + 1, position))
    }
  )

  const importBatch = Effect.fnUntraced(function* (items: ReadonlyArray<Item>) {
    if (isCatchingUp) {
      const end = yield* inspection.event(items[items.length - 1]!.event.id)
      isCatchingUp = end !== undefined
      if (end !== undefined && (yield* areThere(items, end.position))) return
    }
    yield* write(items)
  })

  yield* advance(0, 0)
  yield* Stream.runForEach(
    batches,
    Effect.fnUntraced(function* ({ end, failure, items }) {
      if (items.length > 0) yield* importBatch(items)
      yield* advance(items.length, end)
      if (failure !== undefined) return yield* failure
    })
  )
  const { events, positions, there, versions } = imported
  return { events, there, first, last, moved: { positions, versions } }
})
