/**
 * `eventfold replay`: what a stream has come through, from a file and on a server. In a folder it is replayed in validate.test.ts.
 */
import { assert, describe, it, layer } from "@effect/vitest"
import { DateTime, Effect, Layer, Option, Result, Schema, Stream } from "effect"
import { Aggregate, Decider, Event, type RecordedEvent, StreamName, View } from "eventfold"
import { PostgresEventStore } from "eventfold/postgres"
import { rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll } from "vitest"
import { account } from "../../examples/bank/account.ts"
import { Accounts } from "../../examples/bank/service.ts"
import { deciderFor, domainOf } from "../../src/cli/domain.ts"
import { ofDecider, ofView } from "../../src/cli/replay/folding.ts"
import { press, type Stepper } from "../../src/cli/replay/stepper.ts"
import * as text from "../../src/cli/replay/text.ts"
import { trail } from "../../src/cli/replay/trail.ts"
import { clientOf, freshDatabase, TestServer } from "../support/server.ts"
import { exported, fileOf, folder, happen, recorded } from "./bankLog.ts"
import { eventfold, jsonOf, linesOf, type Surroundings } from "./support.ts"

afterAll(() => rmSync(folder, { recursive: true, force: true }))

const domain = ["--domain", "examples/bank/service.ts"]

const bank = Effect.runSync(Effect.cached(Effect.map(recorded, (events) => exported("bank.jsonl", events))))

const replay = (args: ReadonlyArray<string>, options?: Surroundings) =>
  Effect.flatMap(bank, (file) => eventfold(["replay", ...args, ...domain, "--store", file], options))

/** The start of a day in January. */
const at = (day: number) => DateTime.makeUnsafe(`2026-01-0${day}T00:00:00Z`)

const field = (name: string) => (value: unknown) => (value as Record<string, unknown>)[name]

describe("the steps of a stream", () => {
  it.effect("are each event, what it changed, and the state after it", () =>
    Effect.gen(function* () {
      const { exitCode, stderr, stdout } = yield* replay(["account-ada"])
      const shown = stdout.replaceAll(/\d{4}-\d\d-\d\d \S+Z/g, "TIME").split("\n")
      assert.deepStrictEqual(shown, [
        "   1  TIME  AccountOpened  #1",
        '      {"owner":"Ada"}',
        '      ~ _tag: "NotOpen" → "Open"',
        '      + owner: "Ada"',
        "      + balance: 0",
        '      = {"_tag":"Open","owner":"Ada","balance":0}',
        "   2  TIME  Deposited  #3",
        '      {"amount":100}',
        "      ~ balance: 0 → 100",
        '      = {"_tag":"Open","owner":"Ada","balance":100}',
        "   3  TIME  TransferSent  #4",
        '      {"transferId":"t1","to":"bob","amount":30}',
        "      ~ balance: 100 → 70",
        '      = {"_tag":"Open","owner":"Ada","balance":70}',
        ""
      ])
      assert.deepStrictEqual([exitCode, stderr], [0, ""])
    })
  )

  it.effect("are printed from one version to another, as JSON lines", () =>
    Effect.gen(function* () {
      const ran = yield* replay(["account-bob", "--from", "2", "--to", "3", "--json"])
      assert.deepStrictEqual(linesOf(ran).map(field("version")), [2, 3])
      assert.deepStrictEqual(linesOf(ran).map(field("state")), [
        { _tag: "Open", owner: "Bob", balance: 30 },
        { _tag: "Open", owner: "Bob", balance: 0 }
      ])
      assert.deepStrictEqual(field("patch")(linesOf(ran)[0]), [
        { _tag: "Changed", path: "balance", before: 0, after: 30 }
      ])
      const none = yield* replay(["account-bob", "--from", "9"])
      assert.deepStrictEqual([none.exitCode, none.stdout], [3, ""])
      assert.include(none.stderr, "Its last version is 4")
    })
  )

  it.effect("are those of a view, where one is asked for", () =>
    Effect.gen(function* () {
      const file = yield* bank
      const models = ["--domain", "examples/bank/read-models.ts"]
      const args = ["replay", "account-bob", "--view", "account-overview", "--store", file, ...models, "--json"]
      const steps = linesOf(yield* eventfold(args))
      assert.deepStrictEqual(steps.map(field("state")).at(-1), {
        bob: { owner: "Bob", status: "closed", balance: 0, transfers: 1 }
      })
      assert.deepStrictEqual(steps.length, 4)
      const unknown = yield* eventfold(["replay", "account-bob", "--view", "nope", "--store", file, ...models])
      assert.strictEqual(unknown.exitCode, 6)
      assert.include(
        unknown.stderr,
        "It exports accountOverview (account-overview), monthlyStatements (monthly-statements)"
      )
    })
  )

  it.effect("come one by one: the second event is not read before the first step is taken", () =>
    Effect.gen(function* () {
      const events = (yield* recorded).filter(({ stream }) => stream === "account-ada")
      let read = 0
      const counted = Stream.tap(Stream.rechunk(Stream.fromIterable(events), 1), () => Effect.sync(() => void read++))
      const [step] = yield* Stream.runCollect(Stream.take(trail(ofDecider(account), counted, 1), 1))
      assert.deepStrictEqual([step?.recorded.version, read], [1, 1])
    })
  )

  it.effect("say what an event of an older version is read as", () =>
    Effect.gen(function* () {
      const [opened] = yield* recorded
      const events = Event.define({
        AccountOpened: Event.version({ owner: Schema.String }).next(
          { owner: Schema.String, currency: Schema.String },
          (v1) => ({ ...v1, currency: "EUR" })
        )
      })
      const currency = View.make({ name: "currency", events, model: Schema.String, initial: "" }).evolve({
        AccountOpened: (_, { currency }) => currency
      })
      const [step] = yield* Stream.runCollect(trail(ofView(currency), Stream.make(opened!), 1))
      assert.deepStrictEqual(
        step?.readAs?.map(({ data, type }) => [type, data]),
        [["AccountOpened", { owner: "Ada", currency: "EUR" }]]
      )
      assert.strictEqual(step?.state, "EUR")
    })
  )

  it.effect("cannot be had of a stream that is not all there", () =>
    Effect.gen(function* () {
      const events = yield* recorded
      const file = exported(
        "gap.jsonl",
        events.filter(({ position }) => position !== 5)
      )
      const { exitCode, stderr } = yield* eventfold(["replay", "account-bob", ...domain, "--store", file])
      assert.strictEqual(exitCode, 6)
      assert.include(stderr, "stream account-bob is not all there: after version 1 comes version 3")
    })
  )

  it.effect("do not steer the terminal, whatever is in the events", () =>
    Effect.gen(function* () {
      const [opened] = yield* recorded
      const owners = View.make({
        name: "owners",
        events: Event.define({ AccountOpened: { owner: Schema.String } }),
        model: Schema.String,
        initial: ""
      })
      const view = owners.evolve({ AccountOpened: (_, { owner }) => owner })
      const hostile = { ...opened!, data: { owner: "A\u009B2J\u202Eb\u001B[2J" } }
      const [step] = yield* Stream.runCollect(trail(ofView(view), Stream.make(hostile), 1))
      assert.notMatch(text.step(step!) + text.full(step!.state), /[\p{Cf}]|\p{Cc}(?<!\n)/u)
      assert.match(text.step(step!), /9b}?2J/)
    })
  )
})

describe("the state at a point", () => {
  it.effect("is that at a version, at an instant, or the last one before a version that is not reached", () =>
    Effect.gen(function* () {
      const events = yield* recorded
      const times = events.map((event, index) => ({ ...event, recordedAt: at(index + 1) }))
      const file = exported("times.jsonl", times)
      const stateAt = (...args: ReadonlyArray<string>) =>
        Effect.map(eventfold(["replay", "account-bob", ...domain, "--store", file, "--json", ...args]), jsonOf)
      assert.deepStrictEqual(yield* stateAt("--at-version", "2"), {
        stream: "account-bob",
        version: 2,
        position: 5,
        recordedAt: "2026-01-05T00:00:00.000Z",
        state: { _tag: "Open", owner: "Bob", balance: 30 }
      })
      assert.deepStrictEqual(yield* stateAt("--until", "2026-01-06"), {
        stream: "account-bob",
        version: 3,
        position: 6,
        recordedAt: "2026-01-06T00:00:00.000Z",
        state: { _tag: "Open", owner: "Bob", balance: 0 }
      })
      assert.deepStrictEqual(yield* stateAt("--at-version", "0"), {
        stream: "account-bob",
        version: 0,
        position: 0,
        recordedAt: null,
        state: { _tag: "NotOpen" }
      })
      assert.deepStrictEqual(field("version")(yield* stateAt("--at-version", "99")), 4)
      const { stdout } = yield* eventfold(["replay", "account-bob", ...domain, "--store", file, "--at-version", "99"])
      assert.include(stdout, "account-bob at version 4, 2026-01-07 00:00:00.000Z, #7: its last one\n{")
    })
  )
})

describe("a comparison", () => {
  it.effect("is the events between two points, and what makes the one state of the other", () =>
    Effect.gen(function* () {
      const ran = yield* replay(["account-bob", "--compare", "1", "3", "--json"])
      const { events, from, patch, to } = jsonOf(ran) as Record<string, unknown>
      assert.deepStrictEqual(
        [from, to],
        [
          { version: 1, position: 2 },
          { version: 3, position: 6 }
        ]
      )
      assert.deepStrictEqual((events as ReadonlyArray<unknown>).map(field("type")), ["TransferReceived", "Withdrawn"])
      assert.deepStrictEqual(patch, [])
      const open = yield* replay(["account-bob", "--compare", "3"])
      assert.include(open.stdout, "account-bob from version 3 to version 4: 1 event\n")
      assert.include(open.stdout, '~ _tag: "Open" → "Closed"')
    })
  )

  it.effect("is between points that can be read", () =>
    Effect.gen(function* () {
      for (const points of ["a b", "-1 2", "1 x", "2026-13-40 2"]) {
        const { exitCode, stderr } = yield* replay([
          "account-bob",
          `--compare=${points.split(" ")[0]}`,
          points.split(" ")[1]!
        ])
        assert.deepStrictEqual([points, exitCode], [points, 2])
        assert.include(stderr, "Write two points as --compare 3 7")
      }
    })
  )
})

describe("what if", () => {
  it.effect("tells what would come of commands, one after the other, from a point on", () =>
    Effect.gen(function* () {
      const commands = [
        { _tag: "Withdraw", amount: 500 },
        { _tag: "Deposit", amount: 5 }
      ]
      const file = fileOf("commands.json", [JSON.stringify(commands)])
      const ran = yield* replay(["account-ada", "--what-if", file, "--at-version", "2", "--json"])
      assert.deepStrictEqual(jsonOf(ran), {
        stream: "account-ada",
        from: 2,
        steps: [
          {
            command: commands[0],
            rejection: { _tag: "InsufficientFunds", balance: 100, requested: 500 },
            version: 2,
            patch: [],
            state: { _tag: "Open", owner: "Ada", balance: 100 }
          },
          {
            command: commands[1],
            events: [{ type: "Deposited", data: { amount: 5 } }],
            version: 3,
            patch: [{ _tag: "Changed", path: "balance", before: 100, after: 105 }],
            state: { _tag: "Open", owner: "Ada", balance: 105 }
          }
        ]
      })
      const { stdout } = yield* replay(["account-ada", "--what-if", file])
      assert.include(stdout, '✗ rejected: {"_tag":"InsufficientFunds","balance":70,"requested":500}')
      assert.include(stdout, '→ Deposited {"amount":5}\n      ~ balance: 70 → 75\n      = version 4')
    })
  )

  it.effect("takes one command too, and says what is wrong with one", () =>
    Effect.gen(function* () {
      const of = (name: string, text: string) => replay(["account-ada", "--what-if", fileOf(name, [text])])
      assert.strictEqual((yield* of("one.json", '{"_tag":"Close"}')).exitCode, 0)
      const problems = [
        ['{"_tag":"Deposit","amount":"5"}', "command 1: amount: "],
        ['[{"_tag":"Close"},{"_tag":"Deposit","amount":0}]', "command 2: amount: "],
        ['{"_tag":"Explode"}', "knows Open, Deposit, Withdraw"],
        ["[]", "there is no command"],
        ["{", "it is not JSON"]
      ] as const
      for (const [text, problem] of problems) {
        const { exitCode, stderr } = yield* of("wrong.json", text)
        assert.deepStrictEqual([text, exitCode], [text, 2])
        assert.include(stderr, problem)
      }
      assert.strictEqual((yield* replay(["account-ada", "--what-if", "nowhere.json"])).exitCode, 3)
      // What would be first in a stream.
      const first = yield* replay(["account-new", "--what-if", fileOf("first.json", ['{"_tag":"Open","owner":"Eve"}'])])
      assert.include(first.stdout, '→ AccountOpened {"owner":"Eve"}')
      const piped = (stdin: string) => replay(["account-ada", "--what-if", "-"], { stdin })
      assert.include((yield* piped('{"_tag":"Deposit","amount":5}')).stdout, '→ Deposited {"amount":5}')
      assert.include((yield* piped("{")).stderr, "error: the standard input: it is not JSON: ")
    })
  )
})

describe("what cannot be replayed", () => {
  const refused = (
    args: ReadonlyArray<string>,
    exitCode: number,
    problem: string,
    module = "examples/bank/service.ts"
  ) =>
    Effect.gen(function* () {
      const file = yield* bank
      const ran = yield* eventfold(["replay", ...args, "--store", file, "--domain", module])
      assert.include(ran.stderr, problem)
      assert.deepStrictEqual([ran.exitCode, ran.stdout], [exitCode, ""])
    })

  it.effect("is told, with what to do", () =>
    Effect.gen(function* () {
      yield* refused(["account-nobody"], 3, "stream account-nobody has no events")
      yield* refused(["account"], 2, "no hyphen")
      yield* refused(["order-1"], 3, "has no events")
      yield* refused(["account-ada", "--step"], 2, "--step needs a terminal")
      const both = yield* replay(["account-ada", "--step", "--json"], { keys: ["q"] })
      assert.deepStrictEqual([both.exitCode, both.stdout], [2, ""])
      yield* refused(["account-ada", "--until", "2026-01-01", "--at-version", "1"], 2, "Give one of them")
      yield* refused(
        ["account-ada", "--compare", "1", "2", "--from", "1"],
        2,
        "--compare and --from do not go together"
      )
      yield* refused(["account-ada", "--at-version", "1", "--to", "2"], 2, "do not go together")
      yield* refused(["account-ada", "--view", "v", "--compare", "1", "2"], 2, "Leave out --view")
      yield* refused(["account-ada", "--decider", "nope"], 6, "Say which one with --decider: Accounts (of account)")
    })
  )

  it.effect("is told of modules too", () =>
    Effect.gen(function* () {
      const module = (name: string, text: string) => {
        const path = join(folder, name)
        writeFileSync(path, text)
        return path
      }
      yield* refused(["account-ada"], 6, "there is no module ./nowhere.ts", "./nowhere.ts")
      yield* refused(
        ["account-ada"],
        6,
        "thrown on the way",
        module("throws.mjs", 'throw new Error("thrown on the way")')
      )
      yield* refused(["account-ada"], 6, "cannot be loaded", module("syntax.mjs", "export const ="))
      yield* refused(["account-ada"], 6, "Install what it imports", module("missing.mjs", 'import "not-installed"'))
      yield* refused(
        ["account-ada"],
        6,
        "it exports answer, default",
        module("nothing.mjs", "export const answer = 42; export default {}")
      )
      yield* refused(["account-ada"], 6, "exports no decider", "examples/bank/events.ts")
      yield* refused(["account-ada"], 6, "no decider for the category account", "examples/shop/service.ts")
    })
  )
})

const counter = (name: string, evolve: (count: number) => number) =>
  Decider.make({
    name,
    state: Schema.Int,
    initial: 0,
    commands: Schema.TaggedUnion({ Increment: {} }),
    events: Event.define({ Incremented: {} })
  })
    .evolve({ Incremented: evolve })
    .decide({ Increment: () => [{ _tag: "Incremented" }] })

describe("a domain", () => {
  it("is found among what a module exports, one level deep, each thing once", () => {
    const clicks = counter("clicks", (count) => count + 1)
    const found = domainOf("./m.ts", {
      Accounts,
      account,
      default: {
        clicks,
        again: clicks,
        get lazy(): never {
          throw new Error("it must not be asked for")
        }
      },
      number: 1,
      nested: { deeper: { clicks: counter("deep", (count) => count) } }
    })
    assert.deepStrictEqual(
      found.deciders.map(({ category, name }) => [name, category]),
      [
        ["Accounts", "account"],
        ["default.clicks", "clicks"]
      ]
    )
    assert.deepStrictEqual(
      found.events.map(({ name }) => name),
      ["Accounts.events", "default.clicks.events"]
    )
  })

  it("has the category that a service gives to its decider, and no other", () => {
    class Konten extends Aggregate.Service<Konten>()("test/Konten", { decider: account, category: "konto" }) {}
    const { deciders } = domainOf("./m.ts", { account, Konten })
    assert.deepStrictEqual(
      deciders.map(({ category, name }) => [name, category]),
      [["Konten", "konto"]]
    )
  })

  it("with several deciders for a category asks which one", () => {
    const found = domainOf("./m.ts", {
      one: counter("clicks", (count) => count + 1),
      two: counter("clicks", (count) => count)
    })
    const none = deciderFor(found, "clicks", Option.none())
    assert.isTrue(Result.isFailure(none))
    assert.deepStrictEqual(Result.isFailure(none) && [none.failure.kind, none.failure.advice], [
      "domain",
      "Say which one with --decider: one (of clicks), two (of clicks)"
    ])
    const two = deciderFor(found, "clicks", Option.some("two"))
    assert.isTrue(Result.isSuccess(two) && two.success.value === found.deciders[1]?.value)
  })

  it.effect("that throws while it folds is to blame itself", () =>
    Effect.gen(function* () {
      const [first] = yield* recorded
      const event: RecordedEvent.RecordedEvent = {
        ...first!,
        stream: StreamName.make("clicks", "1"),
        type: "Incremented",
        data: {}
      }
      const broken = counter("clicks", () => {
        throw new Error("cannot count")
      })
      const failure = yield* Effect.flip(Stream.runDrain(trail(ofDecider(broken), Stream.make(event), 1)))
      assert.strictEqual(failure._tag, "CliFailure")
      assert.include(
        failure.message,
        "evolve of Incremented failed on stream clicks-1 at version 1: Error: cannot count"
      )
    })
  )
})

describe("stepping", () => {
  const key = (name: string) => ({ name, input: name.length === 1 ? name : "", ctrl: false })
  const typed = (from: Stepper, ...names: ReadonlyArray<string>): Stepper | undefined =>
    names.reduce<Stepper | undefined>((stepper, name) => stepper && press(stepper, key(name)), from)

  it("goes on and back, to the ends and to a number, and never out of the stream", () => {
    const at: Stepper = { version: 3, last: 12, typed: "" }
    const version = (...names: ReadonlyArray<string>) => typed(at, ...names)?.version
    assert.deepStrictEqual(
      [version("right"), version("n"), version("left"), version("p"), version("home"), version("end")],
      [4, 4, 2, 2, 0, 12]
    )
    assert.deepStrictEqual([version("1", "1", "return"), version("9", "9", "return"), version("return")], [11, 12, 4])
    assert.deepStrictEqual([version("1", "backspace", "7", "return"), version("1", "left")], [7, 2])
    assert.deepStrictEqual([version("pageup"), version("pagedown"), version("pagedown", "right")], [0, 12, 12])
    assert.deepStrictEqual([version("x"), version("toString")], [3, 3])
    assert.deepStrictEqual([version("q"), version("1", "escape")], [undefined, undefined])
    assert.strictEqual(press(at, { name: "c", input: "", ctrl: true }), undefined)
  })

  it.effect("shows each version on the terminal, and leaves it as it was", () =>
    Effect.gen(function* () {
      const { exitCode, stdout } = yield* replay(["account-ada", "--step"], {
        keys: ["right", "3", "return", "left", "q"]
      })
      assert.strictEqual(exitCode, 0)
      const screens = stdout.split("\u001B[2J\u001B[H").slice(1)
      assert.deepStrictEqual(
        screens.map((screen) => /version (\d+) of 3/.exec(screen)?.[1]),
        ["1", "2", "2", "3", "2"]
      )
      assert.include(screens[1], "~ balance: 0 → 100")
      assert.include(screens[2], "go to version 3")
      assert.include(screens[4], '"balance": 100')
      assert.isTrue(stdout.startsWith("\u001B[?1049h") && stdout.endsWith("\u001B[?1049l"))
    })
  )

  it.effect("sees the same after a jump back as on the way, also in a long stream", () =>
    Effect.gen(function* () {
      const [opened, , deposited] = yield* recorded
      const many = Array.from({ length: 450 }, (_, index) =>
        index === 0 ? opened! : { ...deposited!, position: index + 1, version: index + 1 }
      )
      const file = exported("long.jsonl", many)
      const keys = ["end", "4", "0", "1", "return", "3", "return", "home"]
      const { stdout } = yield* eventfold(["replay", "account-ada", ...domain, "--store", file, "--step"], { keys })
      const balances = stdout.split("\u001B[2J\u001B[H").map((screen) => /"balance": (\d+)/.exec(screen)?.[1])
      assert.deepStrictEqual(balances.slice(1), [
        "0",
        "44900",
        "44900",
        "44900",
        "44900",
        "40000",
        "40000",
        "200",
        undefined
      ])
    })
  )
})

layer(TestServer.layer({ settings: { fsync: "off" } }), { excludeTestServices: true })("on a server", (it) => {
  it.effect("a stream is replayed as from a file, and what is supposed is not stored", () =>
    Effect.gen(function* () {
      const url = yield* freshDatabase(yield* TestServer)
      yield* Effect.provide(happen, Layer.provide(PostgresEventStore.layer(), clientOf({ url })))
      const args = ["replay", "account-bob", ...domain, "--store", url]
      const states = linesOf(yield* eventfold([...args, "--json"])).map(field("state"))
      assert.deepStrictEqual(states, linesOf(yield* replay(["account-bob", "--json"])).map(field("state")))
      const { stdout } = yield* eventfold([...args, "--compare", "1", "2"])
      assert.include(stdout, "~ balance: 0 → 30")
      const commands = fileOf("open.json", ['{"_tag":"Open","owner":"Cleo"}', ""])
      const supposed = yield* eventfold([...args, "--what-if", commands, "--at-version", "0"])
      assert.include(supposed.stdout, '→ AccountOpened {"owner":"Cleo"}')
      assert.lengthOf(linesOf(yield* eventfold([...args, "--json"])), 4)
    })
  )
})
