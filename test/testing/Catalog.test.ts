import { NodeFileSystem } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, ConfigProvider, Effect, FileSystem, Layer, Result, Schema, SchemaGetter } from "effect"
import { Event } from "eventfold"
import { Catalog } from "eventfold/testing"
import { isWider } from "../../src/testing/internal/catalogWider.ts"

const environment = (env: Record<string, string>) => ConfigProvider.layer(ConfigProvider.fromUnknown(env))

/** At a desk, in CI, and with what accepts. */
const desk = environment({})
const ci = environment({ CI: "true" })
const accepting = environment({ EVENTFOLD_ACCEPT: "catalog" })

const inFolder = Effect.flatMap(FileSystem.FileSystem, (files) =>
  Effect.map(files.makeTempDirectoryScoped(), (folder) => `${folder}/events.json`)
)
const read = (file: string) => Effect.flatMap(FileSystem.FileSystem, (files) => files.readFileString(file))
const write = (file: string, text: string) =>
  Effect.flatMap(FileSystem.FileSystem, (files) => files.writeFileString(file, text))

const check = <E extends Event.Tagged>(definitions: Event.Definitions<E>, file: string, env = desk) =>
  Effect.provide(Catalog.check(definitions, file), env)

/** The failure of a check, which must be one of the catalog. */
const failureOf = <E extends Event.Tagged>(definitions: Event.Definitions<E>, file: string, env = desk) =>
  Effect.map(Effect.flip(check(definitions, file, env)), (error) => {
    assert.instanceOf(error, Catalog.CatalogFailure)
    return error
  })

/** A test in a folder of its own, on real files. */
const checked = (name: string, test: (file: string) => Effect.Effect<unknown, unknown, FileSystem.FileSystem>) =>
  it.effect(name, () =>
    Effect.flatMap(inFolder, test).pipe(Effect.scoped, Effect.provide(Layer.fresh(NodeFileSystem.layer)))
  )

const fields = {
  owner: Schema.String,
  kind: Schema.Literals(["private", "business"]),
  note: Schema.optionalKey(Schema.String),
  by: Schema.Union([Schema.TaggedStruct("Card", { last4: Schema.String }), Schema.TaggedStruct("Cash", {})])
}

const Account = Event.define({
  Opened: Event.version({ owner: Schema.String }).next(fields, ({ owner }) => ({
    owner,
    kind: "private" as const,
    by: { _tag: "Cash" as const }
  })),
  Paid: { cents: Schema.Int, at: Schema.Date }
})
  .renamed({ Paid: "Payed" })
  .retired("Fined", { cents: Schema.Int }, ({ cents }) => [{ _tag: "Paid", cents, at: new Date(0) }])
  .ignoring(["Noise"])

describe("Event.catalog", () => {
  it("has every name that may be stored, what it is read as, and whether it is written", () => {
    const { types, ignored } = Event.catalog(Account)
    assert.deepStrictEqual(
      types.map(({ type, readAs, written, versions }) => [type, readAs, written, versions.length]),
      [
        ["Fined", null, false, 1],
        ["Opened", "Opened", true, 2],
        ["Paid", "Paid", true, 1],
        ["Payed", "Paid", false, 1]
      ]
    )
    assert.deepStrictEqual(ignored, ["Noise"])
  })

  it("is JSON, with the schema of what is written and no more", () => {
    const catalog = Event.catalog(Account)
    assert.deepStrictEqual(JSON.parse(JSON.stringify(catalog)), catalog)
    assert.deepStrictEqual(catalog.types[2]?.versions[0]?.schema, {
      type: "object",
      properties: {
        cents: { type: "integer", minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER },
        at: { type: "string" }
      },
      required: ["cents", "at"],
      additionalProperties: false
    })
    assert.deepStrictEqual(catalog.types[2]?.versions[0]?.checks, ["at: Date"])
  })

  const fingerprint = (of: Event.Fields) => Event.catalog(Event.define({ One: of })).types[0]?.versions[0]?.fingerprint

  class Address extends Schema.Class<Address>("Address")({ street: Schema.String }) {}
  class Place extends Schema.Class<Place>("Place")({ street: Schema.String }) {}
  interface Tree {
    readonly children: ReadonlyArray<Tree>
  }
  const tree = (identifier: string): Schema.Codec<Tree> => {
    const one: Schema.Codec<Tree> = Schema.Struct({
      children: Schema.Array(Schema.suspend((): Schema.Codec<Tree> => one))
    }).annotate({ identifier })
    return one
  }

  it("gives the same fingerprint whatever the titles, the order of fields, and the names of classes", () => {
    assert.strictEqual(
      fingerprint({ a: Schema.String, b: Schema.Int }),
      fingerprint({ b: Schema.Int.annotate({ description: "how many" }), a: Schema.String.annotate({ title: "A" }) })
    )
    assert.strictEqual(fingerprint({ at: Address }), fingerprint({ at: Place }))
    assert.strictEqual(fingerprint({ of: tree("Tree") }), fingerprint({ of: tree("Wood") }))
  })

  it("gives another fingerprint to whatever is stored otherwise", () => {
    const all = [
      {},
      { a: Schema.String },
      { b: Schema.String },
      { title: Schema.String },
      { description: Schema.String },
      { a: Schema.NonEmptyString },
      { a: Schema.optionalKey(Schema.String) },
      { a: Schema.NullOr(Schema.String) },
      { a: Schema.String.check(Schema.isPattern(/^a$/)) },
      { a: Schema.String.check(Schema.isPattern(/^a$/i)) },
      { a: Schema.String.check(Schema.makeFilter((text) => text !== "")) },
      { a: Schema.Date },
      { a: Schema.DateTimeUtc },
      { a: Schema.BigInt },
      { a: Schema.Int },
      { a: Schema.Finite },
      // @effect-diagnostics-next-line schemaNumber:off
      { a: Schema.Number },
      { a: Schema.Int.check(Schema.isGreaterThan(0)) },
      { a: Schema.Literals(["x", "y"]) },
      { a: Schema.Literals(["x", "z"]) },
      { a: Schema.Array(Schema.String) },
      { a: Schema.NonEmptyArray(Schema.String) },
      { a: Schema.Tuple([Schema.String, Schema.Int]) },
      { a: Schema.Tuple([Schema.Int, Schema.String]) },
      { a: Address },
      { a: Schema.Option(Schema.String) },
      { a: tree("Tree") },
      { a: Schema.Struct({ children: Schema.Array(Schema.Unknown) }) }
    ]
    assert.lengthOf(new Set(all.map(fingerprint)), all.length)
  })

  it("is a table for people", () => {
    const small = Event.define({
      Opened: Event.version({ owner: Schema.String }).next(
        { owner: Schema.NullOr(Schema.String), tags: Schema.optionalKey(Schema.Array(Schema.String)) },
        ({ owner }) => ({ owner })
      )
    })
      .renamed({ Opened: "Created" })
      .retired("Pinged", { at: Schema.Date }, () => [])
      .ignoring(["Noise"])
    const text = Event.catalogMarkdown(Event.catalog(small)).replaceAll(/[0-9a-f]{12}/g, "…")
    assert.deepStrictEqual(text.split("\n"), [
      "| Type | Version | Data | Checks beside | Fingerprint |",
      "| --- | --- | --- | --- | --- |",
      "| Created (read as Opened) | 2 | owner: string \\| null, tags?: list of string |  | … |",
      "|  | 1 | owner: string |  | … |",
      "| Opened | 2 | owner: string \\| null, tags?: list of string |  | … |",
      "|  | 1 | owner: string |  | … |",
      "| Pinged (retired) | 1 | at: string | at: Date | … |",
      "",
      "Ignored: Noise",
      ""
    ])
  })
})

interface Frozen {
  readonly types: ReadonlyArray<{
    readonly type: string
    readonly versions: ReadonlyArray<{
      readonly version: number
      readonly samples: ReadonlyArray<{ readonly stored: Schema.JsonObject; readonly reads: Schema.Json }>
    }>
  }>
}

const samplesIn = (text: string, type: string, version: number) => {
  const frozen: Frozen = JSON.parse(text)
  return frozen.types.find((one) => one.type === type)?.versions[version - 1]?.samples ?? []
}

describe("the lock file", () => {
  checked("is written at first, the same wherever that is, and not again", (file) =>
    Effect.gen(function* () {
      const first = yield* check(Account, file)
      assert.isTrue(first.written)
      const text = yield* read(file)
      assert.match(text, /^\{\n {2}"about"/)
      assert.isTrue(text.endsWith("}\n"))
      assert.deepStrictEqual(yield* check(Account, file), { written: false, added: [] })
      assert.deepStrictEqual(yield* check(Account, file, ci), { written: false, added: [] })
      assert.isFalse((yield* check(Account, file, accepting)).written)
      yield* check(Account, `${file}.again`)
      assert.strictEqual(yield* read(`${file}.again`), text)
    })
  )

  checked("has samples with and without what is optional, of every member of a union, and of the edges", (file) =>
    Effect.gen(function* () {
      yield* check(Account, file)
      const samples = samplesIn(yield* read(file), "Opened", 2)
      const has = (what: string, holds: (data: Schema.JsonObject) => boolean) =>
        assert.isTrue(
          samples.some(({ stored }) => holds(stored)),
          what
        )
      has("with a note", (data) => "note" in data)
      has("without a note", (data) => !("note" in data))
      has("private", ({ kind }) => kind === "private")
      has("business", ({ kind }) => kind === "business")
      has("by card", ({ by }) => JSON.stringify(by).includes("Card"))
      has("by cash", ({ by }) => JSON.stringify(by).includes("Cash"))
      has("no owner", ({ owner }) => owner === "")
      has("upper case", ({ owner }) => /[A-Z]/.test(String(owner)))
      assert.isBelow(samples.length, 13)
    })
  )

  checked("has samples without a field that has a default", (file) =>
    Effect.gen(function* () {
      const currency = Schema.String.pipe(Schema.withDecodingDefaultKey(Effect.succeed("EUR")))
      yield* check(Event.define({ Opened: { owner: Schema.String, currency } }), file)
      const without = samplesIn(yield* read(file), "Opened", 1).find(({ stored }) => !("currency" in stored))
      assert.isDefined(without)
      assert.deepStrictEqual<unknown>(without.reads, {
        events: [{ type: "Opened", schemaVersion: 1, data: { ...without.stored, currency: "EUR" } }]
      })
    })
  )

  checked("says of what its schema allows and a step cannot take that it is not read", (file) =>
    Effect.gen(function* () {
      const Named = Event.define({
        Named: Event.version({ name: Schema.String }).next({ name: Schema.NonEmptyString }, (v1) => v1)
      })
      yield* check(Named, file)
      const samples = samplesIn(yield* read(file), "Named", 1)
      assert.deepStrictEqual(
        samples.filter(({ reads }) => JSON.stringify(reads).includes("problem")),
        [{ stored: { name: "" }, reads: { problem: "UpcastFailed at name" } }]
      )
      assert.isAbove(samples.length, 1)
      assert.deepStrictEqual(yield* check(Named, file, ci), { written: false, added: [] })
    })
  )

  checked("is not written in CI unless that is asked for", (file) =>
    Effect.gen(function* () {
      const missing = yield* failureOf(Account, file, ci)
      assert.strictEqual(missing.reason, "Missing")
      assert.include(missing.message, file)
      assert.include(missing.message, "EVENTFOLD_ACCEPT=catalog")
      yield* check(Account, file, environment({ CI: "1", EVENTFOLD_ACCEPT: "catalog" }))
      yield* check(Account, file, ci)
      assert.isTrue((yield* check(Account, `${file}.2`, environment({ CI: "false" }))).written)
    })
  )

  checked("holds whatever can be stored", (file) =>
    Effect.gen(function* () {
      class Address extends Schema.Class<Address>("Address")({ street: Schema.String, since: Schema.Date }) {}
      const Everything = Event.define({
        Stored: {
          date: Schema.Date,
          instant: Schema.DateTimeUtc,
          big: Schema.BigInt,
          decimal: Schema.BigDecimal,
          option: Schema.Option(Schema.Date),
          branded: Schema.String.pipe(Schema.brand("AccountId")),
          address: Address,
          bytes: Schema.Uint8Array,
          map: Schema.ReadonlyMap(Schema.String, Schema.Date),
          nullable: Schema.NullOr(Schema.Int),
          json: Schema.Json,
          // @effect-diagnostics-next-line schemaNumber:off
          number: Schema.Number,
          pair: Schema.Tuple([Schema.String, Schema.optionalKey(Schema.Int)]),
          record: Schema.Record(Schema.String, Schema.Finite),
          "odd name.": Schema.optional(Schema.Trim)
        }
      })
      const all = Event.union(Event.keyedBy(Everything), Event.define({ Empty: {}, "Odd | name": {} }))
      yield* check(all, file)
      assert.deepStrictEqual(yield* check(all, file, ci), { written: false, added: [] })
      const samples = samplesIn(yield* read(file), "Stored", 1)
      assert.isAbove(samples.length, 3)
      assert.notInclude(JSON.stringify(samples), "problem")
      assert.isAbove(Event.catalogMarkdown(Event.catalog(all)).length, 100)
    })
  )

  for (const [what, damage, problem] of [
    ["no JSON", (text: string) => text.slice(0, -3), "it is not JSON"],
    ["no object", () => "[]", "it is no lock file"],
    [
      "of another shape",
      (text: string) => text.replace('"version": 1', '"version": "1"'),
      '["types"][0]["versions"][0]["version"]'
    ],
    ["of a format of the future", (text: string) => text.replace('"format": 1', '"format": 2'), "a newer eventfold"]
  ] as const) {
    checked(`that is ${what} is a failure that says where, and is left as it is`, (file) =>
      Effect.gen(function* () {
        yield* check(Account, file)
        const damaged = damage(yield* read(file))
        yield* write(file, damaged)
        for (const env of [desk, ci, accepting]) {
          const failure = yield* failureOf(Account, file, env)
          assert.strictEqual(failure.reason, "Damaged")
          assert.include(failure.message, problem)
        }
        assert.strictEqual(yield* read(file), damaged)
      })
    )
  }

  checked("with the line ends of Windows is the same", (file) =>
    Effect.gen(function* () {
      yield* check(Account, file)
      yield* write(file, (yield* read(file)).replaceAll("\n", "\r\n"))
      yield* check(Account, file, ci)
    })
  )

  checked("is not written of a schema that no value can be made of", (file) =>
    Effect.gen(function* () {
      const never = Schema.String.check(Schema.makeFilter(() => false))
      const failure = yield* failureOf(Event.define({ Never: { text: never } }), file)
      assert.strictEqual(failure.reason, "NoSamples")
      assert.include(failure.message, "Never, version 1")
      assert.include(failure.message, "toArbitrary")
    })
  )

  checked("that the file system refuses fails with its error", (file) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(check(Account, `${file}/in/no/folder.json`))
      assert.strictEqual(error._tag, "PlatformError")
    })
  )
})

const Was = Event.define({
  Opened: Event.version({ owner: Schema.String }).next({ owner: Schema.String, currency: Schema.String }, (v1) => ({
    ...v1,
    currency: "EUR"
  })),
  Paid: { cents: Schema.Int }
}).retired("Fined", { cents: Schema.Int }, ({ cents }) => [{ _tag: "Paid", cents }])

const v1 = Event.version({ owner: Schema.String })
const v2 = v1.next({ owner: Schema.String, currency: Schema.String }, (v1) => ({ ...v1, currency: "EUR" }))
const paid = { cents: Schema.Int }
const fined = ({ cents }: { readonly cents: number }) => [{ _tag: "Paid" as const, cents }]

type Definitions = Event.Definitions<never>
/** Any definitions, as a list of them has no type of its own. */
const some = <E extends Event.Tagged>(definitions: Event.Definitions<E>) => definitions as unknown as Definitions

const inCents = Schema.String.pipe(
  Schema.decodeTo(Schema.String, {
    decode: SchemaGetter.transform((text: string) => text.toLowerCase()),
    encode: SchemaGetter.transform((text: string) => text)
  })
)

describe("a change that adds", () => {
  for (const [what, definitions, added] of [
    [
      "a title and a description",
      some(
        Event.define({
          Opened: v2,
          Paid: { cents: Schema.Int.annotate({ title: "Cents", description: "paid" }) }
        }).retired("Fined", paid, fined)
      ),
      undefined
    ],
    [
      "a type",
      some(Event.define({ Opened: v2, Paid: paid, Closed: {} }).retired("Fined", paid, fined)),
      "Closed: it is new"
    ],
    [
      "a version",
      some(
        Event.define({
          Opened: v2.next({ name: Schema.String, currency: Schema.String }, ({ owner, currency }) => ({
            name: owner,
            currency
          })),
          Paid: paid
        }).retired("Fined", paid, fined)
      ),
      "Opened, version 3: it is new"
    ],
    [
      "a version of what a retired type becomes",
      some(
        Event.define({
          Opened: v2,
          Paid: Event.version(paid).next({ amount: Schema.Int }, ({ cents }) => ({ amount: cents }))
        }).retired("Fined", paid, ({ cents }) => [{ _tag: "Paid", amount: cents }])
      ),
      "Fined, version 1: it is read as newer events, which agree with what it was read as"
    ],
    [
      "an optional field",
      some(
        Event.define({ Opened: v2, Paid: { ...paid, on: Schema.optionalKey(Schema.Date) } }).retired(
          "Fined",
          paid,
          fined
        )
      ),
      "Paid, version 1: its schema is another, and accepts all that it did"
    ],
    [
      "a field with a default",
      some(
        Event.define({
          Opened: v2,
          Paid: { ...paid, by: Schema.String.pipe(Schema.withDecodingDefaultKey(Effect.succeed("card"))) }
        }).retired("Fined", paid, ({ cents }) => [{ _tag: "Paid", cents, by: "card" }])
      ),
      "Paid, version 1: its schema is another, and accepts all that it did"
    ],
    [
      "a member of a union",
      some(Event.define({ Opened: v2, Paid: { cents: Schema.NullOr(Schema.Int) } }).retired("Fined", paid, fined)),
      "Paid, version 1: its schema is another, and accepts all that it did"
    ],
    [
      "a name for a type",
      some(Event.define({ Opened: v2, Paid: paid }).renamed({ Paid: "Payed" }).retired("Fined", paid, fined)),
      "Payed: it is new"
    ],
    [
      "a new name to a type, whose old one stays readable",
      some(Event.define({ Begun: v2, Paid: paid }).renamed({ Begun: "Opened" }).retired("Fined", paid, fined)),
      "Opened: it is read as Begun now"
    ],
    [
      "to the retired types",
      some(
        Event.define({ Settled: { euros: Schema.Finite } })
          .retired("Opened", v2, () => [])
          .retired("Paid", paid, ({ cents }) => [{ _tag: "Settled", euros: cents }])
          .retired("Fined", paid, ({ cents }) => [{ _tag: "Settled", euros: cents }])
      ),
      "Paid: it is retired now"
    ],
    [
      "to the ignored types",
      some(Event.define({ Opened: v2, Paid: paid }).ignoring(["Fined"])),
      "Fined: it is ignored now"
    ]
  ] as const) {
    checked(`${what} breaks nothing, and what is added is published on request`, (file) =>
      Effect.gen(function* () {
        yield* check(Was, file)
        const before = yield* read(file)
        const report = yield* check(definitions, file)
        assert.isFalse(report.written)
        if (added === undefined) assert.deepStrictEqual(report.added, [])
        else {
          assert.include(report.added, added)
          const failure = yield* failureOf(definitions, file, ci)
          assert.strictEqual(failure.reason, "OutOfDate")
          assert.include(failure.message, added)
          assert.include(failure.message, "EVENTFOLD_ACCEPT=catalog")
        }
        assert.strictEqual(yield* read(file), before)
        assert.isTrue((yield* check(definitions, file, accepting)).written)
        assert.deepStrictEqual(yield* check(definitions, file, ci), { written: false, added: [] })
      })
    )
  }

  checked("a step for what could not be read breaks nothing", (file) =>
    Effect.gen(function* () {
      const named = (step: (v1: { readonly name: string }) => { readonly name: string }) =>
        Event.define({ Named: Event.version({ name: Schema.String }).next({ name: Schema.NonEmptyString }, step) })
      yield* check(
        named((v1) => v1),
        file
      )
      const mended = yield* check(
        named(({ name }) => ({ name: name === "" ? "nobody" : name })),
        file
      )
      assert.deepStrictEqual(mended.added, ["Named, version 1: what could not be read of it has another outcome"])
    })
  )

  checked("an optional field to an event without any breaks nothing, and one that must be there does", (file) =>
    Effect.gen(function* () {
      yield* check(Event.define({ Closed: {} }), file)
      const wider = yield* check(Event.define({ Closed: { why: Schema.optionalKey(Schema.String) } }), file)
      assert.lengthOf(wider.added, 1)
      yield* failureOf(Event.define({ Closed: { why: Schema.String } }), file)
    })
  )

  checked("keeps the samples that there are, and adds what the new schema needs", (file) =>
    Effect.gen(function* () {
      yield* check(Event.define({ Paid: paid }), file)
      const before = samplesIn(yield* read(file), "Paid", 1).map(({ stored }) => stored)
      yield* check(Event.define({ Paid: { ...paid, note: Schema.optionalKey(Schema.String) } }), file, accepting)
      const after = samplesIn(yield* read(file), "Paid", 1).map(({ stored }) => stored)
      assert.deepStrictEqual(after.slice(0, before.length), before)
      assert.isTrue(after.some((stored) => "note" in stored))
    })
  )

  checked("twice is held by what was accepted in between", (file) =>
    Effect.gen(function* () {
      const wide = Event.define({ Paid: { ...paid, note: Schema.optionalKey(Schema.String) } })
      yield* check(Event.define({ Paid: paid }), file)
      yield* check(wide, file, accepting)
      assert.strictEqual((yield* failureOf(Event.define({ Paid: paid }), file)).reason, "Changed")
    })
  )
})

describe("a change that breaks what is stored", () => {
  for (const [what, definitions, problem] of [
    ["a type is gone", some(Event.define({ Opened: v2, Paid: paid })), "Fined: it is gone"],
    [
      "a version is gone",
      some(
        Event.define({ Opened: { owner: Schema.String, currency: Schema.String }, Paid: paid }).retired(
          "Fined",
          paid,
          fined
        )
      ),
      "Opened, version 2: it is gone"
    ],
    [
      "a type was renamed without its old name",
      some(Event.define({ Begun: v2, Paid: paid }).retired("Fined", paid, fined)),
      "Opened: it is gone"
    ],
    ...(
      [
        ["removed", {}],
        ["renamed", { amount: Schema.Int }],
        ["retyped", { cents: Schema.String }],
        ["narrowed", { cents: Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)) }],
        ["filtered", { cents: Schema.Int.check(Schema.makeFilter((cents) => cents < 1e300)) }],
        ["made text", { cents: Schema.BigInt }]
      ] as const
    ).map(
      ([how, fields]) =>
        [
          `a field was ${how} in place`,
          some(Event.define({ Opened: v2, Paid: fields }).retired("Fined", paid, () => [])),
          "Paid, version 1: its schema is another"
        ] as const
    ),
    [
      "a field was added in place",
      some(
        Event.define({ Opened: v2, Paid: { ...paid, by: Schema.String } }).retired("Fined", paid, ({ cents }) => [
          { _tag: "Paid", cents, by: "" }
        ])
      ),
      "Paid, version 1: its schema is another"
    ],
    [
      "an old version was changed in place",
      some(
        Event.define({
          Opened: Event.version({ owner: Schema.NonEmptyString }).next(
            { owner: Schema.String, currency: Schema.String },
            (v1) => ({ ...v1, currency: "EUR" })
          ),
          Paid: paid
        }).retired("Fined", paid, fined)
      ),
      "Opened, version 1: its schema is another"
    ],
    [
      "a step gives something else",
      some(
        Event.define({
          Opened: v1.next({ owner: Schema.String, currency: Schema.String }, (v1) => ({ ...v1, currency: "USD" })),
          Paid: paid
        }).retired("Fined", paid, fined)
      ),
      "Opened, version 1: read otherwise is the stored"
    ],
    [
      "a step gives something else, and a version was added",
      some(
        Event.define({
          Opened: v1
            .next({ owner: Schema.String, currency: Schema.String }, (v1) => ({ ...v1, currency: "USD" }))
            .next({ owner: Schema.String, currency: Schema.String, vip: Schema.Boolean }, (v2) => ({
              ...v2,
              vip: false
            })),
          Paid: paid
        }).retired("Fined", paid, fined)
      ),
      "Opened, version 1: read otherwise is the stored"
    ],
    [
      "a retired type becomes something else",
      some(
        Event.define({ Opened: v2, Paid: paid }).retired("Fined", paid, ({ cents }) => [
          { _tag: "Paid", cents: -cents }
        ])
      ),
      "Fined, version 1: read otherwise is the stored"
    ],
    [
      "a retired type becomes nothing",
      some(Event.define({ Opened: v2, Paid: paid }).retired("Fined", paid, () => [])),
      "Fined, version 1: read otherwise is the stored"
    ],
    [
      "a codec reads otherwise what its schema cannot tell",
      some(
        Event.define({
          Opened: v1.next({ owner: inCents, currency: Schema.String }, (v1) => ({ ...v1, currency: "EUR" })),
          Paid: paid
        }).retired("Fined", paid, fined)
      ),
      "its schema reads otherwise the stored"
    ],
    [
      "a step fails where it did not",
      some(
        Event.define({
          Opened: v1.next({ owner: Schema.String, currency: Schema.String }, ({ owner }) => {
            if (owner === "") throw new RangeError("no owner")
            return { owner, currency: "EUR" }
          }),
          Paid: paid
        }).retired("Fined", paid, fined)
      ),
      "UpcastFailed"
    ]
  ] as const) {
    checked(`fails when ${what}, at a desk and in CI, until it is accepted`, (file) =>
      Effect.gen(function* () {
        yield* check(Was, file)
        const before = yield* read(file)
        for (const env of [desk, ci]) {
          const failure = yield* failureOf(definitions, file, env)
          assert.strictEqual(failure.reason, "Changed")
          assert.include(failure.message, problem)
          assert.include(failure.message, "EVENTFOLD_ACCEPT=catalog")
        }
        assert.strictEqual(yield* read(file), before)
        yield* check(definitions, file, accepting)
        assert.deepStrictEqual(yield* check(definitions, file, ci), { written: false, added: [] })
      })
    )
  }

  checked("is told as a diff", (file) =>
    Effect.gen(function* () {
      yield* check(Was, file)
      const failure = yield* failureOf(
        Event.define({
          Opened: v1.next({ owner: Schema.String, currency: Schema.String }, (v1) => ({ ...v1, currency: "USD" })),
          Paid: paid
        }).retired("Fined", paid, fined),
        file
      )
      assert.lengthOf(failure.problems, 1)
      assert.match(failure.message, /^ *-.*"currency": "EUR"/m)
      assert.match(failure.message, /^ *\+.*"currency": "USD"/m)
    })
  )

  checked("is found in what was ignored, too", (file) =>
    Effect.gen(function* () {
      const Paid = Event.define({ Paid: paid })
      yield* check(Paid.ignoring(["Noise"]), file)
      assert.include((yield* failureOf(Paid, file)).message, "Noise: it was ignored, and is unknown now")
      const read = yield* check(Event.union(Paid, Event.define({ Noise: {} })), file)
      assert.include(read.added, "Noise: it was ignored, and is read now")
    })
  )
})

describe("the proof that a schema accepts all that another does", () => {
  interface List {
    readonly next: List | null
  }
  const list = (identifier: string): Schema.Codec<List> => {
    const one: Schema.Codec<List> = Schema.Struct({
      next: Schema.NullOr(Schema.suspend((): Schema.Codec<List> => one))
    }).annotate({ identifier })
    return one
  }
  // Such as JSON Schema says in full, so that the codec can be the judge.
  const schemas: Record<string, Schema.Codec<unknown, unknown>> = {
    never: Schema.Never,
    unknown: Schema.Json,
    null: Schema.Null,
    boolean: Schema.Boolean,
    string: Schema.String,
    some: Schema.NonEmptyString,
    short: Schema.String.check(Schema.isMaxLength(3)),
    word: Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(3)),
    x: Schema.Literal("x"),
    xy: Schema.Literals(["x", "y"]),
    one: Schema.Literal(1),
    int: Schema.Int,
    finite: Schema.Finite,
    // @effect-diagnostics-next-line schemaNumber:off
    number: Schema.Number,
    positive: Schema.Int.check(Schema.isGreaterThan(0)),
    natural: Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)),
    between: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 5 })),
    stringOrNull: Schema.NullOr(Schema.String),
    intOrNull: Schema.NullOr(Schema.Int),
    stringOrInt: Schema.Union([Schema.String, Schema.Int]),
    list: list("List"),
    chain: list("Chain"),
    strings: Schema.Array(Schema.String),
    someStrings: Schema.NonEmptyArray(Schema.String),
    nullableStrings: Schema.Array(Schema.NullOr(Schema.String)),
    twoStrings: Schema.Tuple([Schema.String, Schema.String]),
    stringAndMaybe: Schema.Tuple([Schema.String, Schema.optionalKey(Schema.String)]),
    stringAndInt: Schema.Tuple([Schema.String, Schema.Int]),
    ints: Schema.Record(Schema.String, Schema.Int),
    finites: Schema.Record(Schema.String, Schema.Finite),
    a: Schema.Struct({ a: Schema.Int }),
    aFinite: Schema.Struct({ a: Schema.Finite }),
    maybeA: Schema.Struct({ a: Schema.optionalKey(Schema.Int) }),
    ab: Schema.Struct({ a: Schema.Int, b: Schema.String }),
    aMaybeB: Schema.Struct({ a: Schema.Int, b: Schema.optionalKey(Schema.String) }),
    tagged: Schema.Union([Schema.TaggedStruct("A", { a: Schema.Int }), Schema.TaggedStruct("B", {})]),
    taggedMore: Schema.Union([
      Schema.TaggedStruct("A", { a: Schema.Finite }),
      Schema.TaggedStruct("B", { b: Schema.optionalKey(Schema.Int) }),
      Schema.TaggedStruct("C", {})
    ])
  }
  const jsonOf = (schema: Schema.Codec<unknown, unknown>) => {
    const json = Event.catalog(Event.define({ One: { one: schema } })).types[0]?.versions[0]?.schema
    assert.isDefined(json)
    return json
  }
  const json = Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, jsonOf(schema)]))
  const widerThan = (narrower: string) => Object.keys(schemas).filter((wider) => isWider(json[wider]!, json[narrower]!))

  it.effect("never says so of one that refuses a value of the other", () =>
    Effect.gen(function* () {
      for (const [name, schema] of Object.entries(schemas)) {
        if (name === "never") continue
        const values = (yield* Effect.forEach([0, 3, 9], (size) =>
          Arbitrary.sampleEffect(Arbitrary.schema(schema), { count: 60, size, seed: name })
        )).flat()
        for (const wider of widerThan(name)) {
          const decode = Schema.decodeUnknownResult(Schema.toCodecJson(schemas[wider]!), { onExcessProperty: "error" })
          for (const value of values) {
            const stored = yield* Schema.encodeUnknownEffect(Schema.toCodecJson(schema))(value)
            assert.isTrue(Result.isSuccess(decode(stored)), `${wider} refuses ${JSON.stringify(stored)} of ${name}`)
          }
        }
      }
    })
  )

  it("says so of what is clearly wider", () => {
    assert.deepStrictEqual(
      Object.fromEntries(
        [
          "x",
          "word",
          "int",
          "between",
          "one",
          "intOrNull",
          "list",
          "stringAndMaybe",
          "twoStrings",
          "ints",
          "a",
          "tagged"
        ].map((name) => [name, widerThan(name)])
      ),
      {
        x: ["unknown", "string", "some", "short", "word", "x", "xy", "stringOrNull", "stringOrInt"],
        word: ["unknown", "string", "some", "short", "word", "stringOrNull", "stringOrInt"],
        int: ["unknown", "int", "finite", "number", "intOrNull", "stringOrInt"],
        between: ["unknown", "int", "finite", "number", "positive", "natural", "between", "intOrNull", "stringOrInt"],
        one: ["unknown", "one", "int", "finite", "number", "natural", "between", "intOrNull", "stringOrInt"],
        intOrNull: ["unknown", "intOrNull"],
        list: ["unknown", "list", "chain"],
        stringAndMaybe: ["unknown", "strings", "someStrings", "nullableStrings", "stringAndMaybe"],
        twoStrings: ["unknown", "strings", "someStrings", "nullableStrings", "twoStrings", "stringAndMaybe"],
        ints: ["unknown", "ints", "finites"],
        a: ["unknown", "ints", "finites", "a", "aFinite", "maybeA", "aMaybeB"],
        tagged: ["unknown", "tagged", "taggedMore"]
      }
    )
  })
})
