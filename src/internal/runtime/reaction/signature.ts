/**
 * Signatures of Standard Webhooks: HMAC-SHA256 over `id.timestamp.body`, in base64.
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Base64 from "effect/encoding/Base64"

/** A secret that sender and receiver share: `whsec_` and at least 24 bytes in base64. The prefix may be left out. */
export type Secret = string | Redacted.Redacted<string>

/** The bytes of a secret. */
export type Key = Redacted.Redacted<Uint8Array<ArrayBuffer>>

const prefix = "whsec_"
const leastBytes = 24
const algorithm = { name: "HMAC", hash: "SHA-256" }
const utf8 = new TextEncoder()

/** The keys of secrets. Throws where one is none, and does not say it. */
export const keysOf = (secrets: ReadonlyArray<Secret>): ReadonlyArray<Key> => {
  if (secrets.length === 0) throw new Error("there is no secret to sign with: give at least one")
  return secrets.map((secret) => {
    const text = typeof secret === "string" ? secret : Redacted.value(secret)
    const bytes = Base64.decode(text.startsWith(prefix) ? text.slice(prefix.length) : text)
    if (Result.isFailure(bytes) || bytes.success.length < leastBytes) {
      throw new Error(`a secret is not ${prefix} and at least ${leastBytes} bytes in base64`)
    }
    return Redacted.make(new Uint8Array(bytes.success))
  })
}

/** What is signed. */
export const contentOf = (id: string, timestamp: string, body: string | Uint8Array): Uint8Array<ArrayBuffer> => {
  const head = utf8.encode(`${id}.${timestamp}.`)
  const rest = typeof body === "string" ? utf8.encode(body) : body
  const content = new Uint8Array(head.length + rest.length)
  content.set(head)
  content.set(rest, head.length)
  return content
}

const { subtle } = globalThis.crypto

const imported = (key: Key, usage: "sign" | "verify") =>
  Effect.promise(() => subtle.importKey("raw", Redacted.value(key), algorithm, false, [usage]))

/** A signature for each key, as a header has them. */
export const sign = (keys: ReadonlyArray<Key>, content: Uint8Array<ArrayBuffer>): Effect.Effect<string> =>
  Effect.map(
    Effect.forEach(keys, (key) =>
      Effect.flatMap(imported(key, "sign"), (signing) => Effect.promise(() => subtle.sign(algorithm, signing, content)))
    ),
    (signatures) => signatures.map((signature) => `v1,${Base64.encode(new Uint8Array(signature))}`).join(" ")
  )

/** Whether any of the signatures is that of any of the keys. They are compared in constant time. */
export const isSigned = Effect.fnUntraced(function* (
  keys: ReadonlyArray<Key>,
  signatures: ReadonlyArray<Uint8Array>,
  content: Uint8Array<ArrayBuffer>
) {
  for (const key of keys) {
    const verifying = yield* imported(key, "verify")
    for (const signature of signatures) {
      const bytes = new Uint8Array(signature)
      if (yield* Effect.promise(() => subtle.verify(algorithm, verifying, bytes, content))) return true
    }
  }
  return false
})

/** The signatures of this scheme in a header, which may have others beside them. At most 20 are looked at. */
export const signaturesIn = (header: string): ReadonlyArray<Uint8Array> =>
  header
    .split(" ")
    .filter((one) => one.startsWith("v1,"))
    .slice(0, 20)
    .flatMap((one) => {
      const bytes = Base64.decode(one.slice("v1,".length))
      return Result.isSuccess(bytes) ? [bytes.success] : []
    })
