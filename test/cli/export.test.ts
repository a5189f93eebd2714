import { assert, describe, it, layer } from "@effect/vitest"
import { NodeServices } from "@effect/platform-node"
import { DateTime, Effect, FileSystem, Layer, PlatformError, Random, Result, Stream } from "effect"
import { EventStore, Query } from "eventfold"
import { MemoryEventStore, MemoryInspection } from "eventfold/memory"
import { PostgresEventStore } from "eventfold/postgres"
import { EmbeddedEventStore } from "eventfold/postgres/embedded"
import { boundsOf, exportTo } from "../../src/cli/export/run.ts"
import { exitCodes, tell } from "../../src/cli/failure.ts"
import { decodeLine, encodeLine, Line } from "../../src/cli/file/line.ts"
import { clientOf, freshDatabase, TestServer } from "../support/server.ts"
import { randomLog } from "./randomLog.ts"
import { eventfold, jsonOf } from "./support.ts"

const seed = process.env["CLI_SEED"] ?? crypto.randomUUID().slice(0, 8)

const folder = Effect.flatMap(FileSystem.FileSystem, (files) => files.makeTempDirectoryScoped())
const readText = (path: string) => Effect.flatMap(FileSystem.FileSystem, (files) => files.readFileString(path))
const writeText = (path: string, text: string) =>
  Effect.flatMap(FileSystem.FileSystem, (files) => files.writeFileString(path, text))

/** A log as its file should be: recorded by the memory store. */
const fileOf = Effect.fnUntraced(function* (events: ReadonlyArray<EventStore.RestoredEvent>) {
  const store = yield* EventStore.EventStore
  yield* store.restore(events)
  const recorded = yield* Stream.runCollect(store.readLog())
  return { recorded, text: recorded.map((event) => `${encodeLine(event)}\n`).join("") }
}, Effect.provide(MemoryEventStore.layer))

/** A file of a log, in a folder of its own. */
const aFile = Effect.fnUntraced(function* (count: number) {
  const dir = yield* folder
  const { recorded, text } = yield* fileOf(yield* randomLog(seed, count))
  const path = `${dir}/events.jsonl`
  yield* writeText(path, text)
  return { dir, path, recorded, text }
})

const services = Effect.provide(NodeServices.layer)

describe(`the line of an event, with CLI_SEED=${seed}`, () => {
  it.live("is read as it was written", () =>
    Effect.gen(function* () {
      const { recorded } = yield* fileOf(yield* randomLog(seed, 300))
      for (const event of recorded) {
        const read = Result.getOrThrow(decodeLine(encodeLine(event)))
        assert.deepStrictEqual({ ...read, stream: event.stream }, event)
      }
    })
  )

  it("is read in any order of fields and with any form of time, and says what is wrong with it", () => {
    const line = {
      metadata: {},
      tags: [],
      data: 1,
      recordedAt: "2026-03-31T12:00:00+02:00",
      schemaVersion: 1,
      type: "T",
      id: "x",
      version: 1,
      stream: "a-1",
      position: 1
    }
    const read = Result.getOrThrow(decodeLine(JSON.stringify(line)))
    assert.strictEqual(DateTime.formatIso(read.recordedAt), "2026-03-31T10:00:00.000Z")
    const wrong: ReadonlyArray<readonly [object, RegExp]> = [
      [{ position: 0 }, /position/],
      [{ version: 1.5 }, /version/],
      [{ recordedAt: "yesterday" }, /recordedAt/],
      [{ recordedAt: "2026-02-31T10:00:00.000Z" }, /recordedAt/],
      [{ tags: [1] }, /tags/],
      [{ metadata: [] }, /metadata/],
      [{ type: "" }, /type/]
    ]
    for (const [change, where] of wrong) {
      const result = decodeLine(JSON.stringify({ ...line, ...change }))
      assert.match(Result.isFailure(result) ? result.failure.message : JSON.stringify(change), where)
    }
    for (const text of ["", "{", "[]", "1", `{"position":1}`]) assert.isTrue(Result.isFailure(decodeLine(text)), text)
    assert.isTrue(Result.isFailure(decodeLine(JSON.stringify(line).replace(`"data":1`, `"data":1e999`))))
    const deep = `${"[".repeat(100_000)}${"]".repeat(100_000)}`
    assert.isTrue(Result.isFailure(decodeLine(JSON.stringify(line).replace(`"data":1`, `"data":${deep}`))))
    assert.deepStrictEqual(Object.keys(Line.fields), Object.keys(line).toReversed())
  })
})

describe(`eventfold export of a file, with CLI_SEED=${seed}`, () => {
  it.live("writes what there is, to the standard output and into a file", () =>
    Effect.gen(function* () {
      const { dir, path, text } = yield* aFile(50)
      const printed = yield* eventfold(["export", "--store", path])
      assert.deepStrictEqual(printed, { exitCode: 0, stdout: text, stderr: "" })
      const out = `${dir}/copy.jsonl`
      const ran = yield* eventfold(["export", "--store", path, "--out", out, "--json"])
      assert.deepStrictEqual(jsonOf(ran), { file: out, events: 50, first: 1, last: 50, resumedAfter: null })
      assert.strictEqual(yield* readText(out), text)
    }).pipe(Effect.scoped, services)
  )

  it.live("does not read what is no text as another text", () =>
    Effect.gen(function* () {
      const { path, text } = yield* aFile(5)
      const files = yield* FileSystem.FileSystem
      const bytes = Buffer.from(text)
      yield* files.writeFile(path, Buffer.concat([bytes.subarray(0, -3), Buffer.from([0xff]), bytes.subarray(-3)]))
      const ran = yield* eventfold(["export", "--store", path])
      assert.strictEqual(ran.exitCode, exitCodes.domain)
      assert.include(ran.stderr, `${path}:5: it is not text in UTF-8`)
    }).pipe(Effect.scoped, services)
  )

  it.live("goes on wherever the file was cut off, and comes to the same", () =>
    Effect.gen(function* () {
      const { dir, path, text } = yield* aFile(40)
      const whole = new TextEncoder().encode(text)
      const ends = Array.from(whole.entries()).flatMap(([index, byte]) => (byte === 10 ? [index + 1] : []))
      const cuts = yield* Effect.replicateEffect(Random.nextIntBetween(0, whole.length), 25)
      const files = yield* FileSystem.FileSystem
      const out = `${dir}/part.jsonl`
      for (const cut of [0, 1, ends[0]! - 1, ends[0]!, ends[0]! + 1, ...ends.slice(-2), ...cuts]) {
        yield* files.writeFile(out, whole.subarray(0, cut))
        const ran = yield* eventfold(["export", "--store", path, "--out", out, "--resume", "--json"])
        assert.strictEqual(ran.exitCode, 0, `cut at ${cut}: ${ran.stderr}`)
        const kept = ends.filter((end) => end <= cut).length
        assert.deepInclude(jsonOf(ran), { events: 40 - kept, resumedAfter: kept === 0 ? null : kept })
        assert.strictEqual(yield* readText(out), text, `cut at ${cut}`)
      }
      // Also where nothing comes after it.
      yield* files.writeFile(out, whole.subarray(0, ends[19]! + 30))
      yield* eventfold(["export", "--store", path, "--out", out, "--resume", "--to", "20"])
      assert.strictEqual(yield* readText(out), new TextDecoder().decode(whole.subarray(0, ends[19])))
    }).pipe(Random.withSeed(seed), Effect.scoped, services)
  )

  it.live("leaves a file alone that is there, or is not the beginning of this export", () =>
    Effect.gen(function* () {
      const { dir, path, recorded, text } = yield* aFile(30)
      const out = `${dir}/other.jsonl`
      const refuses = Effect.fnUntraced(function* (content: string, args: ReadonlyArray<string>, problem: RegExp) {
        yield* writeText(out, content)
        const ran = yield* eventfold(["export", "--store", path, "--out", out, ...args])
        assert.strictEqual(ran.exitCode, exitCodes.refused, ran.stderr)
        assert.match(ran.stderr, problem)
        assert.strictEqual(yield* readText(out), content)
      })
      yield* refuses(text, [], /is there already\n.*--resume.*--overwrite/s)
      yield* refuses(text, ["--overwrite"], /this will replace .*\n.*--yes/s)
      yield* refuses("my notes", ["--resume"], /is no export/)
      yield* refuses("my notes\nmore", ["--resume"], /its last line is no event/)
      const foreign = `${encodeLine({ ...recorded[4]!, id: crypto.randomUUID() })}\n{"pos`
      yield* refuses(foreign, ["--resume"], /at position 5, where this log has /)
      const beyond = `${encodeLine({ ...recorded[4]!, position: 31 })}\n`
      yield* refuses(beyond, ["--resume"], /at position 31, where this log has none/)
      const type = recorded[29]!.type === "Opened" ? "Booked" : "Opened"
      yield* refuses(text, ["--resume", "--type", type], /not among those that are asked for/)
      const ran = yield* eventfold(["export", "--store", path, "--out", out, "--overwrite", "--yes"])
      assert.strictEqual(ran.exitCode, 0)
    }).pipe(Effect.scoped, services)
  )

  it.live("does not write into what it reads, into a folder, or to two places", () =>
    Effect.gen(function* () {
      const { dir, path, text } = yield* aFile(3)
      const usages = [
        ["--out", path, "--overwrite", "--yes"],
        ["--out", dir],
        ["--out", `${dir}/x`, "--resume", "--overwrite"],
        ["--resume"],
        ["--overwrite"],
        ["--category", "a-b"]
      ]
      for (const args of usages) {
        const ran = yield* eventfold(["export", "--store", path, ...args])
        assert.strictEqual(ran.exitCode, exitCodes.usage, args.join(" "))
      }
      assert.strictEqual(yield* readText(path), text)
    }).pipe(Effect.scoped, services)
  )

  it.live("writes only what is asked for", () =>
    Effect.gen(function* () {
      const { path, recorded } = yield* aFile(80)
      const { recordedAt: since } = recorded[20]!
      const { recordedAt: until } = recorded[60]!
      const query: Query.Query = [{ types: ["Opened", "事件"], categories: ["order", "account"], tags: ["ünï tag"] }]
      const expected = recorded.filter(
        (event) =>
          event.position >= 10 &&
          event.position <= 70 &&
          Query.matches(query, event) &&
          DateTime.isGreaterThanOrEqualTo(event.recordedAt, since) &&
          DateTime.isLessThan(event.recordedAt, until)
      )
      const args = ["--type", "Opened", "--type", "事件", "--category", "order", "--category", "account"]
      args.push("--tag", "ünï tag", "--from", "10", "--to", "70")
      args.push("--since", DateTime.formatIso(since), "--until", DateTime.formatIso(until))
      const ran = yield* eventfold(["export", "--store", path, ...args])
      assert.strictEqual(ran.stdout, expected.map((event) => `${encodeLine(event)}\n`).join(""))
      const none = yield* eventfold(["export", "--store", path, "--from", "81"])
      assert.deepStrictEqual(none, { exitCode: 0, stdout: "", stderr: "" })
    }).pipe(Effect.scoped, services)
  )
})

describe("an export", () => {
  it.live("ends where the log ended when it began, and reads no further ahead than it is taken", () =>
    Effect.gen(function* () {
      const store = yield* EventStore.EventStore
      yield* store.restore(yield* randomLog(seed, 50))
      const append = Effect.suspend(() =>
        store.append([
          {
            stream: "late-1",
            expected: "any",
            events: [{ id: crypto.randomUUID(), type: "Late", schemaVersion: 1, data: null, tags: [], metadata: {} }]
          }
        ])
      )
      const bounds = yield* boundsOf({})
      yield* append
      const written: Array<string> = []
      const exported = yield* exportTo(
        bounds,
        (lines) =>
          Effect.andThen(
            Effect.orDie(append),
            Effect.sync(() => written.push(new TextDecoder().decode(lines)))
          ),
        () => Effect.void
      )
      assert.deepStrictEqual(exported, { events: 50, first: 1, last: 50 })
      assert.strictEqual(written.join("").split("\n").length, 51)
    }).pipe(Effect.provide(Layer.provideMerge(MemoryInspection.layer, MemoryEventStore.layer)))
  )

  it("is done when who reads it has enough", () => {
    const broken = PlatformError.systemError({
      module: "Stdio",
      method: "stdout",
      _tag: "Unknown",
      cause: Object.assign(new Error("write EPIPE"), { code: "EPIPE" })
    })
    assert.deepStrictEqual(tell(broken), { exitCode: exitCodes.done, problem: undefined, advice: undefined })
    const full = PlatformError.systemError({ module: "Stdio", method: "stdout", _tag: "Unknown", cause: new Error() })
    assert.notStrictEqual(tell(full)?.exitCode, exitCodes.done)
  })
})

describe("eventfold export of a folder", () => {
  it.live(
    "writes what the embedded store has recorded",
    () =>
      Effect.gen(function* () {
        const dataDir = `${yield* folder}/data`
        const events = yield* randomLog(seed, 60)
        const recorded = yield* Effect.gen(function* () {
          const store = yield* EventStore.EventStore
          yield* store.restore(events)
          return yield* Stream.runCollect(store.readLog())
        }).pipe(Effect.provide(EmbeddedEventStore.layer({ dataDir })))
        const ran = yield* eventfold(["export", "--store", dataDir])
        assert.strictEqual(ran.exitCode, 0, ran.stderr)
        assert.strictEqual(ran.stdout, recorded.map((event) => `${encodeLine(event)}\n`).join(""))
      }).pipe(Effect.scoped, services),
    60_000
  )
})

layer(TestServer.layer({ settings: { fsync: "off" } }), { excludeTestServices: true, timeout: 60_000 })(
  "eventfold export of a server",
  (it) => {
    it.effect("writes what the store has recorded, and then what has come since", () =>
      Effect.gen(function* () {
        const url = yield* freshDatabase(yield* TestServer)
        const out = `${yield* folder}/events.jsonl`
        const context = yield* Layer.build(
          PostgresEventStore.layer({ schema: "log" }).pipe(Layer.provide(clientOf({ url })))
        )
        const events = yield* randomLog(seed, 2500)
        const exported = yield* Effect.gen(function* () {
          const store = yield* EventStore.EventStore
          yield* store.restore(events.slice(0, 1200))
          const args = ["export", "--store", url, "--schema", "log", "--out", out, "--resume", "--json"]
          const first = yield* eventfold(args)
          yield* store.restore(events.slice(1200))
          const second = yield* eventfold(args)
          const third = yield* eventfold(args)
          const recorded = yield* Stream.runCollect(store.readLog())
          return { answers: [jsonOf(first), jsonOf(second), jsonOf(third)], recorded }
        }).pipe(Effect.provideContext(context))
        assert.deepStrictEqual(exported.answers, [
          { file: out, events: 1200, first: 1, last: 1200, resumedAfter: null },
          { file: out, events: 1300, first: 1201, last: 2500, resumedAfter: 1200 },
          { file: out, events: 0, first: null, last: null, resumedAfter: 2500 }
        ])
        assert.strictEqual(yield* readText(out), exported.recorded.map((event) => `${encodeLine(event)}\n`).join(""))
      }).pipe(Effect.scoped, services)
    )

    it.effect("leaves files alone where there is no log to be read", () =>
      Effect.gen(function* () {
        const files = yield* FileSystem.FileSystem
        const url = yield* freshDatabase(yield* TestServer)
        const { dir, path, text } = yield* aFile(3)
        const replace = yield* eventfold(["export", "--store", url, "--out", path, "--overwrite", "--yes"])
        assert.strictEqual(replace.exitCode, exitCodes.store, replace.stderr)
        assert.strictEqual(yield* readText(path), text)
        const make = yield* eventfold(["export", "--store", url, "--out", `${dir}/new.jsonl`])
        assert.strictEqual(make.exitCode, exitCodes.store)
        assert.isFalse(yield* files.exists(`${dir}/new.jsonl`))
      }).pipe(Effect.scoped, services)
    )
  }
)
