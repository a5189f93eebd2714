/**
 * `eventfold validate`: what is not in order is found, each damage as what it is, and nothing else.
 */
import { assert, describe, it, layer } from "@effect/vitest"
import { NodeFileSystem } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { ConfigProvider, DateTime, Effect, Layer, Schema } from "effect"
import { Decider, Event, type RecordedEvent, StreamName } from "eventfold"
import { PostgresEventStore } from "eventfold/postgres"
import { EmbeddedEventStore } from "eventfold/postgres/embedded"
import { Catalog } from "eventfold/testing"
import { readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll } from "vitest"
import { AccountEvent } from "../../examples/bank/events.ts"
import { RepositoryEvent } from "../../examples/git-history/events.ts"
import { domainOf } from "../../src/cli/domain.ts"
import { encodeLine } from "../../src/cli/file/line.ts"
import { checkCatalog } from "../../src/cli/validate/catalog.ts"
import { type Found, gather, placeText, ruleNames, rules } from "../../src/cli/validate/findings.ts"
import { makeIds } from "../../src/cli/validate/ids.ts"
import { checkFile, lineProblem } from "../../src/cli/validate/log.ts"
import { makeOrder } from "../../src/cli/validate/order.ts"
import { nameProblem, wordsOf } from "../../src/cli/validate/names.ts"
import { makeEmbeddedFolder } from "../support/embeddedFolder.ts"
import { read } from "../support/project.ts"
import { clientOf, freshDatabase, TestServer } from "../support/server.ts"
import { exported, fileOf, folder, happen, recorded } from "./bankLog.ts"
import { eventfold, jsonOf, type Ran } from "./support.ts"

afterAll(() => rmSync(folder, { recursive: true, force: true }))

type Recorded = RecordedEvent.RecordedEvent

const seed = Number(process.env["VALIDATE_SEED"] ?? 20_261_122)

/** mulberry32 */
const randomFrom = (seed: number) => {
  let state = seed
  const next = () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
  const below = (n: number) => Math.floor(next() * n)
  const pick = <A>(all: ReadonlyArray<A>): A => {
    assert.isNotEmpty(all, "the log has no place for this damage")
    return all[below(all.length)]!
  }
  const uuid = () => {
    const hex = Array.from({ length: 32 }, () => below(16).toString(16)).join("")
    return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-")
  }
  return { below, pick, uuid }
}
type Random = ReturnType<typeof randomFrom>

const TabEvent = Event.define({
  TabOpened: Event.version({ table: Schema.Int }).next({ table: Schema.Int, guests: Schema.Int }, (v1) => ({
    ...v1,
    guests: 1
  })),
  DrinksOrdered: { lines: Schema.Array(Schema.Struct({ drink: Schema.String, amount: Schema.Int })) },
  TabPaid: {}
})

const tab = Decider.make({
  name: "tab",
  state: Schema.Int,
  initial: 0,
  commands: Schema.TaggedUnion({ Pay: {} }),
  events: TabEvent
})
  .evolve({
    TabOpened: () => 0,
    DrinksOrdered: (drinks, { lines }) => drinks + lines.length,
    TabPaid: (drinks) => drinks
  })
  .decide({ Pay: () => [{ _tag: "TabPaid" }] })

const KitchenEvent = Event.define({ MealServed: { meal: Schema.String } })

const restaurant = domainOf("./restaurant.ts", { tab, KitchenEvent })

/** A log in order: of some streams, in versions old and new, with causes that are there. */
const goodLog = (random: Random): ReadonlyArray<Recorded> => {
  const versions = new Map<string, number>()
  const events: Array<Recorded> = []
  let millis = 1_700_000_000_000
  for (let position = 1; position <= 60; position++) {
    millis += random.below(3) * 1000
    const isMeal = random.below(6) === 0
    const stream = StreamName.make(isMeal ? "kitchen" : "tab", String(random.below(5)))
    const version = (versions.get(stream) ?? 0) + 1
    versions.set(stream, version)
    const cause = random.below(4) === 0 && position > 1 ? random.pick(events.slice(0, 20)).id : undefined
    const [type, schemaVersion, data] = isMeal
      ? (["MealServed", 1, { meal: "soup \u{1F372}" }] as const)
      : version === 1
        ? random.pick([
            ["TabOpened", 1, { table: 3 }],
            ["TabOpened", 2, { table: 3, guests: 2 }]
          ] as const)
        : (["DrinksOrdered", 1, { lines: [{ drink: "tea", amount: random.below(9) }] }] as const)
    events.push({
      position,
      stream,
      version,
      id: random.uuid(),
      type,
      schemaVersion,
      recordedAt: DateTime.makeUnsafe(millis),
      data,
      tags: ["table"],
      metadata: { correlationId: random.uuid(), ...(cause !== undefined && { causationId: cause }) }
    })
  }
  return events
}

const found = Effect.fnUntraced(function* (lines: ReadonlyArray<string>, domain = true) {
  const findings: Array<Found> = []
  const file = fileOf("validated.jsonl", lines)
  const checked = yield* checkFile(
    file,
    {
      domain: domain ? restaurant : undefined,
      large: 10_000,
      report: (rule, place, message) => void findings.push({ rule, place, message })
    },
    () => Effect.void
  )
  return { checked, places: findings.map(({ place, rule }) => `${rule}:${place.line ?? ""}`), findings }
})

/** A damage: what becomes of the lines of a good log, and what is found then. */
type Damage = (
  random: Random,
  events: ReadonlyArray<Recorded>
) => { readonly lines: ReadonlyArray<string>; readonly places: ReadonlyArray<string>; readonly isBare?: boolean }

const changed = (events: ReadonlyArray<Recorded>, at: number, change: (event: Recorded) => Recorded) =>
  events.map((event, index) => (index === at ? change(event) : event)).map(encodeLine)

/** An event that no other one names as its cause. */
const leaf = (
  random: Random,
  events: ReadonlyArray<Recorded>,
  is: (event: Recorded) => boolean = () => true
): number => {
  const causes = new Set(events.map(({ metadata }) => metadata.causationId))
  return random.pick(events.flatMap((event, index) => (!causes.has(event.id) && is(event) ? [index] : [])))
}

const change =
  (
    rule: string,
    to: (event: Recorded, random: Random) => Recorded,
    is: (event: Recorded) => boolean = () => true,
    isBare = false
  ): Damage =>
  (random, events) => {
    const at = leaf(random, events, is)
    return { lines: changed(events, at, (event) => to(event, random)), places: [`${rule}:${at + 1}`], isBare }
  }

/** From an event on, the versions of its stream. */
const shifted = (events: ReadonlyArray<Recorded>, at: number, by: number) =>
  events
    .map((event, index) =>
      index >= at && event.stream === events[at]!.stream ? { ...event, version: event.version + by } : event
    )
    .map(encodeLine)

const damages: { readonly [name: string]: Damage } = {
  "broken JSON": (random, events) => {
    const at = leaf(random, events)
    const lines = events.map(encodeLine)
    return { lines: lines.with(at, lines[at]!.slice(0, 40 + random.below(20))), places: [`broken-line:${at + 1}`] }
  },
  "no JSON of an event": (random, events) => {
    const at = leaf(random, events)
    return {
      lines: events.map(encodeLine).with(at, random.pick(["1", "null", "{}", "[]"])),
      places: [`broken-line:${at + 1}`]
    }
  },
  "a line more that is no event": (random, events) => {
    const at = random.below(events.length)
    return { lines: events.map(encodeLine).toSpliced(at, 0, "# comment"), places: [`broken-line:${at + 1}`] }
  },
  "a name that no stream can have": (random, events) => {
    const { stream } = random.pick(events)
    const broken = stream.replace("-", "_")
    const lines = events.map((event) =>
      event.stream === stream
        ? encodeLine(event).replace(`"stream":"${stream}"`, `"stream":"${broken}"`)
        : encodeLine(event)
    )
    return {
      lines,
      places: events.flatMap((event, index) => (event.stream === stream ? [`stream-name:${index + 1}`] : []))
    }
  },
  "the id of another event": (random, events) => {
    const at = leaf(random, events, ({ position }) => position > 1)
    const other = random.pick(events.slice(0, at)).id
    return { lines: changed(events, at, (event) => ({ ...event, id: other })), places: [`duplicate-id:${at + 1}`] }
  },
  "an event that is there twice": (random, events) => {
    const at = random.below(events.length)
    const lines = events.map(encodeLine)
    return { lines: lines.toSpliced(at + random.below(3), 0, lines[at]!), places: [] }
  },
  "an id that is none": change("unstorable", (event) => ({ ...event, id: "42" })),
  "too many tags": change("unstorable", (event) => ({ ...event, tags: Array.from({ length: 101 }, String) })),
  "a number that is not kept": (random, events) => {
    const at = random.below(events.length)
    const lines = events.map(encodeLine)
    const line = lines[at]!.replace(`"metadata":{`, `"metadata":{"n":9007199254740993,`)
    return { lines: lines.with(at, line), places: [`inexact-number:${at + 1}`] }
  },
  "lines in another order": (random, events) => {
    const at = random.pick(
      events.slice(0, -1).flatMap((event, index) => {
        const next = events[index + 1]!
        return next.stream !== event.stream && next.metadata.causationId !== event.id ? [index] : []
      })
    )
    const lines = events.map(encodeLine)
    return { lines: lines.with(at, lines[at + 1]!).with(at + 1, lines[at]!), places: [`position-order:${at + 2}`] }
  },
  "a position twice": change(
    "position-order",
    (event) => ({ ...event, position: event.position - 1 }),
    ({ position }) => position > 1
  ),
  "positions that are not there": (random, events) => {
    const at = random.below(events.length)
    const lines = events.map((event, index) =>
      encodeLine(index < at ? event : { ...event, position: event.position + 3 })
    )
    return { lines, places: ["file-part:"] }
  },
  "a version twice": (random, events) => {
    const at = random.pick(events.flatMap(({ version }, index) => (version > 1 ? [index] : [])))
    return { lines: shifted(events, at, -1), places: [`version-order:${at + 1}`] }
  },
  "a version that is missing": (random, events) => {
    const at = random.pick(events.flatMap(({ version }, index) => (version > 1 ? [index] : [])))
    return { lines: shifted(events, at, 1 + random.below(3)), places: [`version-gap:${at + 1}`] }
  },
  "the end of a stream alone": (random, events) => {
    const at = random.pick(events.flatMap(({ version }, index) => (version === 1 ? [index] : [])))
    return { lines: shifted(events, at, 2), places: [`version-start:${at + 1}`] }
  },
  "a time that goes back": change(
    "time-order",
    (event) => ({ ...event, recordedAt: DateTime.subtract(event.recordedAt, { hours: 1 }) }),
    ({ position }) => position > 1
  ),
  "a type that the decider does not know": change(
    "unknown-type",
    (event) => ({ ...event, type: "PlateBroken" }),
    ({ stream }) => stream.startsWith("tab-")
  ),
  "a type that nothing knows": change(
    "foreign-type",
    (event) => ({ ...event, type: "PlateBroken" }),
    ({ stream }) => stream.startsWith("kitchen-")
  ),
  "an event from the future": change("unknown-version", (event) => ({ ...event, schemaVersion: 9 })),
  "data that does not fit": change(
    "undecodable",
    (event) => ({ ...event, data: { lines: [{ drink: "tea", amount: "two" }] } }),
    ({ type }) => type === "DrinksOrdered"
  ),
  "a required field that is not there": change(
    "undecodable",
    (event) => ({ ...event, data: {} }),
    ({ type }) => type === "MealServed"
  ),
  "a large event": change("size-large", (event) => ({
    ...event,
    metadata: { ...event.metadata, note: "é".repeat(5000) }
  })),
  "an event larger than stores take": change("size-limit", (event) => ({
    ...event,
    metadata: { ...event.metadata, note: "é".repeat(600_000) }
  })),
  "no correlation": change("correlation", ({ metadata, ...event }) => ({
    ...event,
    metadata: { ...(metadata.causationId !== undefined && { causationId: metadata.causationId }) }
  })),
  "a cause that is not there": change("causation", (event, random) => ({
    ...event,
    metadata: { ...event.metadata, causationId: random.uuid() }
  })),
  "its own cause": change("causation", (event) => ({
    ...event,
    metadata: { ...event.metadata, causationId: event.id }
  })),
  "a name in the imperative": change("name-tense", (event) => ({ ...event, type: "PlaceOrder" }), undefined, true),
  "a name of a table's row": change("name-crud", (event) => ({ ...event, type: "OrderUpdated" }), undefined, true)
}

const seeds = Array.from({ length: 8 }, (_, index) => seed + index)

layer(NodeFileSystem.layer)("a log", (it) => {
  it.effect("in order gives no finding", () =>
    Effect.gen(function* () {
      for (const one of seeds) {
        const lines = goodLog(randomFrom(one)).map(encodeLine)
        const { checked, findings } = yield* found(lines)
        assert.deepStrictEqual([one, findings], [one, []])
        assert.deepStrictEqual([checked.events, checked.defined], [60, 4])
        assert.deepStrictEqual((yield* found(lines, false)).findings, [])
      }
    })
  )

  it.effect.each(Object.keys(damages))("with %s gives just that finding", (name) =>
    Effect.gen(function* () {
      for (const one of seeds) {
        const random = randomFrom(one)
        const { isBare = false, lines, places } = damages[name]!(random, goodLog(random))
        const seen = yield* found(lines, !isBare)
        if (name === "an event that is there twice") {
          assert.deepStrictEqual([one, seen.findings.map(({ rule }) => rule)], [one, ["duplicate-id"]])
        } else assert.deepStrictEqual([one, seen.places], [one, places])
      }
    })
  )
})

describe("a name", () => {
  it("that says what happened is left alone, whatever it is written like", () => {
    const good = `
      OrderPlaced Deposited TransferSent CancellationRequested PaidInFull OrderShippedToCustomer order.placed order-placed order_placed
      com.acme.OrderPlaced.v2 HTTPRequestSent accountopened PriceSet PasswordReset Read Withdrawn GameWon SessionBegan LoanAgreed SeatFreed
      LeaseRun BestellungAufgegebenÄ 注文された Заказ`.match(/\S+/g)!
    assert.deepStrictEqual(
      good.filter((name) => nameProblem(name) !== undefined),
      []
    )
    assert.deepStrictEqual(
      AccountEvent.types.filter((name) => nameProblem(name) !== undefined),
      []
    )
  })

  it("that is a command, a thing or what was done to a row is told", () => {
    const tense = `
      PlaceOrder Order CreateUser SetPrice ResetPassword OrderProcessing Speed NewsFeed Proceed RedAlert`.match(/\S+/g)!
    assert.deepStrictEqual(
      tense.filter((name) => nameProblem(name) !== "name-tense"),
      []
    )
    const crud = ["OrderCreated", "order_updated", "UserDeleted", "RowInserted", "DraftSaved"]
    assert.deepStrictEqual(
      crud.filter((name) => nameProblem(name) !== "name-crud"),
      []
    )
    assert.strictEqual(nameProblem("SavedForLater"), undefined)
  })

  it("is split into words", () => {
    assert.deepStrictEqual(wordsOf("OrderHTTPSent2.by-Mail"), ["order", "http", "sent", "by", "mail"])
  })
})

describe("the order", () => {
  it("takes each broken line for one version that is missing, and no more", () => {
    const rules: Array<string> = []
    const order = makeOrder("file", (rule, { version }) => void rules.push(`${rule}:${version}`))
    const [event] = goodLog(randomFrom(seed))
    for (const [position, version] of [1, 3, 5, 8].entries()) {
      const seen = { ...event!, position: position + 1, version }
      order.see({
        event: seen,
        at: position + 1,
        place: () => ({ version }),
        mostBytes: 0,
        broken: position === 0 ? 0 : 1
      })
    }
    assert.deepStrictEqual(rules, ["version-gap:5", "version-gap:8"])
  })
})

describe("ids", () => {
  it("are known with where they were first, as a map knows them", () => {
    const random = randomFrom(seed)
    const ids = makeIds(2)
    const map = new Map<string, number>()
    // Some that differ in few bits, some that are no UUIDs, and some again.
    const near = random.uuid().slice(0, -4)
    const all = Array.from({ length: 4000 }, (_, index) => {
      const kind = random.below(4)
      if (kind === 0) return random.uuid()
      if (kind === 1) return near + index.toString(16).padStart(4, "0")
      return kind === 2 ? `id ${random.below(500)}` : near + random.below(4000).toString(16).padStart(4, "0")
    })
    for (const [index, id] of all.entries()) {
      assert.deepStrictEqual([seed, index, ids.find(id)], [seed, index, map.get(id)])
      assert.strictEqual(ids.add(id, index + 1), map.get(id))
      if (!map.has(id)) map.set(id, index + 1)
    }
    assert.deepStrictEqual(
      all.map((id) => ids.find(id)),
      all.map((id) => map.get(id))
    )
  })

  it("of nothing but zeros are ids too, and the case of a UUID does not matter", () => {
    const ids = makeIds()
    const nil = "00000000-0000-0000-0000-000000000000"
    assert.deepStrictEqual([ids.find(nil), ids.add(nil, 7), ids.find(nil)], [undefined, undefined, 7])
    const upper = "ABCDEF00-0000-0000-0000-000000000000"
    assert.deepStrictEqual([ids.add(upper, 8), ids.add(upper.toLowerCase(), 9)], [undefined, 8])
  })
})

describe("findings", () => {
  it("are counted all and kept up to a number, errors first", () => {
    const { groups, report } = gather({ most: 2, ignored: ["name-crud"] })
    for (let line = 1; line <= 5; line++) report("correlation", { file: "f", line }, "m")
    report("name-crud", {}, "m")
    report("undecodable", { position: 3, stream: "tab-1", version: 2 }, "m")
    assert.deepStrictEqual(
      groups().map(({ count, findings, rule }) => [rule, count, findings.map(({ place }) => placeText(place))]),
      [
        ["undecodable", 1, ["#3  tab-1@2"]],
        ["correlation", 5, ["f:1", "f:2"]]
      ]
    )
  })

  it("of a broken line say the column where that is known", () => {
    assert.match(lineProblem('{"a": 1,}', "m"), /^column 9: /)
    assert.match(lineProblem('{"a": ', "m"), /^column 7: Unexpected end/)
    assert.notInclude(lineProblem('{"a": nope}', "m"), "undefined")
    assert.strictEqual(lineProblem("{}", "Missing key\n  at [position]"), "Missing key at [position]")
  })
})

const rulesOf = (ran: Ran): unknown => (jsonOf(ran) as { readonly counts: { readonly rules: unknown } }).counts.rules

const bankDomain = ["--domain", "examples/bank/service.ts"]

describe("a file", () => {
  it.effect("of the bank passes, with and without its domain", () =>
    Effect.gen(function* () {
      const file = exported("good.jsonl", yield* recorded)
      const plain = yield* eventfold(["validate", "--store", file, "--strict"])
      assert.deepStrictEqual([plain.exitCode, plain.stderr], [0, ""])
      assert.strictEqual(plain.stdout, `${file}: 7 events of 6 types in 2 streams: nothing to complain of\n`)
      const ran = yield* eventfold(["validate", "--store", file, ...bankDomain, "--json"])
      assert.deepStrictEqual(jsonOf(ran), {
        checked: { events: 7, streams: 2, types: 6, defined: 6 },
        counts: { error: 0, warning: 0, info: 0, rules: {} },
        findings: []
      })
    })
  )

  it.effect("with broken lines is looked at to its end, and they are said by line and column", () =>
    Effect.gen(function* () {
      const lines = (yield* recorded).map(encodeLine)
      const broken = lines.with(2, lines[2]!.replace('"amount":100', '"amount":100,,')).with(3, "nonsense")
      const file = join(folder, "broken.jsonl")
      writeFileSync(file, `${broken.join("\n")}\n\n{"position":8`)
      const ran = yield* eventfold(["validate", "--store", file])
      assert.strictEqual(ran.exitCode, 1)
      assert.match(ran.stdout, /error: lines that are no event \(broken-line, 3\)\n {2}\S+broken.jsonl:3: column \d+: /)
      assert.match(ran.stdout, /broken.jsonl:9: the file is cut off here: column 14: /)
      assert.match(ran.stdout, /: 5 events of .* 3 errors\n$/)
    })
  )

  it.effect("that is not valid UTF-8, or empty, is one too", () =>
    Effect.gen(function* () {
      const [first] = (yield* recorded).map(encodeLine)
      const file = join(folder, "bytes.jsonl")
      writeFileSync(file, Buffer.concat([Buffer.from(`${first}\n`), Buffer.from([0x7b, 0xff, 0x7d, 0x0a])]))
      const ran = yield* eventfold(["validate", "--store", file, "--json"])
      assert.deepStrictEqual([ran.exitCode, rulesOf(ran)], [1, { "broken-line": 1 }])
      assert.strictEqual((yield* eventfold(["validate", "--store", fileOf("empty.jsonl", [])])).exitCode, 0)
    })
  )

  it.effect("gives up to so many findings of a rule, ignores rules, and is strict when it is told to be", () =>
    Effect.gen(function* () {
      const bare = (yield* recorded).map((event) => ({ ...event, metadata: {} }))
      const file = exported("bare.jsonl", bare)
      const validate = (...args: ReadonlyArray<string>) => eventfold(["validate", "--store", file, ...args])
      const plain = yield* validate("--most", "2")
      assert.strictEqual(plain.exitCode, 0)
      assert.include(plain.stdout, "warning: events without a correlation id (correlation, 7)\n")
      assert.include(plain.stdout, "  and 5 more\n  → ")
      assert.strictEqual((yield* validate("--strict")).exitCode, 1)
      assert.strictEqual((yield* validate("--strict", "--ignore", "correlation")).exitCode, 0)
      assert.strictEqual((yield* validate("--strict", "--ignore", "correlation", "--large", "10")).exitCode, 1)
      assert.strictEqual((yield* validate("--ignore", "nonsense")).exitCode, 2)
    })
  )

  it.effect("with text that steers terminals does not", () =>
    Effect.gen(function* () {
      const [opened, , deposited] = yield* recorded
      const file = exported("steer.jsonl", [
        { ...opened!, type: "\u001B[2J\u202Eevil" },
        { ...deposited!, type: "\u001B[2J\u202Eevil" }
      ])
      const { stdout } = yield* eventfold(["validate", "--store", file])
      // Of two events of a type it is said once.
      assert.include(stdout, "(name-tense, 1)")
      assert.notMatch(stdout, /[\p{Cf}]|\p{Cc}(?<!\n)/u)
    })
  )

  it.effect("that is not there is not found, and nothing at all is asked for", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* eventfold(["validate", "--store", join(folder, "nowhere")])).exitCode, 3)
      const nothing = yield* eventfold(["validate"])
      assert.deepStrictEqual([nothing.exitCode, nothing.stdout], [2, ""])
      assert.include(nothing.stderr, "--store")
    })
  )
})

describe("a domain", () => {
  it.effect("is validated alone, where no log is given", () =>
    Effect.gen(function* () {
      const shop = yield* eventfold(["validate", "--domain", "examples/shop/service.ts", "--strict"])
      assert.deepStrictEqual(
        [shop.exitCode, shop.stdout],
        [0, "examples/shop/service.ts: 21 types in the domain: nothing to complain of\n"]
      )
      const { exitCode, stderr } = yield* eventfold(["validate", "--catalog", "c.json", "--store", folder])
      assert.strictEqual(exitCode, 2)
      assert.include(stderr, "Give --domain")
    })
  )

  it.effect("is compared with its catalog, which is never written", () =>
    Effect.gen(function* () {
      const file = join(folder, "catalog.json")
      yield* Effect.provide(
        Catalog.check(RepositoryEvent, file),
        Layer.merge(NodeFileSystem.layer, ConfigProvider.layer(ConfigProvider.fromEnv({ env: {} })))
      )
      const published = readFileSync(file, "utf8")
      // Of several sets it is held against the one that it is of.
      const sets = domainOf("./m.ts", {
        KitchenEvent,
        added: Event.pick(RepositoryEvent, ["FileAdded"]),
        all: Event.union(RepositoryEvent, KitchenEvent),
        RepositoryEvent
      })
      const differences: Array<string> = []
      yield* checkCatalog(sets, file, (_, __, message) => void differences.push(message)).pipe(
        Effect.provide(NodeFileSystem.layer)
      )
      assert.deepStrictEqual(differences, [])
      const validate = (env: Readonly<Record<string, string>> = {}) =>
        eventfold(["validate", "--domain", "examples/git-history/events.ts", "--catalog", file, "--json"], { env })
      assert.deepStrictEqual(rulesOf(yield* validate()), {})

      const lock = JSON.parse(published)
      const [gone] = lock.types.splice(0, 1)
      lock.types.push({ ...gone, type: "FileLocked" })
      const other = JSON.stringify(lock)
      writeFileSync(file, other)
      const ran = yield* validate({ EVENTFOLD_ACCEPT: "catalog" })
      assert.deepStrictEqual([ran.exitCode, rulesOf(ran)], [1, { "catalog-broken": 1, "catalog-added": 1 }])
      assert.include(ran.stdout, "FileLocked: it is gone")
      assert.strictEqual(readFileSync(file, "utf8"), other)

      writeFileSync(file, "{}")
      const damaged = yield* validate()
      assert.strictEqual(damaged.exitCode, 6)
      rmSync(file)
      assert.strictEqual((yield* validate()).exitCode, 3)
    })
  )
})

describe("in a folder", () => {
  // To open one costs some seconds: once to fill it, and once for each command.
  it.live(
    "a whole store is validated, and a stream replayed as from a file",
    () =>
      Effect.gen(function* () {
        const dataDir = join(folder, "data")
        yield* Effect.promise(() => makeEmbeddedFolder(dataDir))
        yield* Effect.provide(happen, EmbeddedEventStore.layer({ dataDir }))
        const ran = yield* eventfold(["validate", "--store", dataDir, ...bankDomain, "--json"])
        assert.deepStrictEqual([ran.exitCode, rulesOf(ran)], [0, {}])
        assert.include(ran.stdout, '"events": 7')
        // The database keeps data with its keys in another order.
        const changesOf = (store: string) =>
          Effect.map(eventfold(["replay", "account-ada", ...bankDomain, "--store", store]), ({ stdout }) =>
            Array.from(stdout.matchAll(/^ +[~+=].*$/gm), ([line]) => line)
          )
        const changes = yield* changesOf(dataDir)
        assert.include(changes, "      ~ balance: 100 → 70")
        assert.deepStrictEqual(changes, yield* changesOf(exported("same.jsonl", yield* recorded)))
      }),
    120_000
  )
})

layer(TestServer.layer({ settings: { fsync: "off" } }), { excludeTestServices: true })("on a server", (it) => {
  it.effect("what hands have done to the tables is found", () =>
    Effect.gen(function* () {
      const url = yield* freshDatabase(yield* TestServer)
      const client = clientOf({ url })
      yield* Effect.provide(happen, Layer.provide(PostgresEventStore.layer(), client))
      const validate = eventfold(["validate", "--store", url, ...bankDomain, "--json"])
      assert.deepStrictEqual(rulesOf(yield* validate), {})
      yield* Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        yield* sql.withTransaction(
          Effect.gen(function* () {
            yield* sql`SET LOCAL session_replication_role = replica`
            yield* sql`DELETE FROM eventfold.events WHERE position = 5`
            yield* sql`UPDATE eventfold.events SET data = '{"amount": "30"}' WHERE position = 6`
            yield* sql`UPDATE eventfold.events SET recorded_at = recorded_at - interval '1 day' WHERE position = 7`
          })
        )
      }).pipe(Effect.provide(client))
      const ran = yield* validate
      assert.deepStrictEqual(
        [ran.exitCode, rulesOf(ran)],
        [1, { "position-gap": 1, "version-gap": 1, "time-order": 1, undecodable: 1 }]
      )
      assert.include(ran.stdout, "version 2 is missing")
      assert.include(ran.stdout, "position 5 is missing")
      assert.include(ran.stdout, "amount: ")
      const text = yield* eventfold(["validate", "--store", url])
      assert.include(text.stdout, "  #6  account-bob@3: version 2 is missing")
      assert.notInclude(text.stdout, "postgres://")
    })
  )
})

describe("the rules", () => {
  it("each have a damage here that shows it", () => {
    const source = readFileSync(new URL(import.meta.url), "utf8")
    assert.deepStrictEqual(
      ruleNames.filter((rule) => !source.includes(rule)),
      []
    )
  })

  it("are those of the documentation", () => {
    const rows = read("docs/cli.md").matchAll(/^\| `([a-z-]+)` +\| (error|warning|info) +\| (.+?) +\|$/gm)
    assert.deepStrictEqual(
      Array.from(rows, ([, rule, severity, about]) => [rule, severity, about]),
      ruleNames.map((rule) => [rule, rules[rule].severity, rules[rule].about])
    )
  })
})
