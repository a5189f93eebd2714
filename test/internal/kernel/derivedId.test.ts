import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { createHash } from "node:crypto"
import { derivedId } from "../../../src/internal/kernel/derivedId.ts"
import { sha256 } from "../../../src/internal/kernel/sha256.ts"

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex")

describe("sha256", () => {
  it("gives the digests of FIPS 180-4", () => {
    assert.strictEqual(
      hex(sha256(new TextEncoder().encode("abc"))),
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )
  })

  it("agrees with Node's own around every block boundary", () => {
    for (let length = 0; length <= 260; length++) {
      const message = Uint8Array.from({ length }, (_, i) => (i * 31 + length) & 0xff)
      assert.strictEqual(hex(sha256(message)), createHash("sha256").update(message).digest("hex"), `length ${length}`)
    }
  })
})

describe("derivedId", () => {
  const timed = "01a1fe51-f1c2-7e52-be61-fa3e2c8e5daa"

  it("keeps the time of a UUIDv7 and is one", () => {
    assert.match(derivedId(timed, "x"), /^01a1fe51-f1c2-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  })

  it("is a UUIDv8 for any other seed", () => {
    assert.match(derivedId("order 42", "x"), /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  })

  it("never changes: ids derived today are derived for ever", () => {
    assert.strictEqual(derivedId("order 42", "event", "0"), "3f05117f-df33-8f54-8764-3ece3dca721d")
    assert.strictEqual(derivedId(timed, "event", "0"), "01a1fe51-f1c2-7411-b24a-e7f05545e8d1")
  })

  it.effect.prop("depends on where one name ends and the next begins", [Schema.String, Schema.String], ([a, b]) =>
    Effect.sync(() => {
      assert.strictEqual(derivedId("s", a, b), derivedId("s", a, b))
      assert.notStrictEqual(derivedId("s", a, b), derivedId("s", `${a}${b}`))
      assert.notStrictEqual(derivedId("s", a, b), derivedId("s", a, `${b}.`))
      assert.notStrictEqual(derivedId("s", a), derivedId("s", a, ""))
    })
  )
})
