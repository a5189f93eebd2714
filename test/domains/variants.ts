/**
 * Makes the mistakes: each in a copy of its program, all compiled at once, and run where they compile.
 */
import { cp, mkdir, readdir, symlink, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { node, read, root, temporaryFolder, tsc } from "../support/project.ts"
import { type Edit, mistakes } from "./mistakes.ts"
import { folderOf, parts, peers, type Who } from "./programs.ts"

/** What becomes of a program with a mistake in it. */
export interface Outcome {
  /** The lines that differ. */
  readonly diff: ReadonlyArray<string>
  /** What the compiler prints, without the folder. None if it compiles. */
  readonly compiler: ReadonlyArray<string>
  /** What the bank answers, where it compiles. */
  readonly answers: ReadonlyArray<string>
}

/** The lines of two texts that differ, with a mark; both have a beginning and an end in common. */
const diffOf = (before: string, after: string): ReadonlyArray<string> => {
  const [old, young] = [before.split("\n"), after.split("\n")]
  let start = 0
  while (old[start] === young[start]) start++
  let end = 0
  while (end < Math.min(old.length, young.length) - start && old.at(-1 - end) === young.at(-1 - end)) end++
  return [
    ...old.slice(start, old.length - end).map((line) => `-${line}`),
    ...young.slice(start, young.length - end).map((line) => `+${line}`)
  ]
}

const edited = (text: string, { file, find, put }: Edit): string => {
  const [first, second, ...more] = text.split(find)
  if (first === undefined || second === undefined || more.length > 0) {
    throw new Error(`${file} has not exactly one ${JSON.stringify(find)}`)
  }
  return first + put + second
}

const place = (who: Who, index: number): string => join(who === "eventfold" ? "." : "peers", `${who}-${index}`)

/** Everything that the programs import, as packages of a folder: ours as a user has it. */
const install = async (folder: string): Promise<void> => {
  const modules = join(folder, "node_modules")
  await Promise.all([mkdir(modules), mkdir(join(folder, "peers"))])
  const installed = (await readdir(join(root, "node_modules"))).filter((name) => !name.startsWith("."))
  await Promise.all([
    ...installed.map((name) => symlink(join(root, "node_modules", name), join(modules, name))),
    symlink(root, join(modules, "eventfold")),
    symlink(join(peers, "node_modules"), join(folder, "peers", "node_modules")),
    cp(join(root, "test/domains/contract.ts"), join(folder, "contract.ts")),
    writeFile(join(folder, "package.json"), JSON.stringify({ type: "module" })),
    writeFile(
      join(folder, "tsconfig.json"),
      JSON.stringify({ extends: join(root, "tsconfig.json"), include: ["."], exclude: ["**/node_modules"] })
    )
  ])
}

/** Writes a program with some edits, and gives the lines that differ. */
const write = async (folder: string, who: Who, edits: ReadonlyArray<Edit>): Promise<ReadonlyArray<string>> => {
  await mkdir(folder)
  const diffs = await Promise.all(
    [parts.rules, parts.service].map(async (file) => {
      const right = read(join(folderOf[who], file))
      const mine = edits.filter((edit) => edit.file === file)
      const wrong = mine.reduce(edited, right)
      await writeFile(join(folder, file), wrong)
      return mine.flatMap((edit) => diffOf(right, edited(right, edit)))
    })
  )
  return diffs.flat()
}

const run = async (folder: string, cwd: string): Promise<ReadonlyArray<string>> => {
  const probe = join(root, "test/domains/probe.ts")
  const { stdout, stderr } = await node(["--conditions=@eventfold/source", probe, join(folder, parts.service)], cwd)
  return (stdout + stderr).trimEnd().split("\n")
}

/**
 * What becomes of each mistake in the programs of some libraries. The first outcome is that of the program as it is.
 */
export const outcomes = async (
  asked: ReadonlyArray<Who>
): Promise<Readonly<Record<string, ReadonlyArray<Outcome>>>> => {
  await using folder = await temporaryFolder()
  await install(folder.path)
  const all = [[], ...mistakes.map(({ edits }) => edits)]
  const variants = asked.flatMap((who) =>
    all.map((edits, index) => ({ who, edits: Array.isArray(edits) ? edits : edits[who], at: place(who, index) }))
  )
  const diffs = await Promise.all(variants.map(({ at, edits, who }) => write(join(folder.path, at), who, edits)))
  const { stdout } = await node([tsc, "-p", folder.path, "--pretty", "false"], folder.path)
  const reports = Array.from(
    stdout.matchAll(/^(\S+?\.ts\(\d+,\d+\): (?:error|warning) .*(?:\n .*)*)/gm),
    ([report]) => report
  )
  const found: Record<string, Array<Outcome>> = {}
  for (const [index, { at, who }] of variants.entries()) {
    const compiler = reports
      .filter((report) => report.startsWith(`${at}/`))
      .flatMap((report) => report.slice(at.length + 1).split("\n"))
    const answers = compiler.length > 0 ? [] : await run(join(folder.path, at), folder.path)
    ;(found[who] ??= []).push({ diff: diffs[index] ?? [], compiler, answers })
  }
  return found
}
