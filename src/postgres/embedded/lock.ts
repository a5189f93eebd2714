/**
 * A lock that says who holds a folder. PGlite takes no care that a folder is used once at a time; two at once would destroy it.
 *
 * The lock is a folder, `eventfold.lock`, with one file in it, that of its holder, whose name nobody else ever had or will have. Why
 * no two can win, however many find it free or abandoned at once, and whoever of them is stopped for how long between two steps:
 *
 * - in: a holder's file gets there only within its folder, by renaming a prepared one to `eventfold.lock`. The file system refuses
 *   that where there is a folder with something in it, and does it at once where there is an empty one, or none. So there is
 *   one file at most, and of those who rename at the same time one wins.
 * - out: a file is removed by its own name alone, by its holder or by somebody who has found that one gone. Who is late with that
 *   removes nothing. An empty folder is as good as none.
 *
 * Whether a holder is gone, a process that shares its process ids sees at once. Another one, in another container or on another
 * host, goes by the sign of life that a holder gives every second. A holder that gave none for too long, since its thread was
 * busy or its machine stood still, looks for its file before it writes anything, finds it removed, and stops. What it was writing
 * just then has time to end before the next one opens the folder.
 */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { closeSync, existsSync, openSync, writeSync } from "node:fs"
import * as Fs from "node:fs/promises"
import { join } from "node:path"
import { setTimeout } from "node:timers/promises"

/** The name of the lock, in the folder that it is for. What is prepared has a name that begins with it. */
export const lockName = "eventfold.lock"

/** How often a holder gives a sign of life. */
export const beatMillis = 1_000

/** For how long a holder that cannot be seen is taken to live without one. */
const silenceMillis = 10_000

/** For how long somebody who has been silent is watched: clocks may have been set, or differ. */
const watchMillis = 2_500

const Holder = Schema.Struct({
  pid: Schema.Int,
  /** When its process started, in clock ticks since the boot: tells two processes apart that got the same id. */
  started: Schema.optionalKey(Schema.String),
  /** Where its process id means it: a boot of a machine, and there a namespace. Only Linux tells. */
  boot: Schema.optionalKey(Schema.String),
  namespace: Schema.optionalKey(Schema.String),
  host: Schema.optionalKey(Schema.String)
})
type Holder = typeof Holder.Type

const HolderAsJson = Schema.fromJsonString(Holder)
const decode = Schema.decodeUnknownOption(HolderAsJson)
const encode = Schema.encodeSync(HolderAsJson)

const isCode = (error: unknown, ...codes: ReadonlyArray<string>): boolean =>
  error instanceof Error && "code" in error && codes.some((code) => code === error.code)

const textOf = (path: string): Promise<string | undefined> =>
  Fs.readFile(path, "utf8").then(
    (text) => text.trim(),
    () => undefined
  )

const linkOf = (path: string): Promise<string | undefined> => Fs.readlink(path).catch(() => undefined)

/** What Linux tells of a process: how it fares, and when it started. */
const statOf = async (pid: number | "self") => {
  // The name of the program is in parentheses and may hold anything.
  const stat = await textOf(`/proc/${pid}/stat`)
  const words = stat?.slice(stat.lastIndexOf(")") + 2).split(" ")
  return { state: words?.[0], started: words?.[19] }
}

const known = <K extends string>(key: K, value: string | undefined) => (value === undefined ? {} : { [key]: value })

const thisProcess = async (): Promise<Holder> => ({
  pid: process.pid,
  ...known("started", (await statOf("self")).started),
  ...known("boot", await textOf("/proc/sys/kernel/random/boot_id")),
  ...known("namespace", await linkOf("/proc/self/ns/pid")),
  ...known("host", await textOf("/proc/sys/kernel/hostname"))
})

const exists = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    // It runs, and belongs to somebody else.
    return isCode(error, "EPERM")
  }
}

/** Whether a process with ids like ours lives: one that has ended may have left its id, or its entry (Z, X) until its parent looks. */
const lives = async ({ pid, started }: Holder): Promise<boolean> => {
  if (!exists(pid)) return false
  // In a namespace of its own a process may be left with a /proc that tells of others.
  if ((await linkOf("/proc/self")) !== String(process.pid)) return true
  const now = await statOf(pid)
  if (now.state === "Z" || now.state === "X") return false
  return started === undefined || now.started === undefined || started === now.started
}

/** When the holder last gave a sign of life, by the clock of the file system, unless it is gone. */
const beatOf = async (path: string): Promise<number | undefined> => {
  try {
    return (await Fs.stat(path)).mtimeMs
  } catch (error) {
    if (isCode(error, "ENOENT")) return undefined
    throw error
  }
}

/** Why the folder is not to be had. */
interface Held {
  readonly _tag: "Held"
  readonly objection: string
}

/** What there is to say of a holder. */
type Verdict =
  | { readonly _tag: "Gone" }
  /** Most likely gone. */
  | { readonly _tag: "Silent" }
  | Held

const held = (objection: string): Held => ({ _tag: "Held", objection })

const judge = async (path: string, me: Holder, now: number): Promise<Verdict> => {
  const holder = decode(await textOf(path))
  // In this order: what is gone by now was not unreadable.
  const beat = await beatOf(path)
  if (beat === undefined) return { _tag: "Gone" }
  if (Option.isSome(holder) && holder.value.boot === me.boot && holder.value.namespace === me.namespace) {
    if (!(await lives(holder.value))) return { _tag: "Gone" }
    return held(`process ${holder.value.pid} has it open, and a folder is for one client at a time`)
  }
  const who = Option.match(holder, {
    onNone: () => "somebody, whose lock cannot be read,",
    onSome: ({ host, pid }) =>
      `process ${pid}${host === undefined ? "" : ` of host ${host}`}, which cannot be seen from here, as in another container,`
  })
  const objection = held(
    `${who} had it open a moment ago, and a folder is for one client at a time; ` +
      `stop that one, or, if it is gone, try again in ${silenceMillis / 1000} seconds`
  )
  if (Math.abs(now - beat) < silenceMillis) return objection
  await setTimeout(watchMillis)
  return (await beatOf(path)) === beat ? { _tag: "Silent" } : objection
}

/** The lock of a folder, taken. */
export interface Lock {
  /**
   * Looks whether the lock is still there, and gives a sign of life, if it is time to. Throws when it is lost: somebody else may
   * have the folder, and nothing may be written to it any more.
   */
  readonly beat: () => void
  /** Gives the lock back. */
  readonly release: () => Promise<void>
}

const lockOf = (lock: string, name: string, text: string): Lock => {
  const path = join(lock, name)
  let last = Date.now()
  let isLost = false
  return {
    beat: () => {
      const since = Math.abs(Date.now() - last)
      if (!isLost && since < beatMillis) {
        if (existsSync(path)) return
        isLost = true
      }
      try {
        // Written, not touched: it is the file system's clock that others compare it with.
        const file = openSync(path, "r+")
        try {
          writeSync(file, text)
        } finally {
          closeSync(file)
        }
        last = Date.now()
      } catch (error) {
        isLost ||= isCode(error, "ENOENT") || since > silenceMillis
      }
      if (isLost) throw new Error("the folder of the embedded database was taken over by another process")
    },
    release: async () => {
      await Fs.rm(path, { force: true })
      await removeEmpty(lock)
    }
  }
}

/** One with something in it, or none, is left as it is. */
const removeEmpty = (folder: string): Promise<void> => Fs.rmdir(folder).catch(() => undefined)

/** What came of one attempt. */
export type Attempt =
  | { readonly _tag: "Taken"; readonly lock: Lock }
  | Held
  /** Somebody else came first just now: look again. */
  | { readonly _tag: "Busy" }

const namesIn = async (lock: string): Promise<ReadonlyArray<string>> => {
  try {
    return await Fs.readdir(lock)
  } catch (error) {
    if (isCode(error, "ENOENT")) return []
    throw error
  }
}

const takeWith = async (lock: string, prepared: string, name: string): Promise<Attempt> => {
  const me = await thisProcess()
  const text = encode(me)
  await Fs.writeFile(join(prepared, name), text)
  const now = await beatOf(join(prepared, name))
  let wasSilent = false
  for (const other of await namesIn(lock)) {
    const verdict = await judge(join(lock, other), me, now ?? 0)
    if (verdict._tag === "Held") return verdict
    wasSilent ||= verdict._tag === "Silent"
    await Fs.rm(join(lock, other), { force: true })
  }
  // Where the system does not replace an empty folder.
  await removeEmpty(lock)
  try {
    await Fs.rename(prepared, lock)
  } catch (error) {
    if (isCode(error, "ENOTEMPTY", "EEXIST", "EPERM", "EACCES")) return { _tag: "Busy" }
    throw error
  }
  if (wasSilent) await setTimeout(beatMillis)
  return { _tag: "Taken", lock: lockOf(lock, name, text) }
}

/** Tries to take the lock of a folder. Rejects when the folder cannot be written. */
export const attempt = async (folder: string): Promise<Attempt> => {
  const lock = join(folder, lockName)
  const name = crypto.randomUUID()
  const prepared = `${lock}.${name}`
  await Fs.mkdir(prepared)
  try {
    return await takeWith(lock, prepared, name)
  } finally {
    await Fs.rm(prepared, { recursive: true, force: true })
  }
}
