/**
 * `eventfold import FILE`: the events of a file into a store.
 */
import * as ByteSize from "effect/ByteSize"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Stdio from "effect/Stdio"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { EventStore } from "../../EventStore.ts"
import { Inspection } from "../../Inspection.ts"
import { CliFailure, notFound } from "../failure.ts"
import { textLines } from "../file/textLines.ts"
import { batches } from "../import/batches.ts"
import { dryRun } from "../import/dryRun.ts"
import { importInto, type Imported } from "../import/into.ts"
import { layerTarget, limits } from "../import/target.ts"
import { count, counted } from "../output/format.ts"
import * as Output from "../output/Output.ts"
import { withProgress } from "../output/progress.ts"
import { nameOf, sourceToMake } from "../Source.ts"

/** The bytes of a file, or of the standard input, with what they are called and how many they are. */
const open = Effect.fnUntraced(function* (path: string) {
  if (path === "-") {
    const { stdin } = yield* Stdio.Stdio
    return { name: "the standard input", bytes: stdin, size: undefined }
  }
  const files = yield* FileSystem.FileSystem
  if (!(yield* files.exists(path))) return yield* notFound(`there is no file ${path}`)
  const { size, type } = yield* files.stat(path)
  if (type === "Directory") {
    const advice = `Export it first: eventfold export --store ${path} --out events.jsonl`
    return yield* new CliFailure({ kind: "usage", problem: `${path} is a folder, and no file of events`, advice })
  }
  return { name: path, bytes: files.stream(path), size: ByteSize.toNumberUnsafe(size) }
})

const movedText = ({ positions, versions }: Imported["moved"], isDryRun: boolean): string => {
  const places = [
    ...(positions > 0 ? [`the position of ${counted(positions, "event")}`] : []),
    ...(versions > 0 && !isDryRun ? [`the version of ${counted(versions, "event")}`] : [])
  ]
  return places.length === 0
    ? ""
    : `\nnot as in the file: ${places.join(", ")}; it is not all of a log, or the store had other events`
}

const textOf = (imported: Imported, into: string, isDryRun: boolean): string => {
  const { events, first, last, moved, there } = imported
  const where = first === undefined || last === undefined ? "" : `, at positions ${count(first)} to ${count(last)}`
  const done = isDryRun ? "would be imported" : "imported"
  const known = there === 0 ? "" : `; ${count(there)} ${isDryRun ? "are" : "were"} there already`
  return `${counted(events, "event")} ${done} into ${into}${where}${known}${movedText(moved, isDryRun)}`
}

interface Input {
  readonly file: string
  readonly create: boolean
  readonly dryRun: boolean
}

export const importCommand = Command.make(
  "import",
  {
    file: Argument.String("file").pipe(
      Argument.withDescription("The file of events, as eventfold export writes it; - for the standard input")
    ),
    create: Flag.Boolean("create").pipe(
      Flag.withDescription("Make the folder, the schema and its tables where they are missing"),
      Flag.withDefault(false)
    ),
    dryRun: Flag.Boolean("dry-run").pipe(
      Flag.withDescription("Only say what would be done, and what the store would refuse"),
      Flag.withDefault(false)
    )
  },
  Effect.fn(function* ({ dryRun: isDryRun, file }) {
    const { bytes, name, size } = yield* open(file)
    const store = yield* EventStore
    const inspection = yield* Inspection
    const into = nameOf(yield* sourceToMake)
    const target = isDryRun ? yield* dryRun({ store, inspection }, limits) : { store, inspection }
    const imported = yield* withProgress(
      { label: isDryRun ? "checking" : "importing", unit: "events", total: size },
      (advance) => importInto(name, batches(name)(textLines(bytes)), target, advance)
    )
    const { events, first = null, last = null, moved, there } = imported
    const places = isDryRun ? { positions: moved.positions } : { ...moved }
    yield* Output.answer({ dryRun: isDryRun, events, there, first, last, moved: places }, () =>
      textOf(imported, into, isDryRun)
    )
  })
).pipe(
  // First the file: nothing is made for one that is not there.
  Command.provide(({ create, dryRun, file }: Input) =>
    Layer.unwrap(Effect.as(open(file), layerTarget({ create, dryRun })))
  ),
  Command.withDescription(
    "Put the events of a file into a store, with their ids and times, after what is there. Begun again, it goes on: what is there is skipped"
  ),
  Command.withShortDescription("Put the events of a file into a store"),
  Command.withExamples([
    { command: "eventfold import events.jsonl --store ./copy --create", description: "Into a new folder" },
    {
      command: "eventfold import events.jsonl --store postgres://localhost/shop --dry-run",
      description: "What would come of it"
    },
    { command: "gunzip -c events.jsonl.gz | eventfold import - --store ./copy --create", description: "From a pipe" }
  ])
)
