/**
 * `eventfold export`: events as lines of JSON, to the standard output or into a file.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import type { Search } from "../../Inspection.ts"
import * as Destination from "../export/destination.ts"
import { boundsOf, eventAt, exportTo, isSought } from "../export/run.ts"
import { CliFailure } from "../failure.ts"
import { filterFlags, searchOf } from "../filters.ts"
import { yesFlag } from "../flags.ts"
import { confirm } from "../output/confirm.ts"
import { bytes, count, counted } from "../output/format.ts"
import * as Output from "../output/Output.ts"
import { withProgress } from "../output/progress.ts"
import { metadataFlag } from "../search/metadata.ts"
import { layerEvents, source } from "../Source.ts"

const flags = {
  out: Flag.String("out").pipe(
    Flag.withAlias("o"),
    Flag.withMetavar("file"),
    Flag.withDescription("The file to write. The standard output by default"),
    Flag.optional
  ),
  resume: Flag.Boolean("resume").pipe(
    Flag.withDescription("Go on after the last whole line of the file, with what has come since"),
    Flag.withDefault(false)
  ),
  overwrite: Flag.Boolean("overwrite").pipe(
    Flag.withDescription("Replace the file if it is there"),
    Flag.withDefault(false)
  ),
  yes: yesFlag,
  ...filterFlags,
  meta: metadataFlag
}

const usage = (problem: string, advice?: string): CliFailure => new CliFailure({ kind: "usage", problem, advice })

/** To the standard output, with nothing else on it. */
const toOutput = Effect.fnUntraced(function* (search: Search) {
  const stdio = yield* Stdio.Stdio
  const bounds = yield* boundsOf(search)
  const write = (lines: Uint8Array) => Stream.run(Stream.make(lines), stdio.stdout({ endOnDone: false }))
  const all = { ...search, ...bounds }
  // Where somebody watches the lines themselves, they say how far it is.
  if (yield* stdio.stdoutIsTerminal) return yield* exportTo(all, write, () => Effect.void)
  const total = bounds.to - bounds.from + 1
  return yield* withProgress({ label: "exporting", unit: "events", total }, (advance) => exportTo(all, write, advance))
})

/** Opens the file in the way that is asked for, unless that would destroy something. */
const open = Effect.fnUntraced(function* (
  path: string,
  { overwrite, resume, yes }: { readonly overwrite: boolean; readonly resume: boolean; readonly yes: boolean },
  search: Search
) {
  const files = yield* FileSystem.FileSystem
  if (!(yield* files.exists(path))) return yield* Destination.fresh(path, false)
  const { size, type } = yield* files.stat(path)
  if (type !== "File") return yield* usage(`${path} is no file`)
  const from = yield* source
  if (from._tag === "File" && (yield* files.realPath(from.path)) === (yield* files.realPath(path))) {
    return yield* usage(`${path} is what the events are read from`, "Export to another file")
  }
  if (resume) return yield* Destination.resumed(path, eventAt, isSought(search))
  if (overwrite) {
    yield* confirm(`replace ${path}, which has ${bytes(Number(size))}`, { yes })
    return yield* Destination.fresh(path, true)
  }
  return yield* new CliFailure({
    kind: "refused",
    problem: `${path} is there already`,
    advice: "To go on where it ends, add --resume; to replace it, add --overwrite"
  })
})

const toFile = Effect.fnUntraced(function* (
  path: string,
  how: { readonly overwrite: boolean; readonly resume: boolean; readonly yes: boolean },
  search: Search
) {
  // First the log: nothing is emptied, or made, for one that cannot be read.
  yield* boundsOf(search)
  const { file, last } = yield* open(path, how, search)
  const bounds = yield* boundsOf({ ...search, from: last === undefined ? search.from : last.position + 1 })
  const write = (lines: Uint8Array) =>
    Effect.mapError(
      file.writeAll(lines),
      ({ message }) =>
        new CliFailure({
          kind: "store",
          problem: `${path} cannot be written: ${message}`,
          advice: "What is in it stays: when there is room again, go on with --resume"
        })
    )
  const total = Math.max(0, bounds.to - bounds.from + 1)
  const exported = yield* withProgress({ label: "exporting", unit: "events", total }, (advance) =>
    exportTo({ ...search, ...bounds }, write, advance)
  )
  yield* file.sync
  const { events, first = null, last: end = null } = exported
  yield* Output.answer({ file: path, events, first, last: end, resumedAfter: last?.position ?? null }, () => {
    const after = last === undefined ? "" : ` after position ${count(last.position)}`
    const where = first === null || end === null ? "" : `, positions ${count(first)} to ${count(end)}`
    return `${counted(events, "event")}${where} written to ${path}${after}`
  })
}, Effect.scoped)

export const exportCommand = Command.make(
  "export",
  flags,
  Effect.fn(function* ({ out, meta, overwrite, resume, yes, ...filters }) {
    const search = { ...(yield* searchOf(filters)), metadata: Object.fromEntries(meta) }
    if (resume && overwrite) return yield* usage("--resume and --overwrite exclude each other")
    if (Option.isSome(out)) return yield* toFile(out.value, { overwrite, resume, yes }, search)
    if (resume || overwrite)
      return yield* usage(`--${resume ? "resume" : "overwrite"} is about a file`, "Name it with --out")
    yield* toOutput(search)
  })
).pipe(
  Command.provide(layerEvents),
  Command.withDescription("Write events as lines of JSON, as many as there are when it begins"),
  Command.withShortDescription("Write events as lines of JSON"),
  Command.withExamples([
    { command: "eventfold export --store ./data --out events.jsonl", description: "The whole log, into a file" },
    { command: "eventfold export --store ./data --out events.jsonl --resume", description: "What has come since" },
    {
      command: "eventfold export --store ./data --category order | gzip > orders.jsonl.gz",
      description: "Some of it, through a pipe"
    }
  ])
)
