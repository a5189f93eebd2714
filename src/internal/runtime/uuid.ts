/**
 * Fresh UUIDs (version 7): they sort by the time of the Clock, and within a millisecond by the order of their making.
 */
import type * as Effect from "effect/Effect"
import * as SecureRandom from "effect/crypto/SecureRandom"

// Asking the system for sixteen bytes at a time costs more than all the rest of making an id.
let pool: Uint8Array = new Uint8Array(0)
let taken = 0

const random = SecureRandom.make((size) => {
  if (taken + size > pool.length) {
    pool = SecureRandom.randomBytesUnsafe(256 * size)
    taken = 0
  }
  return pool.slice(taken, (taken += size))
})

/** A fresh UUIDv7. */
export const uuidV7: Effect.Effect<string> = random.uuidV7()
