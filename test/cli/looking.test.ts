/**
 * What is asked of events alone, of one log in a file, in a folder and on a server: the answers are the same.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { PgClient } from "@effect/sql-pg"
import { ConfigProvider, Context, DateTime, Effect, Fiber, Layer, Sink, Stdio, Stream } from "effect"
import { TerminalCapabilities } from "effect/cli"
import { EventStore, type RecordedEvent } from "eventfold"
import { EmbeddedEventStore } from "eventfold/postgres/embedded"
import { PostgresEventStore } from "eventfold/postgres"
import { run } from "../../src/cli/run.ts"
import { lineOf } from "../../src/cli/file/line.ts"
import { eventually, within } from "../postgres/support/stores.ts"
import { clientOf, freshDatabase, TestServer } from "../support/server.ts"
import { eventfold, jsonOf, linesOf } from "./support.ts"

const idOf = (n: number): string => `01977f2c-5b1e-7000-8000-${String(n).padStart(12, "0")}`

const event = (
  n: number,
  stream: `${string}-${string}`,
  type: string,
  rest: Partial<EventStore.RestoredEvent> = {}
): EventStore.RestoredEvent => ({
  id: idOf(n),
  stream,
  type,
  schemaVersion: 1,
  data: { n },
  tags: [],
  metadata: {},
  recordedAt: DateTime.makeUnsafe(Date.UTC(2026, 2, 30, 23, 59, 59, 990) + n * 5),
  ...rest
})

const hostile = "\u001B[2J\u009B31m\u202E"

/** A conversation of five events that a command begins, one that an event begins, and others beside them. */
const log: ReadonlyArray<EventStore.RestoredEvent> = [
  event(1, "order-1", "OrderPlaced", {
    metadata: { correlationId: "place-1", commandId: "place-1", actor: "user:ada" },
    tags: ["customer:ada"]
  }),
  event(2, "order-1", "OrderPriced", {
    metadata: { correlationId: "place-1", commandId: "place-1", actor: "user:ada" }
  }),
  event(3, "cart-9", "CartOpened", { data: { note: hostile } }),
  event(4, "payment-1", "PaymentRequested", {
    metadata: { correlationId: "place-1", commandId: "pay-1", causationId: idOf(1), causationDepth: 1 },
    schemaVersion: 2
  }),
  event(5, "payment-1", "PaymentReceived", {
    metadata: { correlationId: "place-1", causationId: "someone-else", commandId: "receive-1" }
  }),
  event(6, "order-1", "OrderPaid", {
    metadata: { correlationId: "place-1", commandId: "paid-1", causationId: idOf(5), causationDepth: 1 },
    tags: ["customer:ada", "paid"]
  }),
  event(7, "cart-9", "CartClosed", { metadata: { correlationId: idOf(3), causationId: idOf(3), causationDepth: 1 } })
]

const recorded: Effect.Effect<
  ReadonlyArray<RecordedEvent.RecordedEvent>,
  EventStore.StoreError,
  EventStore.EventStore
> = Effect.gen(function* () {
  const store = yield* EventStore.EventStore
  yield* store.restore(log)
  return yield* Stream.runCollect(store.readLog())
})

class Sources extends Context.Service<
  Sources,
  { readonly all: ReadonlyArray<string>; readonly empty: string; readonly server: string; readonly file: string }
>()("test/Sources") {
  static readonly layer = Layer.effect(
    Sources,
    Effect.gen(function* () {
      const folder = yield* Effect.acquireRelease(
        Effect.sync(() => mkdtempSync(join(tmpdir(), "eventfold-cli-"))),
        (path) => Effect.sync(() => rmSync(path, { recursive: true }))
      )
      const [data, file, empty] = [join(folder, "data"), join(folder, "events.jsonl"), join(folder, "empty.jsonl")]
      const events = yield* Effect.provide(recorded, EmbeddedEventStore.layer({ dataDir: data }))
      writeFileSync(file, events.map((one) => `${JSON.stringify(lineOf(one))}\n`).join(""))
      writeFileSync(empty, "")
      const server = yield* freshDatabase(yield* TestServer)
      yield* Effect.provide(recorded, PostgresEventStore.layer().pipe(Layer.provide(clientOf({ url: server }))))
      return { all: [file, data, server], empty, file, server }
    })
  )
}

const positionsOf = (all: ReadonlyArray<unknown>): ReadonlyArray<unknown> =>
  all.map((one) => (typeof one === "object" && one !== null && "position" in one ? one.position : one))

const told = (stderr: string): unknown => JSON.parse(stderr)

layer(Sources.layer.pipe(Layer.provide(TestServer.layer({ settings: { fsync: "off" } }))), {
  excludeTestServices: true,
  timeout: "2 minutes"
})("looking into events", (it) => {
  /** Runs the same on several sources. What comes of it has to be the same. */
  const on = Effect.fnUntraced(function* (sources: ReadonlyArray<string>, args: ReadonlyArray<string>) {
    const runs = yield* Effect.forEach(sources, (where) => eventfold([...args, "--store", where]))
    for (const one of runs) assert.deepStrictEqual(one, runs[0], args.join(" "))
    return runs[0]!
  })
  const everywhere = (...args: ReadonlyArray<string>) => Effect.flatMap(Sources, ({ all }) => on(all, args))
  /** To open a folder takes long. */
  const outsideOfFolders = (...args: ReadonlyArray<string>) =>
    Effect.flatMap(Sources, ({ file, server }) => on([file, server], args))

  it.effect("stats tells how much there is of what, wherever it is", () =>
    Effect.gen(function* () {
      const { all, empty } = yield* Sources
      for (const where of all) {
        const { exitCode, stdout } = yield* eventfold([
          "stats",
          "--json",
          "--days",
          "1",
          "--longest",
          "1",
          "--store",
          where
        ])
        assert.strictEqual(exitCode, 0)
        const { projections, stored, types, ...rest } = JSON.parse(stdout)
        assert.deepStrictEqual(rest, {
          head: 7,
          events: 7,
          streams: 3,
          first: "2026-03-30T23:59:59.995Z",
          last: "2026-03-31T00:00:00.025Z",
          categories: [
            { category: "cart", streams: 1, events: 2 },
            { category: "order", streams: 1, events: 3 },
            { category: "payment", streams: 1, events: 2 }
          ],
          days: [{ day: "2026-03-31", events: 6 }],
          longest: [{ stream: "order-1", events: 3 }]
        })
        assert.deepStrictEqual(types.at(-1), {
          type: "PaymentRequested",
          schemaVersion: 2,
          events: 1,
          bytes: 134,
          largest: 134
        })
        assert.deepStrictEqual([projections, stored === null], where.endsWith(".jsonl") ? [null, true] : [[], false])
        const text = yield* eventfold(["stats", "--store", where])
        for (const part of [
          "7 events in 3 streams, up to position 7",
          "recorded from 2026-03-30 23:59:59.995Z to 2026-03-31 00:00:00.025Z",
          "category  streams  events",
          "order           1       3",
          "2026-03-31  6  ███",
          "order-1               3"
        ]) {
          assert.include(text.stdout, part)
        }
        assert.strictEqual(text.stdout.includes("there are no projections"), !where.endsWith(".jsonl"))
      }
      assert.strictEqual((yield* eventfold(["stats", "--store", empty])).stdout, "there are no events\n")
    })
  )

  it.effect("stream shows its events by version, from either end", () =>
    Effect.gen(function* () {
      const all = yield* everywhere("stream", "order-1", "--json")
      assert.deepStrictEqual(linesOf(all)[0], {
        position: 1,
        stream: "order-1",
        version: 1,
        id: idOf(1),
        type: "OrderPlaced",
        schemaVersion: 1,
        recordedAt: "2026-03-30T23:59:59.995Z",
        data: { n: 1 },
        tags: ["customer:ada"],
        metadata: { correlationId: "place-1", commandId: "place-1", actor: "user:ada" }
      })
      assert.deepStrictEqual(positionsOf(linesOf(all)), [1, 2, 6])
      const some = yield* everywhere(
        "stream",
        "order-1",
        "--json",
        "--backward",
        "--limit",
        "2",
        "--to",
        "2",
        "--from",
        "1"
      )
      assert.deepStrictEqual(positionsOf(linesOf(some)), [2, 1])
      const text = yield* outsideOfFolders("stream", "payment-1")
      assert.strictEqual(
        text.stdout,
        [
          '     4  2026-03-31 00:00:00.010Z  payment-1@1           PaymentRequested v2   {"n":4}\n',
          '     5  2026-03-31 00:00:00.015Z  payment-1@2           PaymentReceived       {"n":5}\n'
        ].join("")
      )
      assert.deepStrictEqual(yield* outsideOfFolders("stream", "order-1", "--from", "9"), {
        exitCode: 0,
        stdout: "",
        stderr: "order-1 is at version 3: nothing of it is in that range\n"
      })
    })
  )

  it.effect("stream says which one may have been meant where there is none", () =>
    Effect.gen(function* () {
      const { empty } = yield* Sources
      const expected = [
        ["order-2", "Is it order-1?"],
        ["oder-1", "Is it order-1?"],
        ["order-123456", "The category order has 1 stream: eventfold search --category order"],
        ["paymen-98765", "There is no category paymen, but payment"],
        ["quite-other", "There is no category quite: see which there are with eventfold stats"]
      ] as const
      for (const [name, advice] of expected) {
        const { exitCode, stderr, stdout } = yield* outsideOfFolders("stream", name, "--json")
        assert.deepStrictEqual([exitCode, stdout], [3, ""])
        assert.deepStrictEqual(told(stderr), { error: { exitCode: 3, problem: `there is no stream ${name}`, advice } })
      }
      const nothing = yield* eventfold(["stream", "order-1", "--store", empty])
      assert.deepStrictEqual(nothing.stderr, "error: there is no stream order-1\n  The log has no events\n")
      assert.strictEqual((yield* outsideOfFolders("stream", "order")).exitCode, 2)
      assert.strictEqual((yield* outsideOfFolders("stream", "order-1", "--from", "0")).exitCode, 2)
    })
  )

  it.effect("event shows one by its id, in upper or lower case", () =>
    Effect.gen(function* () {
      const found = yield* everywhere("event", idOf(6).toUpperCase(), "--json")
      assert.deepInclude(jsonOf(found), { position: 6, type: "OrderPaid", tags: ["customer:ada", "paid"] })
      const text = yield* outsideOfFolders("event", idOf(3))
      assert.include(text.stdout, '\n  "type": "CartOpened",\n')
      assert.notMatch(text.stdout, /[^\n\P{Cc}]|\p{Cf}/u)
      for (const id of [idOf(99), "no id", hostile]) {
        const { exitCode, stderr } = yield* outsideOfFolders("event", id)
        assert.strictEqual(exitCode, 3)
        assert.notMatch(stderr, /[^\n\P{Cc}]|\p{Cf}/u)
        assert.include(stderr, "eventfold trace")
      }
    })
  )

  it.effect("search finds events by all that is given", () =>
    Effect.gen(function* () {
      const cases: ReadonlyArray<readonly [string, ReadonlyArray<number>]> = [
        ["", [1, 2, 3, 4, 5, 6, 7]],
        ["--type OrderPaid --type CartClosed", [6, 7]],
        ["--category order --category cart --type OrderPriced", [2]],
        ["--tag customer:ada", [1, 6]],
        ["--tag customer:ada --tag paid", [6]],
        ["--since 2026-03-31", [2, 3, 4, 5, 6, 7]],
        ["--since 2026-03-31T00:00:00.010Z --until 2026-03-31T00:00:00.020Z", [4, 5]],
        ["--meta actor=user:ada", [1, 2]],
        ['--meta actor="user:ada" --meta commandId=place-1 --backward', [2, 1]],
        ["--meta causationDepth=1 --limit 2", [4, 6]],
        ["--meta causationDepth=1.0000001", []],
        [`--meta causationDepth="1"`, []],
        ["--from 3 --to 5 --backward --limit 2", [5, 4]]
      ]
      for (const [given, expected] of cases) {
        const args = given.split(" ").filter((arg) => arg !== "")
        const found = yield* outsideOfFolders("search", "--json", ...args)
        assert.deepStrictEqual(positionsOf(linesOf(found)), expected, given)
        assert.strictEqual(found.stderr, expected.length === 0 ? "no event is like that\n" : "", given)
      }
      for (const wrong of ["--meta actor", "--meta =1", "--category a-b", "--since yesterday", "--limit 0"]) {
        assert.strictEqual((yield* outsideOfFolders("search", ...wrong.split(" "))).exitCode, 2, wrong)
      }
    })
  )

  it.effect("lists print hostile data harmlessly", () =>
    Effect.gen(function* () {
      for (const args of [["search"], ["tail"], ["stream", "cart-9"], ["trace", idOf(3)]]) {
        const { stdout } = yield* outsideOfFolders(...args)
        assert.include(stdout, "CartOpened")
        assert.notMatch(stdout, /[^\n\P{Cc}]|\p{Cf}/u)
      }
    })
  )

  it.effect("tail shows the last events, and follows no source to which nothing comes", () =>
    Effect.gen(function* () {
      const { file } = yield* Sources
      assert.deepStrictEqual(positionsOf(linesOf(yield* outsideOfFolders("tail", "--json", "-n", "2"))), [6, 7])
      const some = yield* everywhere(
        "tail",
        "--json",
        "--lines",
        "2",
        "--meta",
        "causationDepth=1",
        "--category",
        "order"
      )
      assert.deepStrictEqual(positionsOf(linesOf(some)), [6])
      assert.strictEqual((yield* outsideOfFolders("tail")).stdout.split("\n").length, 8)
      const refused = yield* eventfold(["tail", "--follow", "--store", file])
      assert.strictEqual(refused.exitCode, 2)
      assert.include(refused.stderr, "is a file of events, and it is read once: nothing comes to it")
      assert.include(refused.stderr, "leave out --follow")
    })
  )

  it.effect("trace shows what followed from what, by the id of an event, a command or a correlation", () =>
    Effect.gen(function* () {
      const tree = [
        "conversation place-1: 5 events in 2 streams, from 2026-03-30 23:59:59.995Z on, within 25 ms",
        "",
        "├─ command place-1 by user:ada",
        '│  ├─ +0 ms  order-1@1  OrderPlaced  #1  {"n":1}',
        "│  │  └─ command pay-1",
        '│  │     └─ +15 ms  payment-1@1  PaymentRequested  #4  {"n":4}',
        '│  └─ +5 ms  order-1@2  OrderPriced  #2  {"n":2}',
        "└─ command receive-1",
        '   └─ +20 ms  payment-1@2  PaymentReceived  #5  (caused by someone-else, which is not here)  {"n":5}',
        "      └─ command paid-1",
        '         └─ +25 ms  order-1@3  OrderPaid  #6  {"n":6}',
        ""
      ]
      const marked = (mark: string) => tree.map((line) => line.replace(mark, `▶ ${mark}`)).join("\n")
      for (const [id, mark] of [
        [idOf(4), "+15 ms"],
        ["paid-1", "command paid-1"],
        ["place-1", "command place-1"]
      ] as const) {
        assert.strictEqual((yield* outsideOfFolders("trace", id)).stdout, marked(mark))
      }
      const begun = [
        `conversation ${idOf(3)}: 2 events in 1 stream, from 2026-03-31 00:00:00.005Z on, within 20 ms`,
        "",
        String.raw`└─ +0 ms  cart-9@1  CartOpened  #3  {"note":"\u001b[2J\u009b31m\u202e"}`,
        `   └─ ▶ +20 ms  cart-9@2  CartClosed  #7  {"n":7}`,
        ""
      ]
      assert.strictEqual((yield* outsideOfFolders("trace", idOf(7))).stdout, begun.join("\n"))
    })
  )

  it.effect("trace gives the tree as JSON, cut where it is told to", () =>
    Effect.gen(function* () {
      const { stdout } = yield* everywhere("trace", idOf(1), "--json", "--limit", "3")
      const { roots, ...rest } = JSON.parse(stdout)
      assert.deepStrictEqual(rest, {
        correlationId: "place-1",
        events: 3,
        isCut: true,
        streams: ["order-1", "payment-1"],
        first: "2026-03-30T23:59:59.995Z",
        last: "2026-03-31T00:00:00.010Z"
      })
      const [{ events, ...command }] = roots
      assert.deepStrictEqual(command, { kind: "command", id: "place-1", actor: "user:ada" })
      assert.deepInclude(events[0].caused[0].events[0], { kind: "event", afterMillis: 15, caused: [] })
      assert.include((yield* outsideOfFolders("trace", idOf(1), "--limit", "3")).stdout, "give a greater --limit")
      const missing = yield* outsideOfFolders("trace", "nobody", "--json")
      assert.strictEqual(missing.exitCode, 3)
      assert.include(missing.stderr, "nothing has the id nobody")
    })
  )

  it.effect("tail --follow prints events as they come, through a lost connection, until it is interrupted", () =>
    Effect.gen(function* () {
      const { server } = yield* Sources
      const printed: Array<string> = []
      const stdio = Stdio.layerTest({
        stdout: () => Sink.forEach((chunk) => Effect.sync(() => printed.push(String(chunk)))),
        stderrIsTerminal: Effect.succeed(false)
      })
      const services = Layer.mergeAll(
        Layer.provideMerge(stdio, NodeServices.layer),
        ConfigProvider.layer(ConfigProvider.fromEnv({ env: {} })),
        Layer.succeed(TerminalCapabilities.TerminalCapabilities)({
          canColor: false,
          canAnimate: false,
          canPrompt: false
        })
      )
      const args = ["tail", "--json", "--follow", "-n", "1", "--category", "late", "--meta", "n=1", "--store", server]
      const following = yield* Effect.forkChild(Effect.provide(run(args), services))
      const seen = (count: number) =>
        eventually(
          `${count} events`,
          Effect.sync(() => printed.join("").split("\n").length - 1),
          (n) => n === count,
          "30 seconds"
        )

      yield* Effect.gen(function* () {
        const store = yield* EventStore.EventStore
        const sql = yield* PgClient.PgClient
        const append = (n: number, category = "late", metadata = { n: 1 }) =>
          store.append([
            {
              stream: `${category}-1`,
              expected: "any",
              events: [{ id: idOf(n), type: "Came", schemaVersion: 1, data: {}, tags: [], metadata }]
            }
          ])
        yield* eventually(
          "its connections",
          sql<{
            n: number
          }>`SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name = 'eventfold' AND query LIKE 'LISTEN%'`,
          ([row]) => row!.n > 0,
          "30 seconds"
        )
        yield* append(101)
        yield* append(102, "other")
        yield* append(103, "late", { n: 2 })
        yield* seen(1)
        yield* sql`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'eventfold'`
        yield* append(104)
        yield* seen(2)
      }).pipe(Effect.provide(PostgresEventStore.layer().pipe(Layer.provideMerge(clientOf({ url: server })))))

      yield* Fiber.interrupt(following).pipe(within("its end", "10 seconds"))
      const ids = printed
        .join("")
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line).id)
      assert.deepStrictEqual(ids, [idOf(101), idOf(104)])
    })
  )
})
