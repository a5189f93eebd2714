/**
 * `eventfold bench`: what a server, or the embedded database, does of all this in a second.
 */
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import type { Measured, Settings } from "../bench/measuring.ts"
import { inOwnSchema } from "../bench/ownSchema.ts"
import { eventsIn, type ScenarioName, scenarios } from "../bench/scenarios.ts"
import { layerEmbedded } from "../embedded.ts"
import { CliFailure } from "../failure.ts"
import { countFlag, StoreFlag } from "../flags.ts"
import { bars } from "../output/bars.ts"
import { count, duration } from "../output/format.ts"
import * as Output from "../output/Output.ts"
import { withProgress } from "../output/progress.ts"
import { table } from "../output/table.ts"
import { clientOf, nameOf, source } from "../Source.ts"

const names = [
  "write",
  "batch",
  "concurrent",
  "read",
  "load",
  "subscribe"
] as const satisfies ReadonlyArray<ScenarioName>

const inMemory = layerEmbedded().pipe(
  Layer.catchTag(["SqlError", "EmbeddedError"], ({ message }) =>
    Layer.effectContext(Effect.fail(new CliFailure({ kind: "store", problem: message })))
  )
)

const nameOfSubject = (embedded: boolean) =>
  embedded ? Effect.succeed("an embedded database in memory") : Effect.map(source, nameOf)

interface Input extends Settings {
  readonly scenario: ScenarioName | "full"
  readonly embedded: boolean
}

/** The database that is measured. */
const layerSubject = ({ embedded }: Input) =>
  Layer.unwrap(
    Effect.gen(function* () {
      if (!embedded) return clientOf(yield* source)
      if (Option.isNone(yield* StoreFlag)) return inMemory
      return yield* new CliFailure({ kind: "usage", problem: "--store and --embedded exclude each other" })
    })
  )

interface Result {
  readonly scenario: ScenarioName
  readonly measured: Measured
}

const perSecond = ({ events, millis }: Measured): number => (millis > 0 ? (events * 1000) / millis : Number.NaN)

const run = Effect.fnUntraced(function* (scenario: ScenarioName, settings: Settings) {
  const stores = yield* inOwnSchema
  const progress = { label: scenario, unit: "events", total: eventsIn(scenario, settings) }
  const measured = yield* withProgress(progress, (advance) => scenarios[scenario](stores, settings, advance))
  return { scenario, measured } satisfies Result
}, Effect.scoped)

const round = (value: number): number => Number(value.toPrecision(4))

const jsonOf = ({ measured, scenario }: Result) => {
  const { events, latencies, millis, timed } = measured
  return {
    scenario,
    events,
    millis: round(millis),
    perSecond: round(perSecond(measured)),
    latency: {
      of: timed,
      count: latencies.count(),
      p50: round(latencies.quantile(0.5)),
      p95: round(latencies.quantile(0.95)),
      p99: round(latencies.quantile(0.99)),
      max: round(latencies.max())
    }
  }
}

const chartWidth = 80

const textOf = (name: string, version: string, results: ReadonlyArray<Result>): string => {
  const rows = results.map(({ measured, scenario }) => {
    const { events, latencies, millis, timed } = measured
    const [p50, p95, p99] = [0.5, 0.95, 0.99].map((share) => duration(latencies.quantile(share)))
    return [scenario, count(events), duration(millis), count(perSecond(measured)), timed, p50!, p95!, p99!]
  })
  const chart = results.map(({ measured, scenario }) => ({
    label: scenario,
    value: perSecond(measured),
    text: `${count(perSecond(measured))} events/s`
  }))
  return [
    `${name}, PostgreSQL ${version}`,
    "",
    table(["scenario", "#events", "#time", "#events/s", "timed", "#p50", "#p95", "#p99"], rows),
    "",
    bars(chart, chartWidth)
  ].join("\n")
}

const bound = (name: string, value: number, description: string) =>
  countFlag(name, `${description}. ${count(value)} by default`).pipe(Flag.withDefault(value))

export const bench = Command.make(
  "bench",
  {
    scenario: Argument.Literals("scenario", [...names, "full"]).pipe(
      Argument.withDescription("What is measured: full, which is all of them, by default"),
      Argument.withDefault("full")
    ),
    embedded: Flag.Boolean("embedded").pipe(
      Flag.withDescription("Measure an embedded database in memory, and no store"),
      Flag.withDefault(false)
    ),
    events: bound("events", 10_000, "Events that are appended, or read; at most 1,000 in subscribe"),
    aggregates: bound("aggregates", 100, "Streams over which they are spread"),
    concurrency: bound("concurrency", 50, "Writers at once, in concurrent"),
    batch: bound("batch", 100, "Events of one append, in batch"),
    payloadBytes: bound("payload-bytes", 200, "Bytes of data of an event")
  },
  Effect.fn(function* ({ embedded, scenario, ...settings }) {
    const name = yield* nameOfSubject(embedded)
    const sql = yield* PgClient.PgClient
    const [row] = yield* sql.unsafe<{ readonly server_version: string }>("SHOW server_version")
    const version = row?.server_version ?? "unknown"
    const results = yield* Effect.forEach(scenario === "full" ? names : [scenario], (one) => run(one, settings))
    yield* Output.answer({ store: name, version, settings, results: results.map(jsonOf) }, () =>
      textOf(name, version, results)
    )
  })
).pipe(
  Command.provide(layerSubject),
  Command.withDescription(
    "Measure what a server, or the embedded database, does: in schemas of its own, which it makes and drops. What else is in the database it does not touch"
  ),
  Command.withShortDescription("Measure what a server does"),
  Command.withExamples([
    { command: "eventfold bench --store postgres://localhost/shop", description: "All there is to measure" },
    {
      command: "eventfold bench concurrent --events 50000 --concurrency 200 --store postgres://localhost/shop",
      description: "Many writers"
    },
    { command: "eventfold bench --embedded --events 1000", description: "Without a server" }
  ])
)
