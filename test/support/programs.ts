/**
 * Makes programs of the blocks of documents, compiles them all at once and runs them one after another, in a folder
 * that has the project installed as a user has it.
 */
import { appendFile, mkdir, readFile, symlink, writeFile } from "node:fs/promises"
import { readdirSync } from "node:fs"
import { dirname, join, resolve } from "node:path"
import { Schema } from "effect"
import type { Block, Word } from "./markdown.ts"
import { node, root, temporaryFolder, tsc } from "./project.ts"
import { declaresValues, importsOf } from "./source.ts"

interface Origin {
  readonly file: string
  readonly line: number
}

interface Program {
  /** The name of its file. */
  readonly name: string
  readonly text: string
  /** Where each of its lines comes from. */
  readonly origins: ReadonlyArray<Origin>
  readonly kind: "compiles" | "runs" | "refused"
  /** The block that must not compile. */
  readonly last: Block
}

const says = (block: Block, word: Word): boolean => block.words.includes(word)

const place = ({ file, line }: Origin): string => `${file}:${line}`

/** Blocks that belong together, each list going on from its first. */
const chainsOf = (
  blocks: ReadonlyArray<Block>
): { readonly chains: ReadonlyArray<ReadonlyArray<Block>>; readonly refused: ReadonlyArray<ReadonlyArray<Block>> } => {
  const chains: Array<Array<Block>> = []
  const refused: Array<ReadonlyArray<Block>> = []
  for (const block of blocks) {
    const chain = chains.at(-1)
    const before = says(block, "continue") && chain?.[0]?.file === block.file ? chain : []
    if (says(block, "type-error")) refused.push([...before, block])
    else if (before.length === 0) chains.push([block])
    else before.push(block)
  }
  return { chains, refused }
}

/** A block's import of a file beside its document is made to work from anywhere. */
const rebase = (block: Block): ReadonlyArray<string> => {
  let text = block.code.join("\n")
  try {
    for (const { specifier, span } of importsOf(text).toReversed()) {
      if (specifier?.startsWith(".") !== true) continue
      const path = JSON.stringify(resolve(root, dirname(block.file), specifier))
      text = text.slice(0, span[0]) + path + text.slice(span[1])
    }
  } catch {
    // What cannot be parsed is left to the compiler, which says it better.
  }
  return text.split("\n")
}

const canRun = (block: Block): boolean => {
  try {
    return !says(block, "no-run") && !declaresValues(block.code.join("\n"))
  } catch {
    return false
  }
}

/** What would be run, were it not for a block before it that is not: its author may think that it is. */
const unrun = (blocks: ReadonlyArray<Block>): ReadonlyArray<string> =>
  chainsOf(blocks).chains.flatMap((chain) => {
    const stop = chain.findIndex((block) => !canRun(block))
    return stop < 0
      ? []
      : chain
          .slice(stop + 1)
          .filter(canRun)
          .map((block) => `${place(block)} goes on from a block that is not run, and is not run either: say no-run`)
  })

const programsOf = (blocks: ReadonlyArray<Block>): ReadonlyArray<Program> => {
  const programs: Array<Program> = []
  const add = (kind: Program["kind"], chain: ReadonlyArray<Block>) => {
    const last = chain.at(-1)
    if (last === undefined) return
    const lines = chain.flatMap((block) => rebase(block).map((text, i) => ({ ...block, text, line: block.line + i })))
    const text = lines.map((line) => line.text).join("\n")
    programs.push({ name: `program${programs.length}.ts`, text, origins: lines, kind, last })
  }
  const { chains, refused } = chainsOf(blocks)
  for (const chain of chains) {
    const stop = chain.findIndex((block) => !canRun(block))
    if (stop < 0) add("runs", chain)
    else {
      add("compiles", chain)
      add("runs", chain.slice(0, stop))
    }
  }
  for (const chain of refused) add("refused", chain)
  return programs
}

/** The project and what it has installed, as packages of the folder. */
const install = async (folder: string): Promise<void> => {
  const modules = join(folder, "node_modules")
  await mkdir(modules)
  const installed = readdirSync(join(root, "node_modules")).filter((name) => !name.startsWith("."))
  await Promise.all(installed.map((name) => symlink(join(root, "node_modules", name), join(modules, name))))
  await symlink(root, join(modules, "eventfold"))
}

const config = {
  extends: join(root, "tsconfig.json"),
  compilerOptions: { noUnusedLocals: false, noUnusedParameters: false },
  include: ["*.ts"]
}

const originIn = (program: Program, line: number): Origin =>
  program.origins[Math.min(line, program.origins.length) - 1] ?? program.last

const compile = async (folder: string, programs: ReadonlyArray<Program>): Promise<ReadonlyArray<string>> => {
  const { stdout, stderr, code } = await node([tsc, "-p", folder, "--pretty", "false"], folder)
  const errors = Array.from(
    stdout.matchAll(/^(program\d+\.ts)\((\d+),\d+\): (?:error|warning) (.*(?:\n .*)*)/gm),
    ([, name, line, message]) => ({ name, line: Number(line), message })
  )
  const elsewhere = stdout
    .split("\n")
    .filter((line) => /(?:^|: )(?:error|warning) TS/.test(line) && !/^program\d+\.ts/.test(line))
  if (code !== 0 && errors.length === 0) return [`the compiler fails: ${[...elsewhere, stderr].join("\n")}`]
  const problems = new Set<string>()
  for (const program of programs) {
    const mine = errors
      .filter(({ name }) => name === program.name)
      .map(({ line, message }) => ({ origin: originIn(program, line), message }))
    const isExpected = (origin: Origin) => program.kind === "refused" && origin.line >= program.last.line
    for (const { origin, message } of mine) if (!isExpected(origin)) problems.add(`${place(origin)} ${message}`)
    if (program.kind === "refused" && !mine.some(({ origin }) => isExpected(origin))) {
      problems.add(`${place(program.last)} compiles, though its fence says type-error`)
    }
  }
  return Array.from(problems)
}

const Report = Schema.fromJsonString(
  Schema.Struct({
    name: Schema.String,
    is: Schema.Literals(["begun", "done", "failed"]),
    error: Schema.optionalKey(Schema.String)
  })
)

const decodeReport = Schema.decodeSync(Report)

const execute = async (folder: string, programs: ReadonlyArray<Program>): Promise<ReadonlyArray<string>> => {
  const runner = join(import.meta.dirname, "runPrograms.ts")
  const reports = join(folder, "reports")
  const problems: Array<string> = []
  let left = programs.filter(({ kind }) => kind === "runs")
  for (let turn = 0; left.length > 0; turn++) {
    const file = `${reports}${turn}`
    await appendFile(file, "")
    const names = left.map(({ name }) => join(folder, name))
    const { code, stderr } = await node(["--conditions=@eventfold/source", runner, file, ...names], folder)
    const said = (await readFile(file, "utf8"))
      .trim()
      .split("\n")
      .filter(Boolean)
      .map((line) => decodeReport(line))
    const is = (state: string) => new Set(said.filter((report) => report.is === state).map(({ name }) => name))
    const [begun, done, failed] = [is("begun"), is("done"), is("failed")]
    for (const program of left) {
      const name = join(folder, program.name)
      for (const report of said) {
        if (report.name !== name || report.error === undefined) continue
        const line = new RegExp(`${program.name.replace(".", "\\.")}:(\\d+)`).exec(report.error)?.[1]
        const origin = line === undefined ? program.origins[0] : originIn(program, Number(line))
        problems.push(`${place(origin ?? program.last)} ${report.error.replaceAll(`file://${folder}/`, "")}`)
      }
      // A program may end the process itself, if it ends it well.
      if (begun.has(name) && !done.has(name) && !failed.has(name) && code !== 0) {
        problems.push(`${place(program.origins[0] ?? program.last)} ended the process with ${code}: ${stderr.trim()}`)
      }
    }
    if (begun.size === 0) return [...problems, `nothing could be run: ${stderr}`]
    left = left.filter(({ name }) => !begun.has(join(folder, name)))
  }
  return problems
}

/** What is wrong with the blocks, by the lines of their files. */
export interface Verdict {
  readonly compiling: ReadonlyArray<string>
  readonly running: ReadonlyArray<string>
}

/**
 * Compiles all blocks, and runs those that can be run.
 */
export const check = async (blocks: ReadonlyArray<Block>): Promise<Verdict> => {
  const programs = programsOf(blocks)
  if (programs.length === 0) return { compiling: [], running: [] }
  await using folder = await temporaryFolder()
  await install(folder.path)
  await writeFile(join(folder.path, "package.json"), JSON.stringify({ type: "module" }))
  await writeFile(join(folder.path, "tsconfig.json"), JSON.stringify(config))
  await Promise.all(programs.map(({ name, text }) => writeFile(join(folder.path, name), text)))
  const orphans = blocks.filter(
    (block, index) => says(block, "continue") && !blocks.slice(0, index).some(({ file }) => file === block.file)
  )
  const [compiling, running] = await Promise.all([compile(folder.path, programs), execute(folder.path, programs)])
  return {
    compiling: [...orphans.map((block) => `${place(block)} continues nothing`), ...compiling],
    running: [...unrun(blocks), ...running]
  }
}
