/**
 * PGlite, PostgreSQL compiled to WebAssembly, as a backend of frames. In a folder it is told to be durable, which it is not
 * by itself: a commit is answered when the log is on the disk.
 */
import { PGlite } from "@electric-sql/pglite"
import * as Effect from "effect/Effect"
import { fsyncSync } from "node:fs"
import type { Backend } from "./Backend.ts"
import { EmbeddedError } from "./EmbeddedError.ts"

/** As much of Emscripten's file system as it takes to teach it fsync. */
interface NodeFileSystem {
  readonly stream_ops: { fsync?: (stream: { readonly nfd: number }) => number }
}

/**
 * PGlite starts with fsync turned off (-F), and its file system would do nothing for an fsync. Of the ways to sync the log only
 * fsync reaches the file system: fdatasync is answered by Emscripten itself.
 */
const durably = [...PGlite.defaultStartParams.filter((param) => param !== "-F"), "-c", "wal_sync_method=fsync"]

const syncToDisk = (pglite: PGlite): void => {
  const files: NodeFileSystem = pglite.Module.NODEFS
  files.stream_ops.fsync = ({ nfd }) => {
    fsyncSync(nfd)
    return 0
  }
}

const start = async (dataDir: string | undefined): Promise<PGlite> => {
  if (dataDir === undefined) return await PGlite.create()
  const pglite = await PGlite.create({ dataDir, startParams: durably })
  syncToDisk(pglite)
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
export const open = (dataDir: string | undefined): Effect.Effect<Backend, EmbeddedError> =>
  Effect.map(
    Effect.tryPromise({
      try: () => start(dataDir),
      catch: (cause) =>
        new EmbeddedError({
          reason: "Failed",
          ...(dataDir === undefined ? {} : { dataDir }),
          problem: `PostgreSQL did not start (${cause instanceof Error ? cause.message : String(cause)}): ${
            dataDir === undefined
              ? "is there enough memory?"
              : "the database is damaged, or of another major version; restore the folder or name a new one"
          }`
        })
    }),
    backend
  )
