/**
 * Fresh UUIDs (version 7): they sort by the time of the Clock, and within a millisecond by the order of their making.
 */
import type * as Effect from "effect/Effect"
import * as SecureRandom from "effect/crypto/SecureRandom"

const random = SecureRandom.make(SecureRandom.randomBytesUnsafe)

/** A fresh UUIDv7. */
export const uuidV7: Effect.Effect<string> = random.uuidV7()
