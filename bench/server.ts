/**
 * A PostgreSQL server of its own with the settings that a new cluster has, `fsync` included, and a folder that it can read.
 */
import { Effect, FileSystem, type PlatformError, type Scope } from "effect"
import { type ServerError, startOwnServer } from "../test/support/server.ts"

/** A running server, and a folder that it can read files from. */
export interface Server {
  readonly url: string
  readonly folder: string
}

/**
 * Starts a server, which is gone with its folder when the scope ends.
 */
export const start: Effect.Effect<
  Server,
  ServerError | PlatformError.PlatformError,
  FileSystem.FileSystem | Scope.Scope
> = Effect.gen(function* () {
  const { url } = yield* startOwnServer()
  const files = yield* FileSystem.FileSystem
  const folder = yield* files.makeTempDirectoryScoped({ prefix: "eventfold-bench-" })
  yield* files.chmod(folder, 0o755)
  return { url, folder }
})
