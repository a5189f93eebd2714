/**
 * How fast the PostgreSQL store and its projections are beside what the server can do at all: `npm run bench -- [--quick] [--only PART] [--json FILE]`.
 *
 * It starts a server of its own. Every scenario checks what it did; the first check that fails ends the run.
 */
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { Console, Effect, FileSystem, Option, Redacted } from "effect"
import { Command, Flag } from "effect/cli"
import { availableParallelism } from "node:os"
import { boundaries } from "./boundaries.ts"
import * as Commands from "./commands.ts"
import * as Inline from "./inline.ts"
import * as Latency from "./latency.ts"
import { lines, preface } from "./print.ts"
import * as ProcessManager from "./processManager.ts"
import * as Projections from "./projections.ts"
import type { Report } from "./report.ts"
import { appends, reads, type Size as StoreSize } from "./scenarios.ts"
import { type Server, start } from "./server.ts"

const pool = 10

interface Size extends StoreSize {
  readonly projections: Projections.Size
  readonly latency: Latency.Size
  readonly commands: Commands.Size
  readonly inline: Inline.Size
  readonly process: ProcessManager.Size
}

const full: Size = {
  rounds: 7,
  appends: [
    [1, 2000],
    [50, 400],
    [500, 100]
  ],
  streams: 100,
  projections: { rounds: 2, events: 1_000_000 },
  latency: { rounds: 5, probes: 500 },
  commands: { rounds: 5, streams: 20_000, loads: 100 },
  inline: {
    rounds: 5,
    appends: [
      [1, 1000],
      [50, 100]
    ],
    processes: 2,
    stores: 10,
    millis: 3000
  },
  process: { rounds: 3, instances: 10_000 }
}

const quick: Size = {
  rounds: 5,
  appends: [
    [1, 1000],
    [50, 200],
    [500, 40]
  ],
  streams: 30,
  projections: { rounds: 3, events: 100_000 },
  latency: { rounds: 3, probes: 200 },
  commands: { rounds: 3, streams: 5000, loads: 30 },
  inline: {
    rounds: 3,
    appends: [
      [1, 400],
      [50, 50]
    ],
    processes: 2,
    stores: 10,
    millis: 2000
  },
  process: { rounds: 1, instances: 2000 }
}

const say = (text: ReadonlyArray<string>) => Console.log(text.join("\n"))

const parts = ["append", "read", "catch-up", "latency", "inline", "commands", "boundaries", "process"] as const
type Part = (typeof parts)[number]

const measure = Effect.fnUntraced(function* (server: Server, size: Size, only: Option.Option<Part>) {
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
  const isAsked = (part: Part): boolean => Option.isNone(only) || only.value === part
  if (isAsked("append")) {
    for (const [fibers, each] of size.appends) yield* add(yield* appends(server, size, fibers, each))
  }
  if (isAsked("read")) for (const report of yield* reads(size)) yield* add(report)
  if (isAsked("catch-up")) yield* add(yield* Projections.catchUp(size.projections))
  if (isAsked("latency")) yield* add(yield* Latency.latency(server, size.latency))
  if (isAsked("inline")) for (const report of yield* Inline.inline(server, size.inline)) yield* add(report)
  if (isAsked("commands")) for (const report of yield* Commands.commands(size.commands)) yield* add(report)
  if (isAsked("boundaries")) yield* add(yield* boundaries(size.commands))
  if (isAsked("process")) yield* add(yield* ProcessManager.processManager(size.process))
  return { about, reports }
})

const flags = {
  quick: Flag.Boolean("quick").pipe(
    Flag.withDescription("Measure less, in about three minutes"),
    Flag.withDefault(false)
  ),
  only: Flag.Literals("only", parts).pipe(Flag.withDescription("Measure one part alone"), Flag.optional),
  json: Flag.File("json").pipe(Flag.withDescription("Write all figures to a file as well"), Flag.optional)
}

const command = Command.make("bench", flags, (asked) =>
  Effect.gen(function* () {
    const server = yield* start
    const client = PgClient.layer({ url: Redacted.make(server.url), maxConnections: pool })
    const result = yield* Effect.provide(measure(server, asked.quick ? quick : full, asked.only), client)
    if (Option.isNone(asked.json)) return
    const files = yield* FileSystem.FileSystem
    yield* files.writeFileString(asked.json.value, `${JSON.stringify(result, null, 2)}\n`)
  }).pipe(Effect.scoped)
).pipe(Command.withDescription("Measures the PostgreSQL store beside the limits of its server"))

command.pipe(Command.run({ version: "1.0.0" }), Effect.provide(NodeServices.layer), NodeRuntime.runMain)
