/**
 * Following the log: a consumer that reads it from its beginning, and one of another store that is told of what is appended now.
 */
import {
  type Event,
  reactor,
  type RecordedMessage,
  type ReadEventMetadataWithGlobalPosition
} from "@event-driven-io/emmett"
import type { PostgresEventStore, PostgreSQLProcessorHandlerContext } from "@event-driven-io/emmett-postgresql"
import { setTimeout } from "node:timers/promises"
import { categoryOf, type Data, dataOf, type Metadata, someMetadata, sumOf } from "../../../bench/peers/payload.ts"
import { sampleOf } from "../../../bench/peers/times.ts"
import { categoryIsWhole, type Problems, same, streamsAreWhole } from "./checks.ts"
import { advance, lastPosition, patience, type Progress, start, type Startable } from "./consuming.ts"
import {
  appendNext,
  type Booked,
  type Ground,
  poolOf,
  prefilled,
  type Prepared,
  type Pulling,
  storeOf,
  upTo
} from "./setup.ts"

/** An event as a consumer gives it. */
type Given<E extends Event> = RecordedMessage<E, ReadEventMetadataWithGlobalPosition>

interface Reacting<E extends Event> {
  readonly store: PostgresEventStore
  readonly pulling: Pulling
  readonly processorId: string
  readonly types: Array<E["type"]>
  /** Where it begins: undefined is the beginning of the log. */
  readonly after: bigint | undefined
  /** Whether each message has its checkpoint stored, in the transaction of its batch. */
  readonly checkpoints: boolean
  readonly eachMessage: (message: Given<E>) => void
}

/** A consumer with one reactor. */
const reacting = <E extends Event>(how: Reacting<E>): Startable => {
  const { after, checkpoints, eachMessage, processorId, pulling, store, types } = how
  const canHandle = types
  const startFrom = after === undefined ? {} : { startFrom: { lastCheckpoint: after } }
  if (!checkpoints) {
    const given = reactor<E, ReadEventMetadataWithGlobalPosition, PostgreSQLProcessorHandlerContext>({
      processorId,
      canHandle,
      startFrom: "BEGINNING",
      ...startFrom,
      eachMessage
    })
    return store.consumer({ pulling, processors: [given] })
  }
  const consumer = store.consumer({ pulling })
  // One that has no checkpoint yet begins at the beginning. To say so would keep it from ever storing one.
  consumer.reactor<E>({ processorId, canHandle, ...startFrom, eachMessage })
  return consumer
}

/** What was handled of a log: how much, what it comes to, and how often an event was not next in its stream. */
class Seen implements Progress {
  handled = 0
  at = 0
  sum = 0
  gaps = 0
  private readonly versions = new Map<string, bigint>()
  add({ data, metadata: { streamName, streamPosition } }: Given<Booked>): void {
    this.sum += data.amount
    if (streamPosition !== (this.versions.get(streamName) ?? 0n) + 1n) this.gaps++
    this.versions.set(streamName, streamPosition)
    advance(this)
  }
}

/** The whole log, event by event. Tuned, it is read in larger batches and without checkpoints, as a log that is only read once needs none. */
export const catchUp = async ({ server, store, task, variant: { tuned } }: Ground): Promise<Prepared> => {
  const length = task.streams * task.length
  const problems: Array<string> = []
  return {
    run: async (round) => {
      const seen = new Seen()
      const consumer = reacting<Booked>({
        store,
        pulling: tuned ? { batchSize: 1000, pullingFrequencyInMs: 1 } : {},
        processorId: `catch-up-${task.process}-${round}`,
        types: ["Booked"],
        after: undefined,
        checkpoints: !tuned,
        eachMessage: (message) => seen.add(message)
      })
      const began = performance.now()
      const consuming = start(consumer)
      await consuming.until(seen, () => seen.handled >= length)
      const millis = seen.at - began
      problems.push(
        ...(await consuming.stop()),
        ...same(`events delivered in round ${round}`, seen.handled, length),
        ...same(`their sum in round ${round}`, seen.sum, task.streams * sumOf(task.length)),
        ...same(`events out of order in round ${round}`, seen.gaps, 0)
      )
      return sampleOf(seen.handled, millis, [millis])
    },
    check: async () => [...(await streamsAreWhole(server, prefilled, task.streams, task.length)), ...problems]
  }
}

/** What the probe appends: an event of a type of its own, since that is what Emmett's processors choose by. */
type Probed = Event<"Probed", Data, Metadata>

const betweenProbes = 5

/** From an acknowledged append to a consumer of another store, while others write as fast as they can. */
export const latency = async ({ pool, server, store, task, variant: { tuned } }: Ground): Promise<Prepared> => {
  const reading = poolOf(task.url, Math.max(1, Math.floor(task.connections / 2)))
  const readingStore = storeOf(task.url, reading)
  const problems: Array<string> = []
  const written: Array<{ readonly category: string; readonly events: number }> = []

  const write = async (category: string, isOver: () => boolean): Promise<number> => {
    const counts = await Promise.all(
      upTo(task.fibers).map(async (fiber) => {
        let entries = 0
        for (; entries === 0 || !isOver(); entries++) await appendNext(store, `${category}-${fiber}`, entries)
        return entries
      })
    )
    const events = counts.reduce((sum, count) => sum + count, 0)
    written.push({ category, events })
    return events
  }

  const probe = async (category: string) => {
    const stream = `${category}-1`
    const acknowledged: Array<number> = []
    const delivered = new Map<number, number>()
    const progress: Progress = { handled: 0, at: 0 }
    let last = 0
    let doubled = 0
    let unordered = 0
    const consumer = reacting<Probed>({
      store: readingStore,
      // A wait of Emmett's doubles, up to a second, when a batch was not full: a small one is full sooner, but one of 5 falls behind the writers.
      pulling: tuned ? { batchSize: 20, pullingFrequencyInMs: 1 } : {},
      processorId: category,
      types: ["Probed"],
      after: await lastPosition(pool),
      checkpoints: !tuned,
      eachMessage: ({ data: { amount }, metadata: { streamName } }) => {
        if (streamName !== stream) return
        if (delivered.has(amount)) doubled++
        else delivered.set(amount, performance.now())
        if (amount <= last) unordered++
        last = amount
        advance(progress)
      }
    })
    const consuming = start(consumer)
    for (let amount = 1; amount <= task.each; amount++) {
      await setTimeout(betweenProbes)
      const event: Probed = { type: "Probed", data: dataOf(stream, amount), metadata: someMetadata() }
      await store.appendToStream<Probed>(stream, [event], { expectedStreamVersion: BigInt(amount - 1) })
      acknowledged[amount] = performance.now()
    }
    const until = performance.now() + patience
    // Whatever comes meanwhile, the time is limited.
    const isOver = () => delivered.size >= task.each || performance.now() >= until
    await consuming.until({ handled: 0, at: until }, isOver)
    problems.push(
      ...(await consuming.stop()),
      ...same(`probes of ${category} delivered`, delivered.size, task.each),
      ...same(`probes of ${category} delivered twice`, doubled, 0),
      ...same(`probes of ${category} out of order`, unordered, 0)
    )
    // A delivery may overtake the acknowledgement.
    return Array.from(delivered, ([amount, at]) => Math.max(0, at - (acknowledged[amount] ?? Number.NaN)))
  }

  return {
    run: async (round) => {
      const category = categoryOf(task.process, round)
      let over = false
      const began = performance.now()
      const writing = write(category, () => over)
      const waits = await probe(`${category}probe`).finally(() => (over = true))
      const events = await writing
      const millis = performance.now() - began
      return { ...sampleOf(waits.length, millis, waits), others: { "writes per second": (events / millis) * 1000 } }
    },
    check: async () => {
      const found: Array<string> = []
      for (const { category, events } of written) {
        const streams: Problems = await categoryIsWhole(server, category, task.fibers, events)
        found.push(...streams, ...(await streamsAreWhole(server, `${category}probe`, 1, task.each)))
      }
      return [...found, ...problems]
    },
    close: async () => {
      await readingStore.close()
      await reading.end()
    }
  }
}
