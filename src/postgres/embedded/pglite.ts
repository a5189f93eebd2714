/**
 * PGlite, PostgreSQL compiled to WebAssembly, as a backend of frames. In a folder it is told to be durable, which it is not
 * by itself: a commit is answered when the log is on the disk.
 */
import { PGlite } from "@electric-sql/pglite"
import * as Effect from "effect/Effect"
import { fsyncSync } from "node:fs"
import type { Backend } from "./Backend.ts"
import { EmbeddedError } from "./EmbeddedError.ts"
import type { Folder } from "./folder.ts"

/** As much of Emscripten's file system as it takes to teach it fsync, and to stop it. */
interface NodeFileSystem {
  readonly stream_ops: {
    fsync?: (stream: { readonly nfd: number }) => number
    write: (...parameters: ReadonlyArray<unknown>) => number
  }
}

/**
 * PGlite starts with fsync turned off (-F), and its file system would do nothing for an fsync. Of the ways to sync the log only
 * fsync reaches the file system: fdatasync is answered by Emscripten itself.
 */
const durably = [...PGlite.defaultStartParams.filter((param) => param !== "-F"), "-c", "wal_sync_method=fsync"]

const syncToDisk = ({ stream_ops }: NodeFileSystem, check: () => void): void => {
  stream_ops.fsync = ({ nfd }) => {
    check()
    fsyncSync(nfd)
    return 0
  }
}

/** What is thrown here ends PostgreSQL in the middle of what it does, as the end of its process would. */
const writeOnlyWhileHeld = ({ stream_ops }: NodeFileSystem, check: () => void): void => {
  const { write } = stream_ops
  stream_ops.write = (...parameters) => {
    check()
    return write(...parameters)
  }
}

const start = async (folder: Folder | undefined): Promise<PGlite> => {
  if (folder === undefined) return await PGlite.create()
  const pglite = await PGlite.create({ dataDir: folder.dataDir, startParams: durably })
  const files: NodeFileSystem = pglite.Module.NODEFS
  syncToDisk(files, folder.check)
  writeOnlyWhileHeld(files, folder.check)
  return pglite
}

const backend = (pglite: PGlite): Backend => ({
  execute: async (frames) => {
    const chunks: Array<Uint8Array> = []
    await pglite.execProtocolRawStream(frames, {
      syncToFs: false,
      // A view of memory that is used again at once.
      onRawData: (chunk) => chunks.push(chunk.slice())
    })
    return Buffer.concat(chunks)
  },
  close: () => pglite.close()
})

/** Starts PostgreSQL, in memory or in a folder. */
export const open = (folder: Folder | undefined): Effect.Effect<Backend, EmbeddedError> =>
  Effect.map(
    Effect.tryPromise({
      try: () => start(folder),
      catch: (cause) =>
        new EmbeddedError({
          reason: "Failed",
          ...(folder === undefined ? {} : { dataDir: folder.dataDir }),
          problem: `PostgreSQL did not start (${cause instanceof Error ? cause.message : String(cause)}): ${
            folder === undefined
              ? "is there enough memory?"
              : "the database is damaged, or of another major version; restore the folder or name a new one"
          }`
        })
    }),
    backend
  )
