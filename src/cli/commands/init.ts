/**
 * `eventfold init [FOLDER]`: an application to begin with. It needs nothing but Node and `effect`: it is what runs before anything is installed.
 */
import { basename, resolve } from "node:path"
import * as Effect from "effect/Effect"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { applicationFor, nameOf } from "../init/application.ts"
import { checkEmpty, writeAll } from "../init/folder.ts"
import * as Output from "../output/Output.ts"
import { printable } from "../output/table.ts"

/** As a shell reads it. */
const quoted = (path: string): string => (/^[\w@%+=:,./\\-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`)

export const init = Command.make(
  "init",
  {
    folder: Argument.String("folder").pipe(
      Argument.withDescription("The folder to write it into: an empty one, or one that is made. This one by default"),
      Argument.withDefault(".")
    ),
    dryRun: Flag.Boolean("dry-run").pipe(
      Flag.withDescription("Say what would be written, and write nothing"),
      Flag.withDefault(false)
    )
  },
  Effect.fn(function* ({ dryRun, folder }) {
    const path = resolve(folder)
    const files = yield* applicationFor(basename(path))
    yield* checkEmpty(path)
    if (!dryRun) yield* writeAll(path, files)
    const json = { dryRun, folder: path, name: nameOf(basename(path)), files: files.map(({ path }) => path) }
    yield* Output.answer(json, () =>
      [
        `${json.name} ${dryRun ? "would be" : "is"} in ${printable(path)}:`,
        ...json.files.map((file) => `  ${file}`),
        ...(dryRun
          ? []
          : [
              "",
              "Next:",
              `  ${path === resolve() ? "" : `cd ${printable(quoted(folder))} && `}npm install`,
              "  npm test",
              "  npm start"
            ])
      ].join("\n")
    )
  })
).pipe(
  Command.withDescription("Write a small application to begin with: a domain, its specs, and what runs it"),
  Command.withExamples([
    { command: "eventfold init my-app", description: "In a folder that is made" },
    { command: "eventfold init", description: "In this folder, if it is empty" },
    { command: "eventfold init my-app --dry-run", description: "What would be written" }
  ])
)
