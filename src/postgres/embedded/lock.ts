/**
 * A file that says which process holds a folder. PGlite takes no care that a folder is used once at a time; two at once
 * would destroy it. A lock whose process is gone is cleared away.
 */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Fs from "node:fs/promises"
import { join } from "node:path"

/** The name of the file, in the folder. */
export const lockName = "eventfold.lock"

const Holder = Schema.fromJsonString(
  Schema.Struct({
    pid: Schema.Int,
    /** Tells two processes apart that got the same id, where the system can tell. */
    started: Schema.optionalKey(Schema.String)
  })
)

const decode = Schema.decodeUnknownOption(Holder)
const encode = Schema.encodeSync(Holder)

const isCode = (error: unknown, code: string): boolean =>
  error instanceof Error && "code" in error && error.code === code

const textOf = (path: string): Promise<string | undefined> => Fs.readFile(path, "utf8").catch(() => undefined)

/** When a process started: clock ticks since the boot it belongs to. Only Linux tells. */
const startOf = async (pid: number): Promise<string | undefined> => {
  const stat = await textOf(`/proc/${pid}/stat`)
  const boot = await textOf("/proc/sys/kernel/random/boot_id")
  // The name of the program is in parentheses and may hold anything; the start is the twentieth word after it.
  const ticks = stat?.slice(stat.lastIndexOf(")") + 2).split(" ")[19]
  return boot === undefined || ticks === undefined ? undefined : `${boot.trim()} ${ticks}`
}

const isRunning = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    // It runs, and belongs to somebody else.
    return isCode(error, "EPERM")
  }
}

const isHolding = async ({ pid, started }: (typeof Holder)["Type"]): Promise<boolean> => {
  if (!isRunning(pid)) return false
  const now = await startOf(pid)
  return started === undefined || now === undefined || started === now
}

/** Clears a lock away, unless it has been replaced since it was read. */
const clear = async (lock: string, stale: string): Promise<void> => {
  const aside = `${lock}.${process.pid}.${crypto.randomUUID()}`
  try {
    await Fs.rename(lock, aside)
  } catch (error) {
    if (isCode(error, "ENOENT")) return
    throw error
  }
  if ((await textOf(aside)) !== stale) await Fs.link(aside, lock).catch(() => undefined)
  await Fs.rm(aside, { force: true })
}

/** What came of one attempt. */
export type Attempt =
  | { readonly _tag: "Taken" }
  | { readonly _tag: "Held"; readonly pid: number }
  /** Somebody is at it just now: look again. */
  | { readonly _tag: "Busy" }

/** Tries to take the lock of a folder. Rejects when the folder cannot be written. */
export const attempt = async (folder: string): Promise<Attempt> => {
  const lock = join(folder, lockName)
  const started = await startOf(process.pid)
  try {
    await Fs.writeFile(lock, encode({ pid: process.pid, ...(started === undefined ? {} : { started }) }), {
      flag: "wx"
    })
    return { _tag: "Taken" }
  } catch (error) {
    if (!isCode(error, "EEXIST")) throw error
  }
  const text = await textOf(lock)
  const holder = decode(text)
  // Gone, or not written to its end.
  if (text === undefined || Option.isNone(holder)) return { _tag: "Busy" }
  if (await isHolding(holder.value)) return { _tag: "Held", pid: holder.value.pid }
  await clear(lock, text)
  return { _tag: "Busy" }
}

/** Gives the lock back. */
export const release = (folder: string): Promise<void> => Fs.rm(join(folder, lockName), { force: true })
