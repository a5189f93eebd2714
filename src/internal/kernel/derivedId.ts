/**
 * Ids that follow from other ids, so that doing a thing again names it as the first time did.
 */
import { hex, sha256 } from "./sha256.ts"

const utf8 = new TextEncoder()

const uuidV7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i

/**
 * A UUID that is a function of `seed` and `names` alone: SHA-256 cut to 128 bits. When the seed is a UUIDv7 the result is
 * one too and keeps its time, so derived ids sort with the ids made at that moment; otherwise it is a UUIDv8 (RFC 9562,
 * section 5.8). Different lists of names never run together: each is preceded by its length.
 */
export const derivedId = (seed: string, ...names: ReadonlyArray<string>): string => {
  let named = `${seed.length}:${seed}`
  for (const name of names) named += `${name.length}:${name}`
  const digest = sha256(utf8.encode(named))
  const timed = uuidV7.test(seed)
  digest[6] = (digest[6]! & 0x0f) | (timed ? 0x70 : 0x80)
  digest[8] = (digest[8]! & 0x3f) | 0x80
  const rest = hex(digest.subarray(timed ? 6 : 0, 16))
  return timed
    ? `${seed.slice(0, 13).toLowerCase()}-${rest.slice(0, 4)}-${rest.slice(4, 8)}-${rest.slice(8)}`
    : `${rest.slice(0, 8)}-${rest.slice(8, 12)}-${rest.slice(12, 16)}-${rest.slice(16, 20)}-${rest.slice(20)}`
}
