import { assert, layer } from "@effect/vitest"
import { Duration, Effect, Schema } from "effect"
import { EventStore, ProjectionStore, StreamName } from "eventfold"
import { TestServer } from "../support/server.ts"
import { onServer } from "./database.ts"
import { eventfold, jsonOf, type Ran } from "./support.ts"

const definition = (name: string, more: Partial<ProjectionStore.Definition> = {}): ProjectionStore.Definition => ({
  name,
  version: 1,
  mode: "async",
  partitions: 1,
  types: ["Put"],
  tables: {},
  ...more
})

/** What cannot be printed as it is. */
const hostile = "2 is \u001b[31mbroken\u0007"

/** Five events, and projections in every state that there is. */
const prepared = Effect.gen(function* () {
  const events = yield* EventStore.EventStore
  const store = yield* ProjectionStore.ProjectionStore
  const event = (n: number) => ({
    id: crypto.randomUUID(),
    type: "Put",
    schemaVersion: 1,
    data: { n },
    tags: [],
    metadata: {}
  })
  yield* events.append([{ stream: StreamName.make("box", "a"), expected: "any", events: [1, 2, 3, 4, 5].map(event) }])
  const claims = Effect.fnUntraced(function* (name: string, version: number, most = 10) {
    const lease = Duration.hours(1)
    const found = yield* store.claim({ name, version, owner: "somebody", lease, most })
    return found.toSorted((a, b) => a.partition - b.partition)
  })
  yield* store.register(definition("balances", { partitions: 2 }))
  const [first, second] = yield* claims("balances", 1)
  if (first === undefined || second === undefined) return yield* Effect.die("two partitions")
  const parked = store.park(first, { position: 2, lane: "box-a", problem: hostile })
  yield* store.commit(first, { to: 3, rate: 12.34 }, parked)
  yield* store.fail(second, { position: 1, problem: "1 is broken" })

  yield* store.register(definition("totals"))
  const [live] = yield* claims("totals", 1)
  if (live === undefined) return yield* Effect.die("one partition")
  yield* store.commit(live, { to: 4, rate: 1 }, Effect.void)
  yield* store.register(definition("totals", { version: 2 }))
  const [next] = yield* claims("totals", 2)
  if (next === undefined) return yield* Effect.die("one partition")
  const caughtUp = yield* store.commit(next, { to: 4, rate: 1 }, Effect.void)
  yield* store.takeOver(caughtUp, 10, () => Effect.void)
  yield* store.release([caughtUp])

  yield* store.register(definition("reaction:mails"))
  yield* store.register(definition("process:fulfilment"))
  yield* store.register(definition("copy:archive"))
  yield* store.register(definition("at-once", { mode: "inline" }))
  const [inline] = yield* claims("at-once", 1)
  if (inline === undefined) return yield* Effect.die("one partition")
  yield* store.takeOver(inline, 10, () => Effect.void)
})

const Generation = Schema.Struct({
  name: Schema.String,
  kind: Schema.String,
  version: Schema.Int,
  role: Schema.String,
  state: Schema.String,
  position: Schema.Int,
  lag: Schema.Int,
  parked: Schema.Int,
  owners: Schema.Array(Schema.String),
  partitions: Schema.Array(Schema.Struct({ failure: Schema.NullOr(Schema.Struct({ position: Schema.Int })) }))
})
const generationsOf = (ran: Ran) => Schema.decodeUnknownSync(Schema.Array(Generation))(jsonOf(ran))
const Changed = Schema.Struct({ changed: Schema.Boolean, generations: Schema.Array(Generation) })
const changedOf = (ran: Ran) => {
  assert.strictEqual(ran.exitCode, 0, ran.stderr)
  return Schema.decodeUnknownSync(Changed)(jsonOf(ran))
}

layer(TestServer.layer({ settings: { fsync: "off" } }), { excludeTestServices: true, timeout: 120_000 })(
  "eventfold projections",
  (it) => {
    it.effect("tells how all are doing", () =>
      Effect.gen(function* () {
        const { store, within } = yield* onServer
        yield* within(prepared)
        const run = (...args: ReadonlyArray<string>) => eventfold(["projections", ...args, "--store", store])
        const all = generationsOf(yield* run("list", "--json"))
        assert.deepStrictEqual(
          all.map(({ kind, lag, name, parked, position, role, state, version }) =>
            [name, kind, version, role, state, position, lag, parked].join(" ")
          ),
          [
            "at-once projection 1 live running 5 0 0",
            "balances projection 1 live failed 0 5 1",
            "copy:archive copy 1 live running 0 5 0",
            "process:fulfilment process 1 live running 0 5 0",
            "reaction:mails reaction 1 live running 0 5 0",
            "totals projection 1 retired running 4 1 0",
            "totals projection 2 live running 4 1 0"
          ]
        )
        const { stdout } = yield* run("list")
        const lines = stdout.split("\n")
        assert.match(lines.find((line) => line.startsWith("at-once")) ?? "", /live +running +1 +5 +0 +the appends$/)
        assert.match(
          lines.find((line) => line.startsWith("balances")) ?? "",
          /failed \(1 of 2\) +2 +0 +5 .* 12\/s +1 +somebody$/
        )
        assert.include(stdout, "balances, partition 1, has failed at position 1: 1 is broken")
        const shown = yield* run("show", "balances")
        assert.include(shown.stdout, "generation 1, version 1: live, async")
        assert.match(shown.stdout, /^ +0 +running +3 +2 .* somebody$/m)
        assert.match(shown.stdout, /^ +1 +failed +0 +5 .* nobody$/m)
      }).pipe(Effect.scoped)
    )

    it.effect("changes their course, and says where it was so already", () =>
      Effect.gen(function* () {
        const { store, within } = yield* onServer
        yield* within(prepared)
        const run = (...args: ReadonlyArray<string>) => eventfold(["projections", ...args, "--store", store, "--json"])
        const live = (ran: Ran) => changedOf(ran).generations.find(({ role }) => role === "live")
        assert.strictEqual(live(yield* run("pause", "totals"))?.state, "paused")
        assert.isFalse(changedOf(yield* run("pause", "totals")).changed)
        assert.strictEqual(live(yield* run("resume", "totals"))?.state, "running")
        assert.isFalse(changedOf(yield* run("resume", "totals")).changed)
        assert.deepStrictEqual(
          changedOf(yield* run("remove-retired", "totals", "--yes")).generations.map(({ version }) => version),
          [2]
        )
        assert.isFalse(changedOf(yield* run("remove-retired", "totals")).changed)
        assert.deepStrictEqual(
          changedOf(yield* run("rebuild", "totals")).generations.map(({ role }) => role),
          ["live", "filling"]
        )
        const again = yield* run("rebuild", "totals")
        assert.strictEqual(again.exitCode, 5)
        assert.include(again.stderr, "begin anew what fills already")
        assert.strictEqual(live(yield* run("reset", "totals", "--yes"))?.position, 0)
        const skipped = yield* run("skip", "balances", "--position", "1", "--reason", "a test", "--yes")
        assert.strictEqual(live(skipped)?.state, "running")
        const shown = yield* run("show", "balances")
        const Shown = Schema.Struct({
          skipped: Schema.Array(Schema.Struct({ position: Schema.Int, reason: Schema.String }))
        })
        assert.deepStrictEqual(Schema.decodeUnknownSync(Shown)(jsonOf(shown)).skipped, [
          { position: 1, reason: "a test" }
        ])
      }).pipe(Effect.scoped)
    )

    it.effect("destroys nothing without being told twice", () =>
      Effect.gen(function* () {
        const { store, within } = yield* onServer
        yield* within(prepared)
        const run = (...args: ReadonlyArray<string>) => eventfold(["projections", ...args, "--store", store])
        const before = yield* run("list", "--json")
        const why = ["--position", "1", "--reason", "x"]
        for (const args of [
          ["reset", "totals"],
          ["remove-retired", "totals"],
          ["skip", "balances", ...why],
          ["parked", "discard", "balances", "--position", "2", "--reason", "x"]
        ]) {
          const { exitCode, stderr, stdout } = yield* run(...args)
          assert.strictEqual(exitCode, 5, args.join(" "))
          assert.strictEqual(stdout, "")
          assert.include(stderr, "error: this will ")
          assert.include(stderr, "--yes")
        }
        assert.deepStrictEqual(generationsOf(yield* run("list", "--json")), generationsOf(before))
      }).pipe(Effect.scoped)
    )

    it.effect("asks somebody who is at a terminal", () =>
      Effect.gen(function* () {
        const { store, within } = yield* onServer
        yield* within(prepared)
        const run = (keys: ReadonlyArray<string>, ...args: ReadonlyArray<string>) =>
          eventfold(["projections", ...args, "--store", store], { keys })
        const no = yield* run(["n"], "reset", "totals")
        assert.deepStrictEqual(
          { exitCode: no.exitCode, stderr: no.stderr },
          { exitCode: 5, stderr: "error: nothing was done\n" }
        )
        assert.include(no.stdout, "This will empty the projection totals")
        assert.strictEqual((yield* run([], "reset", "totals")).exitCode, 130)
        const json = yield* run(["y"], "reset", "totals", "--json")
        assert.deepStrictEqual({ exitCode: json.exitCode, stdout: json.stdout }, { exitCode: 5, stdout: "" })
        const positions = Effect.map(run([], "list", "--json"), (ran) =>
          generationsOf(ran).flatMap(({ name, position }) => (name === "totals" ? [position] : []))
        )
        assert.deepStrictEqual(yield* positions, [4, 4])
        assert.strictEqual((yield* run(["y"], "reset", "totals")).exitCode, 0)
        assert.deepStrictEqual(yield* positions, [4, 0])
      }).pipe(Effect.scoped)
    )

    it.effect("refuses what does not apply, and says what there is in place of what is not there", () =>
      Effect.gen(function* () {
        const { store, within } = yield* onServer
        yield* within(prepared)
        const run = (...args: ReadonlyArray<string>) => eventfold(["projections", ...args, "--store", store])
        const position = ["--position", "3", "--reason", "x", "--yes"]
        const refused: ReadonlyArray<readonly [args: ReadonlyArray<string>, why: string]> = [
          [["skip", "balances", ...position], "It has failed at 1"],
          [["skip", "totals", ...position], "It has not failed at all"],
          [["pause", "at-once"], "kept by the appends themselves"],
          [["reset", "process:fulfilment", "--yes"], "it is a process"],
          [["rebuild", "reaction:mails"], "it is a reaction"],
          [["resume", "copy:archive"], "how far a copy has come"]
        ]
        for (const [args, why] of refused) {
          const { exitCode, stderr } = yield* run(...args)
          assert.strictEqual(exitCode, 5, `${args.join(" ")}: ${stderr}`)
          assert.include(stderr, why)
        }
        const changes = ["show", "pause", "resume", "rebuild", "reset", "remove-retired"]
        for (const args of [...changes.map((change) => [change]), ["parked", "list"], ["parked", "retry"]]) {
          const { exitCode, stderr } = yield* run(...args, "nobody")
          assert.strictEqual(exitCode, 3, stderr)
          assert.include(stderr, "there is no projection nobody")
          assert.include(stderr, "There are at-once, balances, ")
        }
        for (const args of [
          ["parked", "show", "balances", "--position", "3"],
          ["parked", "discard", "balances", ...position],
          ["parked", "retry", "balances", "--lane", "box-b"]
        ]) {
          assert.strictEqual((yield* run(...args)).exitCode, 3, args.join(" "))
        }
        for (const args of [
          ["skip", "balances", "--position", "1", "--yes"],
          ["skip", "balances", "--position", "1", "--reason", " ", "--yes"],
          ["skip", "balances", "--position", "0", "--reason", "x", "--yes"]
        ]) {
          assert.strictEqual((yield* run(...args)).exitCode, 2, args.join(" "))
        }
      }).pipe(Effect.scoped)
    )

    it.effect("looks after events that were set aside", () =>
      Effect.gen(function* () {
        const { store, within } = yield* onServer
        yield* within(prepared)
        const run = (...args: ReadonlyArray<string>) => eventfold(["projections", "parked", ...args, "--store", store])
        const Shown = Schema.Struct({
          parked: Schema.Array(Schema.Struct({ position: Schema.Int, lane: Schema.String, problem: Schema.String })),
          event: Schema.Struct({ stream: Schema.String, data: Schema.Json })
        })
        const at = ["--position", "2"]
        const { event, parked } = Schema.decodeUnknownSync(Shown)(
          jsonOf(yield* run("show", "balances", ...at, "--json"))
        )
        assert.deepStrictEqual(parked, [{ position: 2, lane: "box-a", problem: hostile }])
        assert.deepStrictEqual(event, { stream: "box-a", data: { n: 2 } })
        assert.notInclude((yield* run("show", "balances", ...at)).stdout, "\u001b")
        assert.include((yield* run("retry", "balances", "--lane", "box-a")).stdout, "tries 1 parked event again")
        assert.include((yield* run("retry", "totals")).stdout, "no event is parked")
        const discarded = yield* run("discard", "balances", ...at, "--reason", "a test", "--yes")
        assert.strictEqual(discarded.exitCode, 0, discarded.stderr)
        assert.include((yield* run("list", "balances")).stdout, "no event is parked")
      }).pipe(Effect.scoped)
    )

    it.effect("needs a database that was migrated", () =>
      Effect.gen(function* () {
        const { store } = yield* onServer
        const { exitCode, stderr } = yield* eventfold(["projections", "list", "--store", store])
        assert.strictEqual(exitCode, 4)
        assert.include(stderr, "eventfold migrate")
        const file = yield* eventfold(["projections", "list", "--store", import.meta.filename])
        assert.strictEqual(file.exitCode, 2)
        assert.include(file.stderr, "needs a database")
      }).pipe(Effect.scoped)
    )
  }
)
