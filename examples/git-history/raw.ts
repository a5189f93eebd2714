/**
 * 5. What git prints, read as bytes. With `-z` every field ends in a NUL, so a name may contain anything else; fields are
 * told apart by their place alone.
 */
import { Stream } from "effect"
import { type Entry } from "./events.ts"
import { latin1, pathOfBytes, textOfBytes } from "./names.ts"
import { type Change } from "./repository.ts"

const concat = (a: Uint8Array, b: Uint8Array): Uint8Array => {
  const both = new Uint8Array(a.length + b.length)
  both.set(a)
  both.set(b, a.length)
  return both
}

/** The fields of a stream of bytes, each without the NUL that ends it. */
export const fields = <E, R>(bytes: Stream.Stream<Uint8Array, E, R>): Stream.Stream<Uint8Array, E, R> =>
  Stream.mapAccumArray(
    bytes,
    () => new Uint8Array(),
    (rest: Uint8Array, chunks) => {
      const ended: Array<Uint8Array> = []
      for (const chunk of chunks) {
        let from = 0
        for (let to = chunk.indexOf(0); to >= 0; to = chunk.indexOf(0, from)) {
          const field = chunk.subarray(from, to)
          ended.push(rest.length === 0 ? field : concat(rest, field))
          rest = new Uint8Array()
          from = to + 1
        }
        if (from < chunk.length) rest = concat(rest, chunk.subarray(from))
      }
      return [rest, ended]
    },
    { onHalt: (rest) => (rest.length === 0 ? [] : [rest]) }
  )

/** The header of each commit, as `--format` of git: {@link commits} takes the fields in this order. */
export const commitFormat = "--format=%H%x00%an%x00%ae%x00%at%x00%ct%x00%s%x00"
const headerLength = 6

/** A commit as `git diff-tree` prints it. */
export interface RawCommit {
  readonly commit: string
  readonly author: string
  readonly email: string
  readonly authoredAt: number
  readonly committedAt: number
  readonly subject: string
  readonly changes: ReadonlyArray<Change>
}

/** Broken clocks and broken tools have written every number there is; what is not one is the year 1970. */
const seconds = (field: Uint8Array): number => {
  const value = Number(latin1(field))
  return Number.isSafeInteger(value) ? value : 0
}

const entry = (mode: string | undefined, blob: string | undefined): Entry => ({ mode: mode ?? "", blob: blob ?? "" })

/** Reads `:<mode before> <mode after> <id before> <id after> <status>` and the one or two paths after it. */
const changeOf = (header: string, paths: ReadonlyArray<Uint8Array>): Change => {
  const [modeBefore, modeAfter, blobBefore, blobAfter, status] = header.slice(1).split(" ")
  const before = entry(modeBefore, blobBefore)
  const after = entry(modeAfter, blobAfter)
  const [first = "", second = ""] = paths.map(pathOfBytes)
  switch (status?.[0]) {
    case "A":
      return { _tag: "Added", path: first, after }
    case "D":
      return { _tag: "Removed", path: first, before }
    case "R":
      return { _tag: "Renamed", from: first, path: second, before, after }
    case "C":
      return { _tag: "Copied", from: first, path: second, before, after }
    default:
      return { _tag: "Changed", path: first, before, after }
  }
}

const pathsOf = (header: string): number => (/ [RC]\d*$/.test(header) ? 2 : 1)

/** One commit after the other, out of the fields of `git diff-tree --raw -z` with {@link commitFormat}. */
const reader = () => {
  let header: Array<Uint8Array> = []
  let changes: Array<Change> = []
  let change: { readonly header: string; readonly paths: Array<Uint8Array> } | undefined

  const commit = (): ReadonlyArray<RawCommit> => {
    if (header.length < headerLength) return []
    const [id, author, email, authoredAt, committedAt, subject] = header
    if (!id || !author || !email || !authoredAt || !committedAt || !subject) return []
    const read: RawCommit = {
      commit: latin1(id),
      author: textOfBytes(author),
      email: textOfBytes(email),
      authoredAt: seconds(authoredAt),
      committedAt: seconds(committedAt),
      subject: textOfBytes(subject),
      changes
    }
    header = []
    changes = []
    return [read]
  }

  const take = (field: Uint8Array): ReadonlyArray<RawCommit> => {
    if (change !== undefined) {
      change.paths.push(field)
      if (change.paths.length < pathsOf(change.header)) return []
      changes.push(changeOf(change.header, change.paths))
      change = undefined
      return []
    }
    if (header.length > 0 && header.length < headerLength) {
      header.push(field)
      return []
    }
    // Between a commit's header and its changes git puts an empty field and a line feed; without changes the empty field alone.
    const text = latin1(field).trimStart()
    if (text === "") return []
    if (text.startsWith(":")) {
      change = { header: text, paths: [] }
      return []
    }
    const done = commit()
    header = [field]
    return done
  }

  return { take, end: commit }
}

/** The commits in the output of `git diff-tree`. */
export const commits = <E, R>(bytes: Stream.Stream<Uint8Array, E, R>): Stream.Stream<RawCommit, E, R> =>
  fields(bytes).pipe(
    Stream.mapAccumArray(reader, (state, some) => [state, some.flatMap(state.take)], {
      onHalt: (state) => state.end()
    })
  )

/** A line of `git ls-tree -r -z`: `<mode> <type> <id>\t<path>`. */
export interface TreeLine extends Entry {
  readonly path: string
  readonly type: string
}

const treeLine = (field: Uint8Array): TreeLine => {
  const tab = field.indexOf(9)
  const [mode = "", type = "", blob = ""] = latin1(field.subarray(0, tab)).split(" ")
  return { mode, type, blob, path: pathOfBytes(field.subarray(tab + 1)) }
}

/** All that the tree of a commit has, by git's own account. */
export interface Listing {
  readonly commit: string
  readonly lines: ReadonlyArray<TreeLine>
}

/** Ends each listing, followed by the commit. No line begins so: they begin with a mode, which is a number. */
export const endOfListing = "end "

/** One listing after the other, each ended by {@link endOfListing}. */
export const listings = <E, R>(bytes: Stream.Stream<Uint8Array, E, R>): Stream.Stream<Listing, E, R> =>
  Stream.mapAccumArray(
    fields(bytes),
    (): Array<TreeLine> => [],
    (lines, some) => {
      const ended: Array<Listing> = []
      for (const field of some) {
        if (field[0] !== endOfListing.charCodeAt(0)) {
          lines.push(treeLine(field))
          continue
        }
        ended.push({ commit: latin1(field).slice(endOfListing.length), lines })
        lines = []
      }
      return [lines, ended]
    }
  )
