/**
 * The catalog check: what is published stays readable. A repository has one such line, and one lock file that grows with its releases; here each
 * release has its own, as the file was when it was published.
 */
import { NodeFileSystem } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Schema } from "effect"
import { Event } from "eventfold"
import { Catalog } from "eventfold/testing"
import * as V1 from "./v1.ts"
import * as V2 from "./v2.ts"
import * as V3 from "./v3.ts"
import * as V4 from "./v4.ts"

const lockOf = (release: number) => `${import.meta.dirname}/v${release}.events.lock`

describe("what a release may store is what its lock file has", () => {
  const check = <E extends Event.Tagged>(events: Event.Definitions<E>, file: string) =>
    Effect.provide(Catalog.check(events, file), NodeFileSystem.layer)

  it.effect("release 1", () => check(V1.CustomerEvent, lockOf(1)))
  it.effect("release 2", () => check(V2.CustomerEvent, lockOf(2)))
  it.effect("release 3", () => check(V3.CustomerEvent, lockOf(3)))
  it.effect("release 4", () => check(V4.CustomerEvent, lockOf(4)))
})

/** As at a desk, whatever is set: the lock file of another release must stay as it is. */
const checkAtDesk = <E extends Event.Tagged>(events: Event.Definitions<E>, file: string) =>
  Catalog.check(events, file).pipe(
    Effect.provide([NodeFileSystem.layer, ConfigProvider.layer(ConfigProvider.fromUnknown({}))])
  )

describe("a release breaks nothing of the one before, and says what is new", () => {
  const adds = <E extends Event.Tagged>(events: Event.Definitions<E>, file: string, added: ReadonlyArray<string>) =>
    Effect.map(checkAtDesk(events, file), (report) => assert.deepStrictEqual(report, { written: false, added }))

  it.effect("release 2: a field with a default, and a field with another name", () =>
    adds(V2.CustomerEvent, lockOf(1), [
      "BoxSold, version 1: its schema is another, and accepts all that it did",
      "BoxSold, version 1: it is read as newer events, which agree with what it was read as",
      "Joined, version 1: it is read as newer events, which agree with what it was read as",
      "Joined, version 2: it is new"
    ])
  )

  it.effect("release 3: a field of another type, and a type with another name", () =>
    adds(V3.CustomerEvent, lockOf(2), [
      "BoxSold, version 1: it is read as newer events, which agree with what it was read as",
      "BoxSold, version 2: it is new",
      "Joined: it is read as Subscribed now",
      "Joined, version 1: it is read as newer events, which agree with what it was read as",
      "Joined, version 2: it is read as newer events, which agree with what it was read as",
      "Subscribed: it is new"
    ])
  )

  it.effect("release 4: a type that has become two, and one that has become nothing", () =>
    adds(V4.CustomerEvent, lockOf(3), [
      "BoxSold: it is retired now",
      "BoxSold, version 1: it is read as newer events, which agree with what it was read as",
      "BoxSold, version 2: it is read as newer events, which agree with what it was read as",
      "FlyerEnclosed: it is retired now",
      "FlyerEnclosed, version 1: it is read as newer events, which agree with what it was read as",
      "BoxDelivered: it is new",
      "Paid: it is new"
    ])
  )

  it.effect("release 4 breaks nothing of any", () =>
    Effect.forEach([1, 2, 3], (release) => checkAtDesk(V4.CustomerEvent, lockOf(release)))
  )
})

describe("somebody changes what is published, and is told", () => {
  const told = <E extends Event.Tagged>(events: Event.Definitions<E>, file: string) =>
    Effect.map(Effect.flip(checkAtDesk(events, file)), ({ message }) =>
      message.replaceAll(`${import.meta.dirname}/`, "")
    )

  // Release 2 as it should not be: the field has its new name, and there is no second version.
  it.effect("that a field of another name is not what was stored", () =>
    Effect.map(
      told(
        Event.define({
          Joined: { name: Schema.NonEmptyString, box: V2.Box },
          BoxSold: { price: V2.Price, place: V2.Place },
          FlyerEnclosed: { campaign: Schema.String },
          Left: {}
        }),
        lockOf(1)
      ),
      (message) =>
        assert.strictEqual(
          message,
          `v1.events.lock tells of stored events that this change would break or read otherwise

Joined, version 1: its schema is another, and may not accept all that was stored

  --- published
  +++ today
  @@ -3,21 +3,21 @@
     "schema": {
       "additionalProperties": false,
       "properties": {
  -      "name": {
  -        "minLength": 1,
  -        "type": "string"
  -      },
  -      "size": {
  +      "box": {
           "enum": [
             "small",
             "large"
           ],
           "type": "string"
  +      },
  +      "name": {
  +        "minLength": 1,
  +        "type": "string"
         }
       },
       "required": [
         "name",
  -      "size"
  +      "box"
       ],
       "type": "object"
     }

A published version stays as it is: add the new shape with \`.next\`, give a type its new name with \`.renamed\`, and keep one that is written no more with \`.retired\`.
If nothing was ever stored like that, or it is meant: run this test again with EVENTFOLD_ACCEPT=catalog in its environment, such as

  EVENTFOLD_ACCEPT=catalog npx vitest run

and commit v1.events.lock.`
        )
    )
  )

  // Release 3 as somebody finds it simpler, after it was published: 12.50 euros become 12 cents.
  it.effect("that a step gives something else than it did", () =>
    Effect.map(
      told(
        Event.define({
          Subscribed: Event.version({ name: Schema.NonEmptyString, size: V3.Box }).next(
            { name: Schema.NonEmptyString, box: V3.Box },
            ({ name, size }) => ({ name, box: size })
          ),
          BoxSold: Event.version({ price: V2.Price, place: V3.Place }).next(
            { cents: V3.Cents, place: Schema.String },
            ({ price, place }) => ({ cents: Number.parseInt(price), place })
          ),
          FlyerEnclosed: { campaign: Schema.String },
          Left: {}
        }).renamed({ Subscribed: "Joined" }),
        lockOf(3)
      ),
      (message) =>
        assert.include(
          message,
          `
BoxSold, version 1: read otherwise is the stored

  {
    "place": "W4>z",
    "price": "5.74"
  }

  --- published
  +++ today
  @@ -2,7 +2,7 @@
     "events": [
       {
         "data": {
  -        "cents": 574,
  +        "cents": 5,
           "place": "W4>z"
         },
         "schemaVersion": 2,
`
        )
    )
  )

  // Release 4 without what is written no more.
  it.effect("that a type is gone", () =>
    Effect.map(told(Event.pick(V3.CustomerEvent, ["Subscribed", "BoxSold", "Left"]), lockOf(3)), (message) =>
      assert.include(message, "\n\nFlyerEnclosed: it is gone, with 1 published version(s)\n\n")
    )
  )
})
