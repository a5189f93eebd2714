/**
 * How fast Eventfold is beside Emmett, a repository written by hand and what the server can do at all:
 * `npm run bench:peers -- [--quick] [--long] [--only TEXT] [--json FILE]`.
 *
 * It starts a server of its own, and installs what it compares with when that is missing. Everybody's work is checked. Who fails or loses
 * something is said to, and the others go on; when it is Eventfold, the exit code is 1.
 */
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { Console, Data, DateTime, Effect, FileSystem, Option, Redacted, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import { availableParallelism, cpus } from "node:os"
import { fileURLToPath } from "node:url"
import { start } from "../server.ts"
import * as Ground from "./ground.ts"
import { install } from "./install.ts"
import { json } from "./json.ts"
import { type Result, resultOf } from "./result.ts"
import { compete, type Rules } from "./rounds.ts"
import { full, long, quick, type Scenario, scenarios } from "./scenarios.ts"
import { lines, preface, targets } from "./table.ts"

/** No scenario has what was asked for in its name. */
class NoScenario extends Data.TaggedError("NoScenario")<{ readonly message: string }> {}

/** Eventfold has failed, or has lost something. */
class Broken extends Data.TaggedError("Broken")<{ readonly message: string }> {}

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

const peers = here("../../test/peers")

const programs: Rules["programs"] = {
  eventfold: here("./eventfold.ts"),
  emmett: here("../../test/peers/emmett.ts"),
  plain: here("../../test/peers/plain.ts"),
  limit: here("../../test/peers/limits.ts")
}

const Manifest = Schema.fromJsonString(Schema.Struct({ version: Schema.String }))

const versionIn = Effect.fnUntraced(function* (folder: string) {
  const files = yield* FileSystem.FileSystem
  const manifest = yield* files.readFileString(`${folder}/package.json`)
  return (yield* Schema.decodeEffect(Manifest)(manifest)).version
})

const settings = [
  "fsync",
  "synchronous_commit",
  "full_page_writes",
  "shared_buffers",
  "max_wal_size",
  "max_connections"
]

const aboutThis = Effect.fnUntraced(function* (size: string) {
  const sql = yield* PgClient.PgClient
  const shown = yield* Effect.forEach(["server_version", ...settings], (name) =>
    Effect.map(
      sql.unsafe<Readonly<Record<string, string>>>(`SHOW ${name}`),
      ([row]) => [name, row?.[name] ?? ""] as const
    )
  )
  const { server_version, ...its } = Object.fromEntries(shown)
  return {
    date: DateTime.formatIso(yield* DateTime.now),
    size,
    PostgreSQL: server_version,
    node: process.versions.node,
    eventfold: yield* versionIn(here("../..")),
    emmett: yield* versionIn(`${peers}/node_modules/@event-driven-io/emmett-postgresql`),
    pg: yield* versionIn(`${peers}/node_modules/pg`),
    cpu: cpus()[0]?.model ?? "",
    cores: availableParallelism(),
    settings: its
  }
})

const say = (text: ReadonlyArray<string>) => Console.log(text.join("\n"))

/** Runs scenarios one after the other, and has all that is known kept after each. */
const measure = Effect.fnUntraced(function* <E>(
  url: string,
  chosen: ReadonlyArray<Scenario>,
  rules: Rules,
  keep: (results: ReadonlyArray<Result>) => Effect.Effect<void, E>
) {
  const ground = yield* Ground.make(url)
  const results: Array<Result> = []
  for (const scenario of chosen) {
    const result = resultOf(scenario, yield* compete(scenario, ground, rules))
    results.push(result)
    yield* say(lines(result))
    yield* keep(results)
  }
  yield* say(targets(results))
  return results
})

const choose = (all: ReadonlyArray<Scenario>, only: Option.Option<string>) => {
  const chosen = all.filter(({ name }) => Option.isNone(only) || name.includes(only.value))
  if (chosen.length > 0) return Effect.succeed(chosen)
  return new NoScenario({
    message: `none of the scenarios has that in its name:\n${all.map(({ name }) => `  ${name}`).join("\n")}`
  })
}

const flags = {
  quick: Flag.Boolean("quick").pipe(
    Flag.withDescription("Measure less, in less than five minutes"),
    Flag.withDefault(false)
  ),
  long: Flag.Boolean("long").pipe(
    Flag.withDescription("Measure on a log of 10,000,000 events as well, which takes 50 GB on the disk"),
    Flag.withDefault(false)
  ),
  only: Flag.String("only").pipe(
    Flag.withDescription("Measure the scenarios that have this in their name"),
    Flag.optional
  ),
  json: Flag.File("json").pipe(Flag.withDescription("Write all figures to a file as well"), Flag.optional)
}

const command = Command.make("bench:peers", flags, (asked) =>
  Effect.gen(function* () {
    const part = asked.quick ? quick : full
    const size = asked.long ? long(part) : part
    const chosen = yield* choose(scenarios(size), asked.only)
    yield* install(peers)
    const { url } = yield* start
    const client = PgClient.layer({ url: Redacted.make(url), maxConnections: 2 })
    yield* Effect.gen(function* () {
      const about = yield* aboutThis(`${asked.quick ? "quick" : "full"}${asked.long ? ", long" : ""}`)
      yield* say(preface(about))
      const files = yield* FileSystem.FileSystem
      const keep = (results: ReadonlyArray<Result>) =>
        Option.isNone(asked.json)
          ? Effect.void
          : files.writeFileString(asked.json.value, `${JSON.stringify(json(about, results), null, 2)}\n`)
      const results = yield* measure(url, chosen, { programs, patience: size.patience }, keep)
      const broken = results.filter(({ isBroken }) => isBroken).map(({ name }) => name)
      if (broken.length > 0)
        return yield* new Broken({ message: `eventfold has not done its work: ${broken.join(", ")}` })
    }).pipe(Effect.provide(client))
  }).pipe(Effect.scoped)
).pipe(Command.withDescription("Measures Eventfold beside others that do the same work on the same server"))

command.pipe(Command.run({ version: "1.0.0" }), Effect.provide(NodeServices.layer), NodeRuntime.runMain)
