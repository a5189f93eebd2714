/**
 * The folder of an embedded database: made if it is missing, refused if it holds something else or somebody else holds it.
 */
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { constants } from "node:fs"
import * as Fs from "node:fs/promises"
import { resolve } from "node:path"
import { setTimeout } from "node:timers/promises"
import { EmbeddedError } from "./EmbeddedError.ts"
import * as Lock from "./lock.ts"

const unusable = (dataDir: string) => (cause: unknown) =>
  new EmbeddedError({
    reason: "Unusable",
    dataDir,
    problem: `the folder cannot be used (${cause instanceof Error ? cause.message : String(cause)})`
  })

const prepare = (dataDir: string): Effect.Effect<ReadonlyArray<string>, EmbeddedError> =>
  Effect.tryPromise({
    try: async () => {
      await Fs.mkdir(dataDir, { recursive: true })
      await Fs.access(dataDir, constants.R_OK | constants.W_OK | constants.X_OK)
      return await Fs.readdir(dataDir)
    },
    catch: unusable(dataDir)
  })

/** Half a second, for those who come at the same time. */
const patience = { schedule: Schedule.spaced("20 millis"), times: 25 }

const take = (dataDir: string): Effect.Effect<Lock.Lock, EmbeddedError> =>
  Effect.tryPromise({ try: () => Lock.attempt(dataDir), catch: unusable(dataDir) }).pipe(
    Effect.repeat({ ...patience, while: ({ _tag }) => _tag === "Busy" }),
    Effect.flatMap((attempt) => {
      if (attempt._tag === "Taken") return Effect.succeed(attempt.lock)
      const problem = attempt._tag === "Held" ? attempt.objection : "others are trying to open it; try again"
      return Effect.fail(new EmbeddedError({ reason: "InUse", dataDir, problem }))
    })
  )

/** By the system's own clock: others go by the signs of life, whatever clock this program is given. */
const untilTheNextBeat = Effect.promise(() => setTimeout(Lock.beatMillis, undefined, { ref: false }))

/** A folder that is held. */
export interface Folder {
  /** Its full path. */
  readonly dataDir: string
  /** To be asked before anything is written to it: throws when it is held no more. */
  readonly check: () => void
}

/**
 * Holds a folder until the scope closes.
 */
export const hold = Effect.fn("eventfold.embedded.hold")(function* (
  folder: string
): Effect.fn.Return<Folder, EmbeddedError, Scope.Scope> {
  const dataDir = resolve(folder)
  const entries = yield* prepare(dataDir)
  if (!entries.includes("PG_VERSION") && !entries.every((entry) => entry.startsWith(Lock.lockName))) {
    return yield* new EmbeddedError({
      reason: "Unusable",
      dataDir,
      problem: "the folder holds files, and they are no PostgreSQL database; name an empty or a new one"
    })
  }
  const lock = yield* Effect.acquireRelease(take(dataDir), (lock) => Effect.ignore(Effect.tryPromise(lock.release)))
  const beat = Effect.andThen(untilTheNextBeat, Effect.try(lock.beat))
  yield* Effect.forkScoped(Effect.ignore(Effect.forever(beat)))
  return { dataDir, check: lock.beat }
})
