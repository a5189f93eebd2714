/**
 * The tutorial, followed as its reader does: in an empty folder, page by page, with each file as it is shown and each command that is typed. What is
 * printed has to be what the page says, and the files beside the pages are what it all comes to.
 *
 * Times, durations and ids are others with each run, and a line `…` stands for any lines.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { mkdir, readdir, symlink, writeFile } from "node:fs/promises"
import { delimiter, dirname, join } from "node:path"
import { assert, describe, it } from "vitest"
import { files, read, root, temporaryFolder } from "./support/project.ts"

const pages = ["docs/tutorial.md", ...files("docs/tutorial/*.md")]

/** Somebody's next step: a file that is written, or a command that is typed and what it has to print. */
type Step = { readonly place: string } & (
  | { readonly file: string; readonly text: string }
  | { readonly command: string; readonly expected: ReadonlyArray<string> }
)

/** The steps of a page. A block of code that does not begin with the name of its file is only to be read. */
const stepsOf = (page: string, text: string): ReadonlyArray<Step> => {
  const steps: Array<Step> = []
  const lines = text.split("\n")
  for (let at = 0; at < lines.length; at++) {
    const language = /^```(\w+)/.exec(lines[at] ?? "")?.[1]
    if (language === undefined) continue
    const end = lines.indexOf("```", at)
    const body = lines.slice(at + 1, end)
    const place = `${page}:${at + 2}`
    const named = /^\/\/ (\S+\.ts)$/.exec(body[0] ?? "")?.[1]
    if (language === "json") steps.push({ place, file: "tsconfig.json", text: body.join("\n") })
    else if (language === "ts" && named !== undefined) {
      steps.push({ place, file: named, text: `${body.join("\n")}\n` })
    } else if (language === "console") {
      const typed = body.flatMap((line, index) => (line.startsWith("$ ") ? [index] : []))
      for (const [index, from] of typed.entries()) {
        const expected = body.slice(from + 1, typed[index + 1])
        steps.push({ place: `${page}:${at + 2 + from}`, command: (body[from] ?? "").slice(2), expected })
      }
    }
    at = end
  }
  return steps
}

/** What is another with each run. */
const varies =
  /\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\.\d{3}Z|\d{4}-\d\d-\d\d|\d\d:\d\d:\d\d(?:\.\d+)?|[\d.]+ ?m?s\b|[\d.]+ [KM]iB|[0-9a-f]{8}(?:-[0-9a-f]{4,}){4}/

const literally = (text: string): string => text.replaceAll(/[$()*+.?[\\\]^{|}]/g, "\\$&")

/** Whether lines are as they are expected. */
const isAsExpected = (expected: ReadonlyArray<string>, actual: ReadonlyArray<string>): boolean => {
  const pattern = expected.map((line) =>
    line === "…" ? "(?:.*\n)*" : `${line.split(varies).map(literally).join(`(?:${varies.source})`)}\n`
  )
  return new RegExp(`^${pattern.join("")}$`).test(actual.map((line) => `${line}\n`).join(""))
}

/** The reader's folder: with the packages, and nothing else. */
const begin = async (folder: string): Promise<void> => {
  const modules = join(folder, "node_modules")
  await mkdir(modules)
  const installed = await readdir(join(root, "node_modules"))
  await Promise.all(installed.map((name) => symlink(join(root, "node_modules", name), join(modules, name))))
  await symlink(root, join(modules, "eventfold"))
  // The package as it is installed has no need of these: here it is run as it is written.
  const source = 'export default { ssr: { resolve: { conditions: ["@eventfold/source", "module", "node"] } } }\n'
  await writeFile(join(folder, "vitest.config.ts"), source)
  await writeFile(join(folder, "package.json"), '{ "name": "bank", "type": "module" }')
}

/** The reader's environment. The one that tests run in says that they do, and where databases are. */
const environment = (folder: string): NodeJS.ProcessEnv => ({
  ...Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(?:CI|DATABASE_URL|NODE_|EVENTFOLD_|VITEST|TEST$)/.test(name))
  ),
  NO_COLOR: "1",
  NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"],
  // Any port that is free.
  PORT: "0",
  NODE_OPTIONS: "--conditions=@eventfold/source",
  PATH: [dirname(process.execPath), join(folder, "node_modules", ".bin"), process.env["PATH"]].join(delimiter)
})

/** The lines of what was printed. Of an installed package the compiler skips the declarations, and says nothing of how it is written. */
const linesOf = (printed: string): ReadonlyArray<string> => {
  const lines = printed
    .replaceAll(/^\.\.\/\S+\(\d+,\d+\): error .*\n(?: .*\n)*/gm, "")
    .split("\n")
    .map((line) => line.trimEnd())
  return lines.slice(0, lines.findLastIndex((line) => line !== "") + 1)
}

/** Somebody at a terminal, and at a second one for as long as a server runs in the first. */
const terminal = (folder: string) => {
  const cli = `node ${join(root, "src", "cli", "bin.ts")}`
  const compiler = "tsc --customConditions @eventfold/source"
  let server: { readonly process: ChildProcess; readonly port: string } | undefined

  /** Types a command, and gives the lines that it prints: all of them, or those until it listens to a port. */
  const type = (command: string): Promise<ReadonlyArray<string>> => {
    const { promise, resolve, reject } = Promise.withResolvers<ReadonlyArray<string>>()
    const typed = command.replace("npx eventfold", cli).replace("npx tsc", compiler).replace("npx ", "")
    const child = spawn("sh", ["-c", `exec env ${typed.replace(":3000", `:${server?.port ?? ""}`)}`], {
      cwd: folder,
      env: environment(folder),
      stdio: ["ignore", "pipe", "pipe"]
    })
    let printed = ""
    const hear = (text: string): void => {
      printed += text
      const port = /Listening on \S+:(\d+)\n/.exec(printed)?.[1]
      if (port === undefined || server !== undefined) return
      server = { process: child, port }
      resolve(linesOf(printed.replace(port, "3000")))
    }
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", hear)
    child.on("error", reject)
    child.on("close", () => resolve(linesOf(printed)))
    return promise
  }
  return { type, [Symbol.dispose]: () => server?.process.kill("SIGKILL") }
}

describe("the tutorial", () => {
  it("prints what it says, from an empty folder to the end", { timeout: 600_000 }, async () => {
    await using folder = await temporaryFolder()
    await begin(folder.path)
    using reader = terminal(folder.path)
    const problems: Array<string> = []
    for (const step of pages.flatMap((page) => stepsOf(page, read(page)))) {
      if ("file" in step) await writeFile(join(folder.path, step.file), step.text)
      else {
        const printed = await reader.type(step.command)
        if (!isAsExpected(step.expected, printed)) {
          problems.push([`${step.place} ${step.command} printed`, ...printed].join("\n"))
        }
      }
    }
    assert.deepStrictEqual(problems, [])
  })

  it("comes to the files beside it", () => {
    const last = new Map(
      pages
        .flatMap((page) => stepsOf(page, read(page)))
        .flatMap((step) => ("file" in step && /^(?!play|wrong).*\.ts$/.test(step.file) ? [[step.file, step.text]] : []))
    )
    const beside = files("docs/tutorial/*.ts").map((path) => [path.replace("docs/tutorial/", ""), read(path)])
    assert.deepStrictEqual(beside, Array.from(last).toSorted())
  })
})

describe("the reader of the tutorial", () => {
  it("sees what is not as it is expected", () => {
    assert.isTrue(isAsExpected(["a 2026-01-01", "…", "took 3 ms"], ["a 2026-02-03", "b", "c", "took 12.5 ms"]))
    assert.isTrue(isAsExpected(["a", "…", "b"], ["a", "b"]))
    for (const lines of [["a"], ["a", "b", "c"], ["b", "a"], ["a.", "b"], []]) {
      assert.isFalse(isAsExpected(["a", "b"], lines))
    }
  })
})
