/**
 * PGlite as the tests import it: see vitest.config.ts. A database in memory takes four seconds of a processor to be made, and half a second as
 * a copy of one that was made before and that nobody has used. One in a folder is made in every case.
 */
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import type * as Package from "@electric-sql/pglite"
import { read, root } from "./project.ts"

const { PGlite: Original }: typeof Package = await import(import.meta.resolve("@electric-sql/pglite"))

const { version }: { readonly version: string } = JSON.parse(read("node_modules/@electric-sql/pglite/package.json"))

const kept = join(root, "node_modules", ".cache", "eventfold-pglite", `${version}.tar`)

/** Where it cannot be kept, the next ones do without. */
const keep = async (database: Package.PGlite): Promise<void> => {
  const dump = await database.dumpDataDir("none")
  let place: string | undefined
  try {
    await mkdir(dirname(kept), { recursive: true })
    place = await mkdtemp(`${kept}-`)
    await writeFile(join(place, "tar"), new Uint8Array(await dump.arrayBuffer()))
    // It is there whole or not at all.
    await rename(join(place, "tar"), kept)
  } catch {
    // On a disk that is full, or not to be written to.
  }
  if (place !== undefined) await rm(place, { recursive: true, force: true })
}

const inMemory = async (): Promise<Package.PGlite> => {
  const found = await readFile(kept).catch(() => undefined)
  if (found !== undefined) return await Original.create({ loadDataDir: new Blob([found]) })
  const database = await Original.create()
  await keep(database)
  return database
}

export const PGlite = {
  defaultStartParams: Original.defaultStartParams,
  create: (options?: Package.PGliteOptions): Promise<Package.PGlite> =>
    options === undefined ? inMemory() : Original.create(options)
}
