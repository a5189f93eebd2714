/**
 * What all commands have in common.
 */
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect } from "effect"
import { CliError, CliOutput, Command } from "effect/cli"
import { eventfold as root } from "../../src/cli/command.ts"
import { exitCodes } from "../../src/cli/failure.ts"
import { read } from "../support/project.ts"
import { eventfold, jsonOf } from "./support.ts"

/** A command by its path, without that of the root. */
interface Found {
  readonly path: ReadonlyArray<string>
  readonly command: Command.Command.Any
}

const below = (path: ReadonlyArray<string>, command: Command.Command.Any): ReadonlyArray<Found> =>
  command.subcommands.flatMap(({ commands }) =>
    commands.flatMap((child) => {
      const its = [...path, child.name]
      return [{ path: its, command: child }, ...below(its, child)]
    })
  )
const all = below([], root)
const nameOf = ({ path }: Found): string => path.join(" ")

/** The words of a command in a line as a shell reads it: what is piped into it, and where its output goes, is left out. */
const wordsOf = (line: string): ReadonlyArray<string> => {
  const its = line.split(/ [|<>] /).find((part) => part.startsWith("eventfold ")) ?? ""
  return Array.from(its.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g), ([, a, b, c]) => a ?? b ?? c ?? "")
}

/** Stands for what is done: it is not. */
const parsed = "it was understood"
const unrun = root.pipe(Command.validate(() => Effect.fail(new CliError.ValidationError({ message: parsed }))))

/** What is said to a command line: `parsed`, or what is wrong with it. It is not run. */
const saidTo = (words: ReadonlyArray<string>) =>
  Command.runWith(unrun, { version: "0" })(words).pipe(
    Effect.flip,
    Effect.map((error) => (error._tag === "ShowHelp" ? error.errors.map(({ message }) => message) : [error._tag])),
    Effect.provide([
      NodeServices.layer,
      CliOutput.layerPresenter({ present: () => Effect.void }),
      ConfigProvider.layer(ConfigProvider.fromEnv({ env: {} }))
    ])
  )

const docs = read("docs/cli.md")

describe("every command", () => {
  it("is described, by a sentence without a full stop", () => {
    const without = all.filter(({ command }) => !/^[A-Z].*[^.\s]$/s.test(command.description ?? ""))
    assert.deepStrictEqual(without.map(nameOf), [])
    assert.isAtLeast(all.length, 20)
  })

  it("has an example of itself", () => {
    const without = all.filter(
      ({ command, path }) =>
        command.examples.length === 0 ||
        !command.examples.every(
          ({ command }) =>
            wordsOf(command)
              .slice(0, path.length + 1)
              .join(" ") === `eventfold ${path.join(" ")}`
        )
    )
    assert.deepStrictEqual(without.map(nameOf), [])
  })

  it.effect("has examples that are understood", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* saidTo(["stream"]), ["Missing required argument: name"])
      for (const { command } of all) {
        for (const example of command.examples) {
          assert.deepStrictEqual(yield* saidTo(wordsOf(example.command).slice(1)), [parsed], example.command)
        }
      }
    })
  )

  it("is in the document of the command line", () => {
    const missing = all.filter(({ path }) =>
      path.length === 1 ? !new RegExp(`^## .*\\b${path[0]}\\b`, "m").test(docs) : !docs.includes(path.join(" "))
    )
    assert.deepStrictEqual(missing.map(nameOf), [])
  })

  it.effect("shows its help, with the example, and does nothing", () =>
    Effect.gen(function* () {
      for (const found of all) {
        const { exitCode, stderr, stdout } = yield* eventfold([...found.path, "--help"])
        assert.deepStrictEqual({ exitCode, stderr }, { exitCode: 0, stderr: "" }, nameOf(found))
        assert.include(stdout, found.command.description ?? "without a description")
        assert.include(stdout, found.command.examples[0]!.command)
        assert.include(stdout, "--json")
      }
    })
  )

  it.effect("refuses flags that it does not have", () =>
    Effect.gen(function* () {
      for (const found of all) {
        const { exitCode, stderr, stdout } = yield* eventfold([...found.path, "--nothing"])
        assert.strictEqual(exitCode, 2, nameOf(found))
        assert.strictEqual(stdout, "")
        assert.include(stderr, "--nothing")
        assert.include(stderr, `See how it is used: eventfold ${nameOf(found)} --help`)
      }
    })
  )
})

describe("the command line", () => {
  it("has the exit codes of its document", () => {
    const table = Array.from(
      docs.matchAll(/^\| +(\d+) \| `(\w+)` +\|/gm),
      ([, code, name]) => [name!, Number(code)] as const
    )
    assert.deepStrictEqual(Object.fromEntries(table), { ...exitCodes })
  })

  it.effect("shows help where it is not said what to do", () =>
    Effect.gen(function* () {
      for (const args of [[], ["projections"]]) {
        const { exitCode, stderr, stdout } = yield* eventfold(args)
        assert.deepStrictEqual({ exitCode, stderr }, { exitCode: 2, stderr: "" })
        assert.include(stdout, "SUBCOMMANDS")
      }
    })
  )

  it.effect("tells what is wrong as JSON where it prints JSON", () =>
    Effect.gen(function* () {
      const problem = "Unrecognized flag: --nothing in command eventfold doctor"
      const unknown = yield* eventfold(["doctor", "--nothing", "--json"])
      assert.deepStrictEqual(jsonOf({ ...unknown, stdout: unknown.stderr }), {
        error: { exitCode: 2, problem, advice: "See how it is used: eventfold doctor --help" }
      })
      const missing = yield* eventfold(["event", "x", "--store", "/nowhere/at/all", "--json"])
      assert.deepStrictEqual(jsonOf({ ...missing, stdout: missing.stderr }), {
        error: { exitCode: 3, problem: "there is nothing at /nowhere/at/all" }
      })
    })
  )

  it.effect("says that it has to be said where the events are", () =>
    Effect.gen(function* () {
      for (const [args, env] of [
        [[], {}],
        [["--store", ""], {}],
        [[], { EVENTFOLD_STORE: "", DATABASE_URL: "" }]
      ] as const) {
        const { exitCode, stderr } = yield* eventfold(["event", "x", ...args], { env })
        assert.strictEqual(exitCode, 2)
        assert.include(stderr, "--store")
      }
    })
  )

  it.effect("goes by the flag first, then by EVENTFOLD_STORE, then by DATABASE_URL", () =>
    Effect.gen(function* () {
      const env = { EVENTFOLD_STORE: "/nowhere/of/its/own", DATABASE_URL: "/nowhere/of/others" }
      const told = (args: ReadonlyArray<string>, env: Readonly<Record<string, string>>) =>
        Effect.map(eventfold(["event", "x", ...args], { env }), ({ stderr }) => /\/nowhere\S*/.exec(stderr)?.[0])
      assert.strictEqual(yield* told(["-s", "/nowhere"], env), "/nowhere")
      assert.strictEqual(yield* told([], env), "/nowhere/of/its/own")
      assert.strictEqual(yield* told([], { DATABASE_URL: "/nowhere/of/others" }), "/nowhere/of/others")
    })
  )

  it.live("never prints a password, nor what would steer a terminal", () =>
    Effect.gen(function* () {
      for (const where of [
        "postgres://app:hunter2@127.0.0.1:1/orders",
        "postgresql://app:hunter2@127.0.0.1:1/orders?sslmode=disable",
        "postgres://app:hunter2@",
        "postgres://app:hunter2@[::1",
        "postgres://app:hunter2@127.0.0.1:99999/orders",
        "mysql://app:hunter2@127.0.0.1/orders",
        "POSTGRES://app:hunter2@127.0.0.1:1/orders",
        "http://app:hunter2@[/x",
        "postgresql+asyncpg://app:hunter2@127.0.0.1/orders",
        "jdbc:postgresql://127.0.0.1/orders?user=app&password=hunter2",
        " postgres://app:hunter2@127.0.0.1/orders",
        "'postgres://app:hunter2@127.0.0.1/orders'",
        "postgres:app:hunter2@127.0.0.1",
        "host=127.0.0.1 user=app password=hunter2",
        "\u001b[2J/nowhere"
      ]) {
        for (const args of [["event", "x"], ["projections", "list"], ["doctor"], ["migrate"]]) {
          const { exitCode, stderr, stdout } = yield* eventfold([...args, "--store", where])
          assert.include([1, 2, 3, 4], exitCode, `${args.join(" ")} ${where}: ${stderr}`)
          assert.notInclude(stdout + stderr, "hunter2", where)
          assert.notInclude(stdout + stderr, "\u001b", where)
        }
        // Nothing is made by such a name either.
        if (!where.includes("hunter2")) continue
        const made = yield* eventfold(["migrate", "--create", "--store", where])
        assert.strictEqual(made.exitCode, 2, where)
        assert.notInclude(made.stdout + made.stderr, "hunter2", where)
      }
    })
  )
})
