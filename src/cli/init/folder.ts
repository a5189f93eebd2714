/**
 * The folder of a new application: nothing that is in it is ever replaced.
 */
import { mkdir, readdir, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import { CliFailure } from "../failure.ts"
import type { File } from "./application.ts"

/** What may be in it: version control, editors, what systems leave behind, and a license. */
const harmless = /^(?:\.(?:git|hg|jj|svn|gitattributes|gitkeep|idea|vscode|DS_Store)|Thumbs\.db|LICENSE(?:\.\w+)?)$/

const isNotThere = (error: unknown): boolean => Predicate.hasProperty(error, "code") && error.code === "ENOENT"

/** What Node says is wrong, without the name of its function and the path. */
const problemOf = (error: unknown): string =>
  Predicate.isError(error) ? error.message.replace(/, \w+( '.*'.*)?$/s, "") : String(error)

const refused = (problem: string): CliFailure =>
  new CliFailure({
    kind: "refused",
    problem,
    advice: "Nothing was written. Give a folder that is empty, or not there yet: eventfold init my-app"
  })

/** Fails with what is in the way in a folder, unless it is empty or not there yet. */
export const checkEmpty = Effect.fnUntraced(function* (folder: string): Effect.fn.Return<void, CliFailure> {
  const names = yield* Effect.tryPromise({
    try: () => readdir(folder).catch((error) => (isNotThere(error) ? [] : Promise.reject(error))),
    catch: (error) => refused(`${folder} is no folder that can be used: ${problemOf(error)}`)
  })
  const [first, ...others] = names.filter((name) => !harmless.test(name)).toSorted()
  if (first === undefined) return
  const more = others.length === 0 ? "" : `, and ${others.length} more`
  return yield* refused(`${folder} is not empty: ${first} is in the way${more}`)
})

/** Writes files into a folder, which is made if need be. Fails at the first that cannot be written, and says which were. */
export const writeAll = Effect.fnUntraced(function* (
  folder: string,
  files: ReadonlyArray<File>
): Effect.fn.Return<void, CliFailure> {
  for (const [index, { path, text }] of files.entries()) {
    const file = join(folder, path)
    const written = files.slice(0, index).map(({ path }) => path)
    yield* Effect.tryPromise({
      try: async () => {
        await mkdir(dirname(file), { recursive: true })
        await writeFile(file, text, { flag: "wx" })
      },
      catch: (error) =>
        new CliFailure({
          kind: "store",
          problem: `${file} cannot be written: ${problemOf(error)}`,
          advice: written.length === 0 ? "No file was written" : `These were written: ${written.join(", ")}`
        })
    })
  }
})
