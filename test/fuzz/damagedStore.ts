/**
 * The memory stores, of which reads give rows that were damaged after they were stored.
 */
import { Context, DateTime, Effect, Layer, Stream } from "effect"
import { EventStore, type RecordedEvent } from "eventfold"
import { MemoryEventStore } from "eventfold/memory"
import { badVersions, mutateData, otherMetadata, otherTypes, type Random, short } from "./mutations.ts"

type Recorded = RecordedEvent.RecordedEvent

/** What rows are read as, by stream and version as they were stored. */
export class Damage extends Context.Service<Damage, Map<string, Partial<Record<keyof Recorded, unknown>>>>()(
  "test/Damage"
) {}

export const placeOf = ({ stream, version }: Pick<Recorded, "stream" | "version">): string => `${stream}@${version}`

export const damagedStores = Layer.effectContext(
  Effect.gen(function* () {
    const all = yield* Layer.build(MemoryEventStore.layer)
    const store = Context.get(all, EventStore.EventStore)
    const damage: Damage["Service"] = new Map()
    const read = (recorded: Recorded): Recorded => {
      const changed = damage.get(placeOf(recorded))
      return changed === undefined ? recorded : ({ ...recorded, ...changed } as Recorded)
    }
    const damaged: EventStore.EventStore["Service"] = {
      ...store,
      readStream: (stream, options) => Stream.map(store.readStream(stream, options), read),
      readLog: (options) => Stream.map(store.readLog(options), read),
      subscribe: (options) => Stream.map(store.subscribe(options), read),
      subscribePages: (options) =>
        Stream.map(store.subscribePages(options), ({ events, upTo }) => ({ events: events.map(read), upTo }))
    }
    return all.pipe(Context.add(EventStore.EventStore, damaged), Context.add(Damage, damage))
  })
)

const oneOfTimes = [8.64e15, -8.64e15, 0].map((millis) => DateTime.makeUnsafe(millis))

/** Damages what an event says. */
export const damageContents = (random: Random, recorded: Recorded, deepest = Infinity) => {
  switch (random.int(12)) {
    case 0: {
      const type = random.pick(otherTypes)
      return { changed: { type }, did: `its type is ${short(type)}` }
    }
    case 1: {
      const schemaVersion = random.pick([...badVersions, 1, 2, 3, 2 ** 60, NaN, Infinity, 1.5])
      return { changed: { schemaVersion }, did: `its schema version is ${schemaVersion}` }
    }
    case 2: {
      const metadata = random.pick(otherMetadata.slice(1))
      return { changed: { metadata }, did: `its metadata is ${short(metadata)}` }
    }
    case 3: {
      const tags = random.pick<unknown>([null, [null], "x", [[1]], {}, ["\u0000"]])
      return { changed: { tags }, did: `its tags are ${short(tags)}` }
    }
    default: {
      const { data, did } = mutateData(random, recorded.data, deepest)
      return { changed: { data }, did }
    }
  }
}

/** Damages anything of an event. */
export const damageAnything = (random: Random, recorded: Recorded) => {
  switch (random.int(16)) {
    case 0: {
      const version = random.pick([0, -1, 2 ** 60, NaN, 1.5, recorded.version + 1])
      return { changed: { version }, did: `its version is ${version}` }
    }
    case 1: {
      const position = random.pick([0, -1, 2 ** 60, NaN, Infinity])
      const { changed, did } = damageContents(random, recorded)
      return { changed: { ...changed, position }, did: `its position is ${position}, and ${did}` }
    }
    case 2: {
      const recordedAt = random.pick(oneOfTimes)
      return { changed: { recordedAt }, did: `its time is ${DateTime.formatIso(recordedAt)}` }
    }
    default:
      return damageContents(random, recorded)
  }
}
