/**
 * The file that events are exported to: a new one, one that is replaced, or one that goes on where it was cut off.
 */
import * as ByteSize from "effect/ByteSize"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type { PlatformError } from "effect/PlatformError"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import { Buffer } from "node:buffer"
import type { RecordedEvent } from "../../RecordedEvent.ts"
import { CliFailure } from "../failure.ts"
import { eventOf } from "../file/FileEventStore.ts"

const newline = 10
const step = 64 * 1024

/** How a file of lines ends. */
export interface End {
  /** Its last whole line, unless it has none. */
  readonly last: string | undefined
  /** How many bytes its whole lines have. */
  readonly whole: number
  /** What comes after them. */
  readonly torn: Buffer
}

/** Reads the end of a file, as far back as its last whole line begins. */
export const endOf = Effect.fnUntraced(function* (file: FileSystem.File): Effect.fn.Return<End, PlatformError> {
  const size = ByteSize.toNumberUnsafe((yield* file.stat).size)
  let bytes = Buffer.alloc(0)
  let from = size
  for (;;) {
    const end = bytes.lastIndexOf(newline)
    const before = end > 0 ? bytes.lastIndexOf(newline, end - 1) : -1
    if (from === 0 || before >= 0) {
      return {
        last: end < 0 ? undefined : bytes.toString("utf8", before + 1, end),
        whole: from + end + 1,
        torn: bytes.subarray(end + 1)
      }
    }
    // Twice as much each time, so that a long line is not read again and again.
    const more = Buffer.alloc(Math.min(from, Math.max(step, bytes.length)))
    from -= more.length
    yield* file.seek(BigInt(from), "start")
    for (let read = 0; read < more.length;) {
      const got = yield* file.read(more.subarray(read))
      if (got === 0) break
      read += got
    }
    bytes = Buffer.concat([more, bytes])
  }
})

/** A file to be written to, and the last event that is there already. */
export interface Destination {
  readonly file: FileSystem.File
  readonly last: RecordedEvent | undefined
}

/** How every line begins. */
const opening = `{"position":`

const foreign = (path: string, problem: string): CliFailure =>
  new CliFailure({
    kind: "refused",
    problem: `${path} cannot go on: ${problem}`,
    advice: "Nothing was changed. Export to another file, or replace this one with --overwrite"
  })

/** Opens a file that is not there yet, or is to be emptied. */
export const fresh = (path: string, isReplaced: boolean) =>
  Effect.flatMap(
    FileSystem.FileSystem,
    Effect.fnUntraced(function* (files): Effect.fn.Return<Destination, PlatformError, Scope.Scope> {
      return { file: yield* files.open(path, { flag: isReplaced ? "w" : "wx" }), last: undefined }
    })
  )

/**
 * Opens a file that was begun before, and cuts off a line that was torn when it ended. Refuses one that was not exported from this log: its last
 * event is not the one that `find` gives for its position, or not among those that are exported now.
 */
export const resumed = Effect.fnUntraced(function* <E, R>(
  path: string,
  find: (position: number) => Effect.Effect<RecordedEvent | undefined, E, R>,
  isSought: (event: RecordedEvent) => boolean
): Effect.fn.Return<Destination, E | CliFailure | PlatformError, R | FileSystem.FileSystem | Scope.Scope> {
  const files = yield* FileSystem.FileSystem
  const file = yield* files.open(path, { flag: "r+" })
  const { last: line, torn, whole } = yield* endOf(file)
  let last: RecordedEvent | undefined
  if (line === undefined) {
    const begun = torn.toString("utf8", 0, opening.length)
    if (!opening.startsWith(begun)) return yield* foreign(path, "it is no export")
  } else {
    const read = Result.mapError(eventOf(path, { number: 0, text: line }), () =>
      foreign(path, "its last line is no event")
    )
    last = yield* Effect.fromResult(read)
    const there = yield* find(last.position)
    if (there?.id !== last.id) {
      return yield* foreign(
        path,
        `its last event is ${last.id} at position ${last.position}, where this log has ${there?.id ?? "none"}`
      )
    }
    if (!isSought(last)) {
      return yield* foreign(
        path,
        "its last event is not among those that are asked for now: give the flags it was begun with"
      )
    }
  }
  if (torn.length > 0) yield* file.truncate(whole)
  yield* file.seek(BigInt(whole), "start")
  return { file, last }
})
