/**
 * How fast the PostgreSQL store is beside what its server can do at all: `npm run bench -- [--quick] [--json FILE]`.
 *
 * It starts a server of its own. Every scenario checks what it did; the first check that fails ends the run.
 */
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { Console, Effect, FileSystem, Option, Redacted } from "effect"
import { Command, Flag } from "effect/cli"
import { availableParallelism } from "node:os"
import { lines, preface } from "./print.ts"
import { appends, reads, type Report, type Size } from "./scenarios.ts"
import { type Server, start } from "./server.ts"

const pool = 10

const full: Size = {
  rounds: 7,
  appends: [
    [1, 2000],
    [50, 400],
    [500, 100]
  ],
  streams: 100
}

const quick: Size = {
  rounds: 5,
  appends: [
    [1, 1000],
    [50, 200],
    [500, 40]
  ],
  streams: 30
}

const say = (text: ReadonlyArray<string>) => Console.log(text.join("\n"))

const measure = Effect.fnUntraced(function* (server: Server, size: Size) {
  const sql = yield* PgClient.PgClient
  const [version] = yield* sql.unsafe<{ readonly server_version: string }>("SHOW server_version")
  const about = {
    PostgreSQL: version?.server_version ?? "",
    node: process.versions.node,
    cores: availableParallelism(),
    connections: pool,
    rounds: size.rounds
  }
  yield* say(preface(about))
  const reports: Array<Report> = []
  const add = (report: Report) =>
    Effect.andThen(
      Effect.sync(() => reports.push(report)),
      say(lines(report))
    )
  for (const [fibers, each] of size.appends) yield* add(yield* appends(server, size, fibers, each))
  for (const report of yield* reads(size)) yield* add(report)
  return { about, reports }
})

const flags = {
  quick: Flag.Boolean("quick").pipe(Flag.withDescription("Measure less, in about a minute"), Flag.withDefault(false)),
  json: Flag.File("json").pipe(Flag.withDescription("Write all figures to a file as well"), Flag.optional)
}

const command = Command.make("bench", flags, (asked) =>
  Effect.gen(function* () {
    const server = yield* start
    const client = PgClient.layer({ url: Redacted.make(server.url), maxConnections: pool })
    const result = yield* Effect.provide(measure(server, asked.quick ? quick : full), client)
    if (Option.isNone(asked.json)) return
    const files = yield* FileSystem.FileSystem
    yield* files.writeFileString(asked.json.value, `${JSON.stringify(result, null, 2)}\n`)
  }).pipe(Effect.scoped)
).pipe(Command.withDescription("Measures the PostgreSQL store beside the limits of its server"))

command.pipe(Command.run({ version: "1.0.0" }), Effect.provide(NodeServices.layer), NodeRuntime.runMain)
