/**
 * Folders of the embedded database for tests that need one and do not ask how it comes to be: to make one takes four seconds of a processor,
 * and to copy one that nobody has used next to nothing.
 */
import { execFile } from "node:child_process"
import { mkdir, mkdtemp, rename, rm, stat } from "node:fs/promises"
import { dirname, join } from "node:path"
import { promisify } from "node:util"
import { Effect, Layer } from "effect"
import { EmbeddedPgClient } from "eventfold/postgres/embedded"
import { read, root } from "./project.ts"

const run = promisify(execFile)

const { version }: { readonly version: string } = JSON.parse(read("node_modules/@electric-sql/pglite/package.json"))

const kept = join(root, "node_modules", ".cache", "eventfold-pglite", version)

/** Makes a folder of the embedded database at a path where there is nothing. */
export const makeEmbeddedFolder = async (path: string): Promise<void> => {
  if ((await stat(kept).catch(() => undefined)) === undefined) {
    await mkdir(dirname(kept), { recursive: true })
    const place = await mkdtemp(`${kept}-`)
    await Effect.runPromise(Effect.scoped(Layer.build(EmbeddedPgClient.layer({ dataDir: join(place, "data") }))))
    // It is there whole or not at all. Somebody else may have been faster: then theirs is as good.
    await rename(join(place, "data"), kept).catch(() => {})
    await rm(place, { recursive: true, force: true })
  }
  await run("cp", ["-Rp", kept, path])
}
