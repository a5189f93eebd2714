import { spawn } from "node:child_process"
import { assert, describe, it, layer } from "@effect/vitest"
import { NodeServices } from "@effect/platform-node"
import { Context, DateTime, Effect, Fiber, FileSystem, Layer, Random, Schedule, Stream } from "effect"
import { EventStore } from "eventfold"
import { PostgresEventStore } from "eventfold/postgres"
import { exitCodes } from "../../src/cli/failure.ts"
import { encodeLine } from "../../src/cli/file/line.ts"
import { textLines } from "../../src/cli/file/textLines.ts"
import { clientOf, freshDatabase, TestServer } from "../support/server.ts"
import { temporaryFolder } from "./database.ts"
import { randomLog } from "./randomLog.ts"
import { eventfold, jsonOf, type Ran } from "./support.ts"

const seed = process.env["CLI_SEED"] ?? crypto.randomUUID().slice(0, 8)

const services = Effect.provide(NodeServices.layer)
const writeText = (path: string, text: string | Uint8Array) =>
  Effect.flatMap(FileSystem.FileSystem, (files) =>
    typeof text === "string" ? files.writeFileString(path, text) : files.writeFile(path, text)
  )
const readText = (path: string) => Effect.flatMap(FileSystem.FileSystem, (files) => files.readFileString(path))

describe(`the lines of a text, with CLI_SEED=${seed}`, () => {
  const collect = (chunks: ReadonlyArray<Uint8Array>, most?: number) =>
    Stream.runCollect(textLines(Stream.fromIterable(chunks), most))

  it.effect("are the same in whatever pieces it comes", () =>
    Effect.gen(function* () {
      const text = "first\n\n\uFEFFünï漢字🙂\r\n" + "x".repeat(50) + "\n\nno end"
      // With the mark that some programs begin a text with: only there it is none of it.
      const bytes = new TextEncoder().encode(`\uFEFF${text}`)
      for (let run = 0; run < 200; run++) {
        const cuts = (yield* Effect.replicateEffect(Random.nextIntBetween(0, bytes.length), 5)).toSorted(
          (a, b) => a - b
        )
        const chunks = [0, ...cuts].map((from, index) => bytes.subarray(from, cuts[index]))
        const lines = yield* collect(chunks)
        assert.deepStrictEqual(
          lines.map((line) => line.text),
          text.split("\n"),
          `cut at ${cuts.join()}`
        )
        assert.deepStrictEqual(
          lines.map(({ isEnded, number }) => [number, isEnded]),
          [1, 2, 3, 4, 5, 6].map((number) => [number, number < 6])
        )
        assert.strictEqual(lines.at(-1)?.end, bytes.length)
      }
    }).pipe(Random.withSeed(seed))
  )

  it.effect("are told where they are no text, or too long to be kept", () =>
    Effect.gen(function* () {
      const broken = Buffer.concat([
        Buffer.from("a\n"),
        Buffer.from([0xc3, 0x28]),
        Buffer.from("\nb\n"),
        Buffer.from([0xe6])
      ])
      const lines = yield* collect([broken.subarray(0, 3), broken.subarray(3)])
      const problem = "it is not text in UTF-8"
      assert.deepStrictEqual(
        lines.map((line) => line.problem ?? line.text),
        ["a", problem, "b", problem]
      )
      const long = yield* collect([Buffer.from("12345"), Buffer.from("67890"), Buffer.from("\nnext\n")], 8)
      assert.deepStrictEqual(
        long.map((line) => [line.number, line.problem ?? line.text, line.end]),
        [
          [1, "it has more than 8 bytes", 11],
          [2, "next", 16]
        ]
      )
    })
  )
})

describe(`eventfold import into a folder, with CLI_SEED=${seed}`, () => {
  it.live(
    "makes it when it is told to, and what is exported from it is the same file",
    () =>
      Effect.gen(function* () {
        const dir = yield* temporaryFolder
        const [store, file, again] = [`${dir}/data`, `${dir}/events.jsonl`, `${dir}/again.jsonl`]
        const events = yield* randomLog(seed, 100)
        const versions = new Map<string, number>()
        const lines = events.map((event, index) => {
          const version = (versions.get(event.stream) ?? 0) + 1
          versions.set(event.stream, version)
          return encodeLine({ ...event, position: index + 1, version })
        })
        yield* writeText(file, lines.join("\n"))
        const files = yield* FileSystem.FileSystem

        const missing = yield* eventfold(["import", file, "--store", store])
        assert.strictEqual(missing.exitCode, exitCodes.notFound)
        assert.match(missing.stderr, /--create/)
        const dry = yield* eventfold(["import", file, "--store", store, "--create", "--dry-run", "--json"])
        const would = { events: 100, there: 0, first: 1, last: 100 }
        assert.deepStrictEqual(jsonOf(dry), { dryRun: true, ...would, moved: { positions: 0 } })
        assert.strictEqual((yield* eventfold(["import", `${file}?`, "--store", store, "--create"])).exitCode, 3)
        assert.isFalse(yield* files.exists(store))

        const made = yield* eventfold(["import", file, "--store", store, "--create", "--json"])
        assert.deepStrictEqual(jsonOf(made), { dryRun: false, ...would, moved: { positions: 0, versions: 0 } })
        yield* eventfold(["export", "--store", store, "--out", again])
        // A database puts keys in an order of its own: the second time round the file is the same to the byte.
        const stored = (yield* readText(again)).split("\n").map((line) => (line === "" ? "" : JSON.parse(line)))
        assert.deepStrictEqual(stored, [...lines.map((line) => JSON.parse(line)), ""])
      }).pipe(Effect.scoped, services),
    120_000
  )

  it.live("refuses what is no store and what is no file", () =>
    Effect.gen(function* () {
      const dir = yield* temporaryFolder
      const file = `${dir}/events.jsonl`
      yield* writeText(file, "")
      const intoFile = yield* eventfold(["import", file, "--store", file])
      assert.strictEqual(intoFile.exitCode, exitCodes.usage)
      assert.match(intoFile.stderr, /needs a database/)
      const fromFolder = yield* eventfold(["import", dir, "--store", dir])
      assert.strictEqual(fromFolder.exitCode, exitCodes.usage)
      assert.match(fromFolder.stderr, /eventfold export/)
    }).pipe(Effect.scoped, services)
  )
})

/** A database, and a log in it that is to be imported elsewhere: its file, its events. */
const source = Effect.fnUntraced(function* (count: number) {
  const url = yield* freshDatabase(yield* TestServer)
  const dir = yield* temporaryFolder
  const store = yield* storeIn(url, "source", true)
  const events = yield* randomLog(seed, count)
  for (let from = 0; from < count; from += 1000) yield* store.restore(events.slice(from, from + 1000))
  const file = `${dir}/events.jsonl`
  yield* eventfold(["export", "--store", url, "--schema", "source", "--out", file])
  const text = yield* readText(file)
  const lines = text.split("\n").slice(0, -1)
  return { url, dir, file, text, lines, events }
})

const storeIn = Effect.fnUntraced(function* (url: string, schema: string, migrate = false) {
  const context = yield* Layer.build(
    Layer.fresh(PostgresEventStore.layer({ schema, migrate }).pipe(Layer.provide(clientOf({ url }))))
  )
  return Context.get(context, EventStore.EventStore)
})

const cli = (url: string, schema: string, args: ReadonlyArray<string>, stdin?: string): Effect.Effect<Ran> =>
  eventfold([...args, "--store", url, "--schema", schema], stdin === undefined ? {} : { stdin })

const exported = (url: string, schema: string): Effect.Effect<string> =>
  Effect.map(cli(url, schema, ["export"]), ({ stdout }) => stdout)

const done = (counts: object, moved = { positions: 0, versions: 0 }) => ({ dryRun: false, ...counts, moved })

layer(TestServer.layer({ settings: { fsync: "off" } }), { excludeTestServices: true, timeout: 60_000 })(
  `eventfold import into a server, with CLI_SEED=${seed}`,
  (it) => {
    it.effect("comes to the same log, however often it is done, from a file or the standard input", () =>
      Effect.gen(function* () {
        const { file, text, url } = yield* source(4500)
        const missing = yield* cli(url, "copy", ["import", file])
        assert.strictEqual(missing.exitCode, exitCodes.notFound)
        assert.match(missing.stderr, /no log in schema copy.*\n.*--create/)
        const dry = yield* cli(url, "copy", ["import", file, "--create", "--dry-run", "--json"])
        assert.deepInclude(jsonOf(dry), { events: 4500, first: 1, last: 4500 })
        assert.strictEqual((yield* cli(url, "copy", ["import", file])).exitCode, exitCodes.notFound)

        const first = yield* cli(url, "copy", ["import", file, "--create", "--json"])
        assert.deepStrictEqual(jsonOf(first), done({ events: 4500, there: 0, first: 1, last: 4500 }))
        assert.strictEqual(yield* exported(url, "copy"), text)
        for (const args of [
          ["import", "-"],
          ["import", "-", "--dry-run"]
        ]) {
          const again = yield* cli(url, "copy", [...args, "--json"], text)
          assert.deepInclude(jsonOf(again), { events: 0, there: 4500, first: null, last: null })
        }
        assert.strictEqual(yield* exported(url, "copy"), text)
      }).pipe(Effect.scoped, services)
    )

    it.effect("goes on where it was interrupted, at whatever moment", () =>
      Effect.gen(function* () {
        const { file, text, url } = yield* source(6000)
        const target = yield* storeIn(url, "copy", true)
        let interruptions = 0
        for (const after of [0, 1, 1, 2001, 2001]) {
          const fiber = yield* Effect.forkChild(cli(url, "copy", ["import", file]))
          // Then it is in the middle of the next batch, or about to begin it.
          yield* Effect.repeat(target.head, { until: (head) => head >= after, schedule: Schedule.spaced("1 milli") })
          yield* Fiber.interrupt(fiber)
          const head = yield* target.head
          assert.include([0, 2000, 4000, 6000], head)
          if (head < 6000) interruptions++
        }
        const last = yield* cli(url, "copy", ["import", file, "--json"])
        assert.strictEqual(last.exitCode, 0)
        assert.isAbove(interruptions, 0)
        assert.strictEqual(yield* exported(url, "copy"), text)
      }).pipe(Effect.scoped, services)
    )

    it.effect("goes on after its process was killed", () =>
      Effect.gen(function* () {
        const { lines, text, url } = yield* source(5000)
        const target = yield* storeIn(url, "copy", true)
        for (const fed of [2100, 4400]) {
          const args = ["src/cli/bin.ts", "import", "-", "--store", url, "--schema", "copy"]
          const child = spawn(process.execPath, ["--conditions=@eventfold/source", ...args], {
            stdio: ["pipe", "ignore", "inherit"]
          })
          const ended = new Promise((resolve) => child.once("exit", resolve))
          child.stdin.on("error", () => undefined).write(lines.slice(0, fed).join("\n"))
          // A whole batch is stored, and the next one is not whole.
          yield* Effect.repeat(target.head, {
            until: (head) => head >= fed - 500,
            schedule: Schedule.spaced("20 millis")
          })
          child.kill("SIGKILL")
          yield* Effect.promise(() => ended)
          assert.strictEqual(child.signalCode, "SIGKILL")
          assert.strictEqual(yield* exported(url, "copy"), text.slice(0, (yield* exported(url, "copy")).length))
        }
        const last = yield* cli(url, "copy", ["import", "-", "--json"], text)
        assert.deepStrictEqual(jsonOf(last), done({ events: 1000, there: 4000, first: 4001, last: 5000 }))
        assert.strictEqual(yield* exported(url, "copy"), text)
      }).pipe(Effect.scoped, services)
    )

    it.effect("comes to the same log where two import it at once", () =>
      Effect.gen(function* () {
        const { file, text, url } = yield* source(4100)
        yield* storeIn(url, "copy", true)
        const import_ = cli(url, "copy", ["import", file, "--json"])
        const both = yield* Effect.all([import_, import_], { concurrency: 2 })
        for (const { exitCode, stderr } of both) assert.strictEqual(exitCode, 0, stderr)
        assert.strictEqual(yield* exported(url, "copy"), text)
      }).pipe(Effect.scoped, services)
    )

    it.effect("says where positions and versions come out different", () =>
      Effect.gen(function* () {
        const { file, lines, url } = yield* source(300)
        yield* storeIn(url, "copy", true)
        const part = lines.slice(100).join("\n")
        const streamsBefore = new Set(lines.slice(0, 100).map((line) => JSON.parse(line).stream))
        const versions = lines.slice(100).filter((line) => streamsBefore.has(JSON.parse(line).stream)).length
        const ran = yield* cli(url, "copy", ["import", "-", "--json"], part)
        const moved = { positions: 200, versions }
        assert.isAbove(versions, 0)
        assert.deepStrictEqual(jsonOf(ran), done({ events: 200, there: 0, first: 1, last: 200 }, moved))
        const told = yield* cli(url, "copy", ["import", "-"], part)
        assert.match(
          told.stdout,
          /^0 events imported into .*; 200 were there already\nnot as in the file: the position of 200 events/
        )
        // In a stream of the file, and before it: then positions say nothing of versions.
        const other = yield* storeIn(url, "other", true)
        const { stream } = JSON.parse(lines[1]!)
        yield* other.restore([
          {
            id: crypto.randomUUID(),
            stream,
            type: "Other",
            schemaVersion: 1,
            recordedAt: DateTime.makeUnsafe("0001-01-01T00:00:00Z"),
            data: null,
            tags: [],
            metadata: {}
          }
        ])
        const rest = yield* cli(url, "other", ["import", "-", "--json"], lines.slice(1).join("\n"))
        const [inStream, inFirst] = [stream, JSON.parse(lines[0]!).stream].map(
          (name) => lines.slice(1).filter((line) => JSON.parse(line).stream === name).length
        )
        // If the line that is left out is of that stream, the other event is in its place.
        const otherVersions = stream === JSON.parse(lines[0]!).stream ? 0 : inStream! + inFirst!
        assert.deepStrictEqual(
          jsonOf(rest),
          done({ events: 299, there: 0, first: 2, last: 300 }, { positions: 0, versions: otherVersions })
        )
        // What is missing comes before what is there: it cannot be put in front.
        const times = lines.map((line) => JSON.parse(line).recordedAt)
        if (times[0] < times[299]) {
          const whole = yield* cli(url, "copy", ["import", file])
          assert.strictEqual(whole.exitCode, exitCodes.refused)
        }
      }).pipe(Effect.scoped, services)
    )

    it.effect("skips what is there in the middle of a file, and adds the rest", () =>
      Effect.gen(function* () {
        const { lines, text, url } = yield* source(1000)
        yield* storeIn(url, "copy", true)
        for (const upTo of [3, 499, 500, 777]) {
          const ran = yield* cli(url, "copy", ["import", "-"], lines.slice(0, upTo).join("\n"))
          assert.strictEqual(ran.exitCode, 0, ran.stderr)
        }
        const dry = yield* cli(url, "copy", ["import", "-", "--json", "--dry-run"], text)
        assert.deepInclude(jsonOf(dry), { events: 223, there: 777, first: 778, last: 1000 })
        const ran = yield* cli(url, "copy", ["import", "-", "--json"], text)
        assert.deepStrictEqual(jsonOf(ran), done({ events: 223, there: 777, first: 778, last: 1000 }))
        assert.strictEqual(yield* exported(url, "copy"), text)
      }).pipe(Effect.scoped, services)
    )

    it.effect("stops at an event that is there with another content", () =>
      Effect.gen(function* () {
        const { lines, text, url } = yield* source(50)
        yield* storeIn(url, "copy", true)
        yield* cli(url, "copy", ["import", "-"], text)
        const changes: ReadonlyArray<readonly [object, string]> = [
          [{ data: { changed: true } }, "data"],
          [{ type: "Changed" }, "type"],
          [{ schemaVersion: 9 }, "schema version"],
          [{ stream: "changed-1" }, "stream"],
          [{ tags: ["changed"] }, "tags"],
          [{ metadata: { changed: 1 } }, "metadata"]
        ]
        for (const [change, what] of changes) {
          const changed = lines.with(29, JSON.stringify({ ...JSON.parse(lines[29]!), ...change }))
          for (const args of [
            ["import", "-"],
            ["import", "-", "--dry-run"]
          ]) {
            const ran = yield* cli(url, "copy", args, changed.join("\n"))
            assert.strictEqual(ran.exitCode, exitCodes.refused, what)
            assert.match(
              ran.stderr,
              new RegExp(`the standard input:30: .* is there with another ${what}, at position 30`)
            )
          }
        }
        assert.strictEqual(yield* exported(url, "copy"), text)
      }).pipe(Effect.scoped, services)
    )

    it.effect("goes on after events of others, as long as times do, and refuses what is older", () =>
      Effect.gen(function* () {
        const { lines, url } = yield* source(200)
        const target = yield* storeIn(url, "copy", true)
        const metadata = {}
        const event = { type: "Old", schemaVersion: 1, data: null, tags: [], metadata, stream: "other-1" as const }
        const at = (iso: string) => DateTime.makeUnsafe(iso)
        yield* target.restore([{ ...event, id: crypto.randomUUID(), recordedAt: at("0001-01-01T00:00:00Z") }])
        const first = yield* cli(url, "copy", ["import", "-", "--json"], lines.slice(0, 120).join("\n"))
        assert.deepInclude(jsonOf(first), { events: 120, first: 2, last: 121, moved: { positions: 120, versions: 0 } })
        yield* target.restore([{ ...event, id: crypto.randomUUID(), recordedAt: at("2026-01-01T00:00:00Z") }])
        for (const args of [
          ["import", "-"],
          ["import", "-", "--dry-run"]
        ]) {
          const ran = yield* cli(url, "copy", args, lines.join("\n"))
          assert.strictEqual(ran.exitCode, exitCodes.refused)
          assert.match(ran.stderr, /:121: .* before the last event of the log, at position 122.*\n.*--schema/)
        }
        assert.strictEqual(yield* target.head, 122)
      }).pipe(Effect.scoped, services)
    )

    it.effect("stops at a line that is broken, keeps what came before, and goes on when it is mended", () =>
      Effect.gen(function* () {
        const { dir, lines, text, url } = yield* source(300)
        const file = `${dir}/broken.jsonl`
        const invalid = Buffer.concat([
          Buffer.from(`${lines.slice(0, 120).join("\n")}\n{"a":"`),
          Buffer.from([0xff, 0x0a])
        ])
        const broken: ReadonlyArray<
          readonly [name: string, content: string | Uint8Array, line: number, problem: RegExp]
        > = [
          ["json", lines.with(120, `${lines[120]}}`).join("\n"), 121, /JSON/],
          ["field", lines.with(120, lines[120]!.replace(`"position"`, `"place"`)).join("\n"), 121, /position/],
          [
            "stream",
            lines.with(120, lines[120]!.replace(/"stream":"[^"]*"/, `"stream":"x"`)).join("\n"),
            121,
            /hyphen/
          ],
          ["order", [...lines.slice(0, 120), lines[0]].join("\n"), 121, /position 1 comes after position 120/],
          ["text", invalid, 121, /UTF-8/],
          ["torn", text.slice(0, text.indexOf(lines[120]!) + 40), 121, /ends in the middle.*\n.*--resume/],
          ["id", lines.with(120, lines[120]!.replace(/"id":"[^"]*"/, `"id":"X"`)).join("\n"), 121, /not a UUID/]
        ]
        for (const [name, content, line, problem] of broken) {
          yield* writeText(file, content)
          const target = yield* storeIn(url, name, true)
          for (const isDry of [true, false, false]) {
            const ran = yield* cli(url, name, ["import", file, ...(isDry ? ["--dry-run"] : [])])
            assert.strictEqual(ran.exitCode, name === "id" ? exitCodes.refused : exitCodes.domain, ran.stderr)
            assert.include(ran.stderr, `${file}:${line}: `)
            assert.match(ran.stderr, problem)
            assert.strictEqual(yield* target.head, isDry ? 0 : 120, name)
          }
          const mended = yield* cli(url, name, ["import", "-", "--json"], text)
          assert.deepStrictEqual(jsonOf(mended), done({ events: 180, there: 120, first: 121, last: 300 }))
          assert.strictEqual(yield* exported(url, name), text)
        }
      }).pipe(Effect.scoped, services)
    )

    it.effect("takes events that are larger than a store takes by default", () =>
      Effect.gen(function* () {
        const url = yield* freshDatabase(yield* TestServer)
        // The last one is more than a client of PostgreSQL takes by default.
        const note = "n".repeat(3 * 1024 * 1024)
        const lines = [note, note, note.repeat(6)].map((note, index) =>
          encodeLine({
            id: crypto.randomUUID(),
            stream: "large-1",
            type: "Large",
            schemaVersion: 1,
            position: index + 1,
            version: index + 1,
            recordedAt: DateTime.makeUnsafe(0),
            data: { note },
            tags: [],
            metadata: {}
          })
        )
        const ran = yield* cli(url, "copy", ["import", "-", "--create", "--json"], lines.join("\n"))
        assert.deepInclude(jsonOf(ran), { events: 3 })
        assert.strictEqual(yield* exported(url, "copy"), `${lines.join("\n")}\n`)
      }).pipe(Effect.scoped, services)
    )
  }
)
