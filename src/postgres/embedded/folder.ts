/**
 * The folder of an embedded database: made if it is missing, refused if it holds something else or somebody else holds it.
 */
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { constants } from "node:fs"
import * as Fs from "node:fs/promises"
import { resolve } from "node:path"
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

/** Half a second, for somebody else to write his lock, or to clear away a stale one. */
const patience = { schedule: Schedule.spaced("20 millis"), times: 25 }

const take = (dataDir: string): Effect.Effect<void, EmbeddedError> =>
  Effect.tryPromise({ try: () => Lock.attempt(dataDir), catch: unusable(dataDir) }).pipe(
    Effect.repeat({ ...patience, while: ({ _tag }) => _tag === "Busy" }),
    Effect.flatMap((attempt) => {
      if (attempt._tag === "Taken") return Effect.void
      const problem =
        attempt._tag === "Held"
          ? `process ${attempt.pid} has it open, and a folder is for one client at a time`
          : `its lock file is damaged; if nobody has it open, remove ${Lock.lockName}`
      return Effect.fail(new EmbeddedError({ reason: "InUse", dataDir, problem }))
    })
  )

/**
 * Holds a folder until the scope closes, and gives its full path.
 */
export const hold = Effect.fn("eventfold.embedded.hold")(function* (
  folder: string
): Effect.fn.Return<string, EmbeddedError, Scope.Scope> {
  const dataDir = resolve(folder)
  const entries = yield* prepare(dataDir)
  if (!entries.includes("PG_VERSION") && !entries.every((entry) => entry.startsWith(Lock.lockName))) {
    return yield* new EmbeddedError({
      reason: "Unusable",
      dataDir,
      problem: "the folder holds files, and they are no PostgreSQL database; name an empty or a new one"
    })
  }
  yield* Effect.acquireRelease(take(dataDir), () => Effect.ignore(Effect.tryPromise(() => Lock.release(dataDir))))
  return dataDir
})
