/**
 * That a version of `evolve` is what it was: histories are frozen in a lock file, with the states that they came to.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Aggregate from "../../Aggregate.ts"
import type * as Decider from "../../Decider.ts"
import * as Event from "../../Event.ts"
import { compare, SpecFailure, toText } from "../SpecFailure.ts"
import { accept, readLockFile } from "./lockFile.ts"
import { historiesOf, type SnapshotOptions } from "./SnapshotSpec.ts"
import { encodeValue } from "./stored.ts"

const about =
  "What histories have come to under a version of evolve: written by Spec.evolveVersion of eventfold/testing, and to be committed. Do not edit."

const Lock = Schema.Struct({
  about: Schema.String,
  format: Schema.Literal(1),
  /** The code whose snapshots these states could be. */
  code: Schema.String,
  histories: Schema.Array(
    Schema.Struct({
      events: Schema.Array(Schema.Struct({ type: Schema.String, schemaVersion: Schema.Int, data: Schema.Json })),
      state: Schema.Json
    })
  )
})
type Frozen = (typeof Lock.Type)["histories"][number]

const decodeLock = Schema.decodeUnknownEffect(Schema.fromJsonString(Lock))

/** What frozen events come to by the code of today. */
const stateOf = Effect.fnUntraced(function* (decider: Decider.Any, { events }: Pick<Frozen, "events">, where: string) {
  const reads: Event.Definitions<Event.Tagged> = decider.reads
  let state: unknown = decider.initial
  for (const [index, { data, schemaVersion, type }] of events.entries()) {
    const read = reads.stored.get(type)?.decode(data, schemaVersion)
    if (read === undefined || Result.isFailure(read)) {
      return yield* new SpecFailure({ problem: `event ${index} (${type}) of ${where} is not read any more` })
    }
    for (const event of read.success) state = decider.evolve(state, event)
  }
  return yield* encodeValue(decider.state, `the state after ${where}`, state)
})

const freeze = Effect.fnUntraced(function* (
  decider: Decider.Any,
  version: number,
  options: SnapshotOptions<Event.Tagged>
) {
  const frozen: Array<Frozen> = []
  for (const { events, which } of yield* historiesOf(decider, {
    runs: 10,
    length: 10,
    seed: decider.name,
    ...options
  })) {
    const stored = events.map((event) => {
      const { data, schemaVersion, type } = Result.getOrThrow(Event.encode<Event.Tagged>(decider.reads, event))
      return { type, schemaVersion, data }
    })
    if (stored.length > 0) frozen.push({ events: stored, state: yield* stateOf(decider, { events: stored }, which) })
  }
  const lock: typeof Lock.Type = {
    about,
    format: 1,
    code: Aggregate.snapshotCode(decider, version),
    histories: frozen
  }
  return `${toText(lock)}\n`
})

/** Holds a version of `evolve` against what it made before. */
export const checkEvolve = Effect.fnUntraced(function* (
  decider: Decider.Any,
  version: number,
  file: string,
  options: SnapshotOptions<Event.Tagged>
) {
  const files = yield* FileSystem.FileSystem
  const { isAccepted, isCi, text } = yield* readLockFile(file)
  const write = Effect.flatMap(freeze(decider, version, options), (frozen) => files.writeFileString(file, frozen))
  if (isAccepted) return yield* write
  if (Option.isNone(text)) {
    if (!isCi) return yield* write
    return yield* new SpecFailure({ problem: `${file} is not there, and in CI it is not made: ${accept(file)}` })
  }
  const lock = yield* decodeLock(text.value).pipe(
    Effect.mapError(
      ({ message }) =>
        new SpecFailure({ problem: `${file} cannot be read: ${message}\n\nTake it back from version control.` })
    )
  )
  if (lock.code !== Aggregate.snapshotCode(decider, version)) {
    // Its snapshots are not used any more.
    if (!isCi) return yield* write
    const problem = `${file} is of other code, ${lock.code}: ${accept(file)}`
    return yield* new SpecFailure({ problem })
  }
  for (const [index, frozen] of lock.histories.entries()) {
    const where = `history ${index} of ${file}`
    const changed = compare(
      `evolve makes another state of ${where} than its version ${version} did, and snapshots of that version would still be used: ` +
        `raise the version`,
      "state",
      frozen.state,
      yield* stateOf(decider, frozen, where)
    )
    if (changed !== undefined) return yield* changed
  }
})
