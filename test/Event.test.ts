import { assert, describe, it } from "@effect/vitest"
import { BigDecimal, DateTime, Effect, Equal, Option, Result, Schema, SchemaGetter } from "effect"
import { Event, type RecordedEvent, StreamName } from "eventfold"

const recordedAs = (type: string, schemaVersion: number, data: Schema.Json): RecordedEvent.RecordedEvent => ({
  id: "01a1fe51-f1c2-7e52-be61-fa3e2c8e5daa",
  type,
  schemaVersion,
  stream: "account-1",
  version: 3,
  position: 7,
  recordedAt: DateTime.makeUnsafe(0),
  data,
  tags: [],
  metadata: {}
})

const decode = <E extends Event.Tagged>(definitions: Event.Definitions<E>, ...stored: [string, number, Schema.Json]) =>
  Event.decode(definitions, recordedAs(...stored))

const failureOf = <E extends Event.Tagged>(
  definitions: Event.Definitions<E>,
  ...stored: [string, number, Schema.Json]
) => Result.getOrThrow(Result.flip(decode(definitions, ...stored)))

class Address extends Schema.Class<Address>("Address")({ street: Schema.String, since: Schema.Date }) {}
class Person extends Schema.Class<Person>("Person")({ name: Schema.NonEmptyString, address: Address }) {}

describe("stored form", () => {
  const Everything = Event.define({
    Stored: {
      date: Schema.Date,
      instant: Schema.DateTimeUtc,
      big: Schema.BigInt,
      decimal: Schema.BigDecimal,
      some: Schema.Option(Schema.Date),
      none: Schema.Option(Schema.Date),
      branded: Schema.String.pipe(Schema.brand("AccountId")),
      person: Person,
      bytes: Schema.Uint8Array,
      map: Schema.ReadonlyMap(Schema.String, Schema.Date),
      nullable: Schema.NullOr(Schema.Int),
      maybe: Schema.optionalKey(Schema.Int)
    }
  })
  const event: typeof Everything.Type = {
    _tag: "Stored",
    date: new Date(86_400_000),
    instant: DateTime.makeUnsafe("2020-02-29T12:00:00Z"),
    big: 2n ** 70n,
    decimal: BigDecimal.fromStringUnsafe("0.1"),
    some: Option.some(new Date(1)),
    none: Option.none(),
    branded: Schema.String.pipe(Schema.brand("AccountId")).make("a-1"),
    person: new Person({ name: "Ada", address: new Address({ street: "Main", since: new Date(2) }) }),
    bytes: Uint8Array.of(1, 2, 255),
    map: new Map([["first", new Date(3)]]),
    nullable: null
  }

  it("is JSON, and reads back as what it was", () => {
    const encoded = Result.getOrThrow(Event.encode(Everything, event))
    const asText: Schema.Json = JSON.parse(JSON.stringify(encoded.data))
    assert.deepStrictEqual(asText, encoded.data)
    const [back] = Result.getOrThrow(decode(Everything, "Stored", 1, asText))
    assert.isTrue(Equal.equals(back, event))
    assert.instanceOf(back!.person.address, Address)
  })

  it("names the type and the newest version, and holds no tag in its data", () => {
    const encoded = Result.getOrThrow(Event.encode(Everything, event))
    assert.strictEqual(encoded.type, "Stored")
    assert.strictEqual(encoded.schemaVersion, 1)
    assert.notProperty(encoded.data, "_tag")
  })

  it("is refused for an event that breaks its own schema, saying where", () => {
    const Money = Event.define({ Paid: { cents: Schema.Int } })
    for (const cents of [1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      const error = Result.getOrThrow(Result.flip(Event.encode(Money, { _tag: "Paid", cents })))
      assert.deepInclude(error, { _tag: "EncodeError", type: "Paid", path: "cents" })
    }
  })

  it("is refused for an event with a field that would be lost", () => {
    const Money = Event.define({ Paid: { cents: Schema.Int } })
    const spread = { _tag: "Paid" as const, cents: 1, note: "thanks" }
    const error = Result.getOrThrow(Result.flip(Event.encode(Money, spread)))
    assert.deepInclude(error, { type: "Paid", path: "note" })
  })
})

describe("versions", () => {
  const Account = Event.define({
    Opened: Event.version({ owner: Schema.String })
      .next({ owner: Schema.String, currency: Schema.String }, (v1) => ({ ...v1, currency: "EUR" }))
      .next(
        { owner: Schema.Struct({ name: Schema.NonEmptyString }), currency: Schema.String },
        ({ owner, currency }) => ({
          owner: { name: owner },
          currency
        })
      ),
    Noted: { text: Schema.String, important: Schema.Boolean.pipe(Schema.withDecodingDefaultKey(Effect.succeed(false))) }
  })

  it("are read through every step from the one they were stored with", () => {
    const expected: typeof Account.Type = { _tag: "Opened", owner: { name: "Ada" }, currency: "EUR" }
    assert.deepStrictEqual(Result.getOrThrow(decode(Account, "Opened", 1, { owner: "Ada" })), [expected])
    assert.deepStrictEqual(Result.getOrThrow(decode(Account, "Opened", 2, { owner: "Ada", currency: "EUR" })), [
      expected
    ])
    assert.deepStrictEqual(
      Result.getOrThrow(decode(Account, "Opened", 3, { owner: { name: "Ada" }, currency: "EUR" })),
      [expected]
    )
  })

  it("are written as the newest alone", () => {
    const encoded = Result.getOrThrow(
      Event.encode(Account, { _tag: "Opened", owner: { name: "Ada" }, currency: "EUR" })
    )
    assert.deepStrictEqual(encoded, {
      type: "Opened",
      schemaVersion: 3,
      data: { owner: { name: "Ada" }, currency: "EUR" },
      tags: []
    })
  })

  it("need not be counted up for a field with a default", () => {
    assert.deepStrictEqual(Result.getOrThrow(decode(Account, "Noted", 1, { text: "hi" })), [
      { _tag: "Noted", text: "hi", important: false }
    ])
  })

  it("of an old event are checked with their own schema", () => {
    assert.deepInclude(failureOf(Account, "Opened", 1, { owner: 1 }), { reason: "InvalidData", path: "owner" })
    assert.deepInclude(failureOf(Account, "Opened", 2, { owner: "Ada" }), { reason: "InvalidData", path: "currency" })
  })

  it("that lead to something today's schema refuses fail, and say so", () => {
    assert.deepInclude(failureOf(Account, "Opened", 1, { owner: "" }), { reason: "UpcastFailed", path: "owner.name" })
  })

  it("whose step throws fail, and say so", () => {
    const Fragile = Event.define({
      Split: Event.version({ name: Schema.String }).next({ first: Schema.String }, ({ name }) => {
        if (name === "") throw new RangeError("no name")
        return { first: name }
      })
    })
    const failure = failureOf(Fragile, "Split", 1, { name: "" })
    assert.strictEqual(failure.reason, "UpcastFailed")
    assert.include(failure.problem, "no name")
  })
})

describe("a stored event that does not decode", () => {
  const Order = Event.define({ Placed: { items: Schema.Array(Schema.Struct({ price: Schema.Int })) } })

  it("says which event of which stream it is, and where in its data the fault lies", () => {
    const failure = failureOf(Order, "Placed", 1, { items: [{ price: 1 }, { price: "2" }] })
    assert.deepInclude(failure, {
      _tag: "DecodeError",
      reason: "InvalidData",
      eventId: "01a1fe51-f1c2-7e52-be61-fa3e2c8e5daa",
      stream: "account-1",
      version: 3,
      position: 7,
      type: "Placed",
      schemaVersion: 1,
      path: "items[1].price"
    })
    for (const part of ["Placed", "account-1", "version 3", "position 7", "items[1].price"]) {
      assert.include(failure.message, part)
    }
  })

  it("may be of a type that nobody here knows", () => {
    assert.deepInclude(failureOf(Order, "Cancelled", 1, {}), { reason: "UnknownType", type: "Cancelled" })
  })

  it("may be of a version from the future, or of none at all", () => {
    for (const version of [0, -1, 2, 1.5, 1e300, Number.NaN]) {
      assert.strictEqual(failureOf(Order, "Placed", version, { items: [] }).reason, "UnknownVersion", String(version))
    }
  })

  it("may be of a schema that throws", () => {
    const Throwing = Schema.String.pipe(
      Schema.decodeTo(Schema.String, {
        decode: SchemaGetter.transform((text: string) => {
          throw new RangeError(`cannot read ${text}`)
        }),
        encode: SchemaGetter.transform((text: string) => text)
      })
    )
    const failure = failureOf(Event.define({ Noted: { text: Throwing } }), "Noted", 1, { text: "hi" })
    assert.strictEqual(failure.reason, "InvalidData")
    assert.include(failure.problem, "the schema threw")
  })

  it("may hold any JSON", () => {
    for (const data of [null, 1, "text", true, [], [[]], { items: null }, { items: {} }, {}]) {
      assert.strictEqual(failureOf(Order, "Placed", 1, data).reason, "InvalidData", JSON.stringify(data))
    }
  })

  it("may be named like what every object has", () => {
    for (const type of ["constructor", "__proto__", "toString"]) {
      assert.strictEqual(failureOf(Order, type, 1, {}).reason, "UnknownType")
    }
  })
})

describe("renamed and retired types", () => {
  const Account = Event.define({
    AccountOpened: Event.version({ owner: Schema.String }).next(
      { owner: Schema.String, currency: Schema.String },
      (v1) => ({ ...v1, currency: "EUR" })
    ),
    Withdrawn: { amount: Schema.Int }
  })
    .renamed({ AccountOpened: "AccountCreated" })
    .retired("FeeCharged", Event.version({ fee: Schema.Int }), ({ fee }) => [{ _tag: "Withdrawn", amount: fee }])
    .retired("Pinged", {}, () => [])
    .retired("OpenedWithFee", { owner: Schema.String, fee: Schema.Int }, ({ owner, fee }) => [
      { _tag: "AccountOpened", owner, currency: "EUR" },
      { _tag: "Withdrawn", amount: fee }
    ])

  it("are read under every name and version they were stored with", () => {
    const opened: typeof Account.Type = { _tag: "AccountOpened", owner: "Ada", currency: "EUR" }
    assert.deepStrictEqual(Result.getOrThrow(decode(Account, "AccountCreated", 1, { owner: "Ada" })), [opened])
    assert.deepStrictEqual(Result.getOrThrow(decode(Account, "AccountOpened", 1, { owner: "Ada" })), [opened])
  })

  it("become zero, one or several living events", () => {
    assert.deepStrictEqual(Result.getOrThrow(decode(Account, "Pinged", 1, {})), [])
    assert.deepStrictEqual(Result.getOrThrow(decode(Account, "FeeCharged", 1, { fee: 2 })), [
      { _tag: "Withdrawn", amount: 2 }
    ])
    assert.deepStrictEqual(
      Result.getOrThrow(decode(Account, "OpenedWithFee", 1, { owner: "Ada", fee: 2 })).map(({ _tag }) => _tag),
      ["AccountOpened", "Withdrawn"]
    )
  })

  it("are never written", () => {
    assert.deepStrictEqual(Account.types, ["AccountOpened", "Withdrawn"])
    assert.deepStrictEqual(Array.from(Account.stored.keys()), [
      "AccountOpened",
      "Withdrawn",
      "AccountCreated",
      "FeeCharged",
      "Pinged",
      "OpenedWithFee"
    ])
  })

  it("cannot take a name that is in use", () => {
    assert.throws(() => Account.renamed({ Withdrawn: "FeeCharged" }), /FeeCharged is defined already/)
    assert.throws(() => Account.retired("Withdrawn", {}, () => []), /Withdrawn is defined already/)
    assert.throws(() => Event.union(Account, Event.define({ Pinged: {} })), /Pinged is defined already/)
  })

  it("become only events that could be written today", () => {
    const Items = Event.define({ ItemAdded: { q: Schema.Int } }).retired("HalfAdded", { q: Schema.Int }, ({ q }) => [
      { _tag: "ItemAdded", q: q / 2 }
    ])
    assert.deepStrictEqual(Result.getOrThrow(decode(Items, "HalfAdded", 1, { q: 4 })), [{ _tag: "ItemAdded", q: 2 }])
    assert.deepInclude(failureOf(Items, "HalfAdded", 1, { q: 3 }), { reason: "UpcastFailed", path: "q" })
  })

  it("are in a pick as far as they become picked events", () => {
    const fees = Event.pick(Account, ["Withdrawn"])
    assert.deepStrictEqual(Result.getOrThrow(decode(fees, "OpenedWithFee", 1, { owner: "Ada", fee: 2 })), [
      { _tag: "Withdrawn", amount: 2 }
    ])
    assert.deepStrictEqual(fees.types, ["Withdrawn"])
  })
})

describe("tags", () => {
  it("are written beside the data, from today's shape", () => {
    const Course = Event.define({ Enrolled: { course: Schema.String, student: Schema.String }, Closed: {} }).tagged({
      Enrolled: ({ course, student }) => [`course:${course}`, `student:${student}`]
    })
    assert.deepStrictEqual(
      Result.getOrThrow(Event.encode(Course, { _tag: "Enrolled", course: "c1", student: "s1" })).tags,
      ["course:c1", "student:s1"]
    )
    assert.deepStrictEqual(Result.getOrThrow(Event.encode(Course, { _tag: "Closed" })).tags, [])
  })
})

describe("keyed events", () => {
  const Keyed = Event.keyedBy(
    Event.define({
      Paid: Event.version({ eur: Schema.Int }).next({ cents: Schema.Int }, ({ eur }) => ({ cents: eur * 100 }))
    })
  )

  it("are stored with their key, and read through the same steps", () => {
    const event = Event.keyed("a", { _tag: "Paid", cents: 5 })
    const encoded = Result.getOrThrow(Event.encode(Keyed, event))
    assert.deepStrictEqual(encoded.data, { key: "a", value: { cents: 5 } })
    assert.deepStrictEqual(Result.getOrThrow(decode(Keyed, "Paid", 2, encoded.data)), [event])
    assert.deepStrictEqual(Result.getOrThrow(decode(Keyed, "Paid", 1, { key: "b", value: { eur: 2 } })), [
      Event.keyed("b", { _tag: "Paid", cents: 200 })
    ])
  })

  it("are refused with a field beside key and value, or a key that is no text", () => {
    const event = Event.keyed("a", { _tag: "Paid", cents: 5 })
    for (const wrong of [
      { ...event, junk: 1 },
      { ...event, key: 5 as never }
    ]) {
      assert.isTrue(Result.isFailure(Event.encode(Keyed, wrong)))
    }
  })

  it("say where they do not decode", () => {
    assert.deepInclude(failureOf(Keyed, "Paid", 2, { key: "a", value: {} }), {
      reason: "InvalidData",
      path: "value.cents"
    })
    assert.deepInclude(failureOf(Keyed, "Paid", 2, { value: {} }), { reason: "InvalidData", path: "key" })
  })
})

describe("StreamName", () => {
  it("has the category before the first hyphen, and the id after it", () => {
    const stream = StreamName.make("account", "7f-3")
    assert.strictEqual(stream, "account-7f-3")
    assert.strictEqual(StreamName.category(stream), "account")
    assert.strictEqual(StreamName.id(stream), "7f-3")
  })

  it("is refused when no store can keep it, and says why", () => {
    const refused = ["", "account", "-1", "account-", "a-\u0000", "a-\ud800", `a-${"x".repeat(499)}`]
    for (const text of refused) assert.isTrue(Result.isFailure(StreamName.parse(text)), JSON.stringify(text))
    for (const text of [
      "a-1",
      "konto-ä",
      "a-👩‍👩‍👧",
      `a-${"x".repeat(498)}`,
      `a-${"👍".repeat(498)}`,
      "a-\u202eright to left"
    ]) {
      assert.strictEqual(Result.getOrThrow(StreamName.parse(text)), text)
    }
  })
})
