/**
 * Snapshots of an aggregate's states: taken off the critical path, and never trusted. One that is of other code, does not decode, is
 * damaged, or is not of the log that there is, is as good as none, and is removed.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type * as Decider from "../../Decider.ts"
import { type Snapshot, SnapshotStore } from "../../SnapshotStore.ts"
import type { StreamName } from "../../StreamName.ts"
import { digest } from "../kernel/digest.ts"
import { makeBounded } from "./bounded.ts"
import type { Loaded } from "./loaded.ts"

/**
 * When snapshots are taken, and of what code.
 */
export interface Snapshots {
  /**
   * The version of the decider's `evolve`, from 1. To be raised with every change that makes other states of the same events: snapshots of
   * other versions are not used. Another JSON shape of the state counts as a change by itself; another meaning of the same JSON does not.
   */
  readonly version: number
  /** A snapshot is taken when a state is this many events ahead of the last one. 100 by default. */
  readonly every?: number | undefined
  /** And when to load it took longer than this. */
  readonly whenSlowerThan?: Duration.Input | undefined
  /** How many of each stream are kept: the newest. 2 by default, the older one for states at a version. */
  readonly keep?: number | undefined
}

/** How many snapshots are written at the same time: what comes on top is left to the next one who loads. */
const mostAtOnce = 8
/** How long one may take to be written. */
const patience = "30 seconds"
/** The streams of which it is remembered what was written. */
const mostTaken = { entries: 100_000, weight: Infinity }

export interface StreamSnapshots<in out State> {
  /** The newest snapshot of a stream that can be used, of those at or below a version. */
  readonly load: (stream: StreamName, upTo?: number) => Effect.Effect<Option.Option<Loaded<State>>>
  /** Takes a snapshot if it is time for one; `snapshotAt` is the version of the newest that is known of. */
  readonly offer: (stream: StreamName, loaded: Loaded<State>, snapshotAt: number, millis: number) => Effect.Effect<void>
  /** Removes what turned out to be of no use. */
  readonly discard: (stream: StreamName) => Effect.Effect<void>
}

/** The longest name that is part of a code as it is, in Unicode code points. */
const mostName = 100

/**
 * Names the code that makes a snapshot: the decider, the shape of what is kept of its state, and the version of its `evolve`. To remove
 * snapshots that no code uses any more, by {@link SnapshotStore}.
 */
export const snapshotCode = (decider: Decider.Any, version: number): string => {
  const { definitions, schema } = Schema.toJsonSchemaDocument(Schema.toCodecJson(decider.state))
  const shape = digest(JSON.parse(JSON.stringify({ definitions, schema })))
  const { length } = Array.from(decider.name)
  const name = length <= mostName ? decider.name : digest(decider.name)
  return `${name}/${shape.slice(0, 16)}/${version}/`
}

const Envelope = Schema.Struct({ state: Schema.Json, digest: Schema.String })

/** What a snapshot has to say to be taken for what it was written as. */
const sealOf = (code: string, { stream, version, position, state }: Snapshot): string =>
  digest([code, stream, version, position, state])

export const makeSnapshots = <D extends Decider.Any>(
  decider: D,
  { every = 100, keep = 2, version, whenSlowerThan }: Snapshots
): Effect.Effect<StreamSnapshots<Decider.State<D>>, never, SnapshotStore | Scope.Scope> =>
  Effect.gen(function* () {
    type State = Decider.State<D>
    const store = yield* SnapshotStore
    const writing = yield* FiberSet.make()
    const code = snapshotCode(decider, version)
    const slow = whenSlowerThan === undefined ? Infinity : Duration.toMillis(whenSlowerThan)
    const codec: Schema.Codec<State, Schema.Json> = Schema.toCodecJson(decider.state)
    const encode = Schema.encodeUnknownResult(codec)
    const decode = Schema.decodeUnknownResult(codec)
    const decodeEnvelope = Schema.decodeUnknownResult(Envelope)

    /** What a snapshot holds, unless it is not what was written. */
    const opened = (stream: StreamName, snapshot: Snapshot): Loaded<State> | undefined => {
      try {
        const envelope = Result.getOrThrow(decodeEnvelope(snapshot.state))
        const { state } = envelope
        if (envelope.digest !== sealOf(code, { ...snapshot, stream, state })) return undefined
        return { state: Result.getOrThrow(decode(state)), version: snapshot.version, position: snapshot.position }
      } catch {
        return undefined
      }
    }

    /** What the state is written as, unless its schema refuses it. */
    const sealed = (stream: StreamName, { position, state, version }: Loaded<State>): Snapshot | undefined => {
      try {
        const snapshot = { stream, version, position, state: Result.getOrThrow(encode(state)) }
        return { ...snapshot, state: { state: snapshot.state, digest: sealOf(code, snapshot) } }
      } catch {
        // It may also be nested deeper than the stack is.
        return undefined
      }
    }

    /** The versions of snapshots that were written here, and the streams of those that are being written. */
    const taken = makeBounded<number>(mostTaken)
    const underWay = new Set<StreamName>()

    const inBackground = (effect: Effect.Effect<unknown, unknown>): Effect.Effect<void> =>
      Effect.asVoid(FiberSet.run(writing, Effect.ignore(effect)))

    const discard = (stream: StreamName) =>
      Effect.suspend(() => {
        taken.remove(stream)
        return inBackground(store.remove({ code, stream }))
      })

    return {
      discard,
      load: (stream, upTo) =>
        store.load(code, stream, upTo === undefined ? {} : { upTo }).pipe(
          // Then the events will do, and if they cannot be read either, that is the error.
          Effect.catch((error) =>
            Effect.as(error.isRetryable ? Effect.void : discard(stream), Option.none<Snapshot>())
          ),
          Effect.flatMap((found) => {
            if (Option.isNone(found)) return Effect.succeed(Option.none())
            const loaded = opened(stream, found.value)
            return loaded === undefined
              ? Effect.as(discard(stream), Option.none())
              : Effect.succeed(Option.some(loaded))
          })
        ),
      offer: (stream, loaded, snapshotAt, millis) =>
        Effect.suspend(() => {
          const newest = Math.max(snapshotAt, taken.get(stream) ?? 0)
          const isDue = loaded.version - newest >= every || (millis > slow && loaded.version > newest)
          if (!isDue || underWay.has(stream) || underWay.size >= mostAtOnce) return Effect.void
          underWay.add(stream)
          const write = Effect.gen(function* () {
            const snapshot = sealed(stream, loaded)
            const problem = `${decider.name}: no snapshot of ${stream}`
            if (snapshot === undefined)
              return yield* Effect.logWarning(`${problem}, whose state does not fit its schema`)
            yield* store.save(code, snapshot, { keep }).pipe(
              Effect.tapError(({ message }) => Effect.logWarning(`${problem}: ${message}`)),
              Effect.timeout(patience)
            )
            taken.set(stream, loaded.version, 1)
            taken.trim()
          })
          return inBackground(
            Effect.ensuring(
              write,
              Effect.sync(() => underWay.delete(stream))
            )
          )
        })
    }
  })
