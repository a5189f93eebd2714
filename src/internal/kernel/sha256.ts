/**
 * SHA-256 (FIPS 180-4), synchronously and without a platform: deciding is synchronous, and Web Crypto is not.
 */

const primes = (count: number): ReadonlyArray<number> => {
  const found: Array<number> = []
  for (let n = 2; found.length < count; n++) if (found.every((prime) => n % prime !== 0)) found.push(n)
  return found
}

/** The first 32 bits of the fractional part. */
const fraction = (x: number): number => ((x - Math.floor(x)) * 2 ** 32) | 0

const roundConstants = Int32Array.from(primes(64), (prime) => fraction(Math.cbrt(prime)))
const initialHash = Int32Array.from(primes(8), (prime) => fraction(Math.sqrt(prime)))

const rotate = (x: number, by: number): number => (x >>> by) | (x << (32 - by))

// It is synchronous, so one place to work in is enough for all: half of the time would go into making new ones.
const words = new Int32Array(64)
const hash = new Int32Array(8)

/** Takes in the 64 bytes that the first 16 words are. */
const compress = (): void => {
  for (let t = 16; t < 64; t++) {
    const x = words[t - 15]!
    const y = words[t - 2]!
    const s0 = rotate(x, 7) ^ rotate(x, 18) ^ (x >>> 3)
    const s1 = rotate(y, 17) ^ rotate(y, 19) ^ (y >>> 10)
    words[t] = (words[t - 16]! + s0 + words[t - 7]! + s1) | 0
  }
  let a = hash[0]!
  let b = hash[1]!
  let c = hash[2]!
  let d = hash[3]!
  let e = hash[4]!
  let f = hash[5]!
  let g = hash[6]!
  let h = hash[7]!
  for (let t = 0; t < 64; t++) {
    const s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)
    const t1 = (h + s1 + ((e & f) ^ (~e & g)) + roundConstants[t]! + words[t]!) | 0
    const s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)
    const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0
    h = g
    g = f
    f = e
    e = (d + t1) | 0
    d = c
    c = b
    b = a
    a = (t1 + t2) | 0
  }
  hash[0] = hash[0]! + a
  hash[1] = hash[1]! + b
  hash[2] = hash[2]! + c
  hash[3] = hash[3]! + d
  hash[4] = hash[4]! + e
  hash[5] = hash[5]! + f
  hash[6] = hash[6]! + g
  hash[7] = hash[7]! + h
}

/**
 * The 32 bytes of a message's digest.
 */
export const sha256 = (message: Uint8Array): Uint8Array => {
  const { length } = message
  hash.set(initialHash)
  // After the message comes one bit, and its length in bits ends the last block.
  const blocks = Math.floor((length + 8) / 64) + 1
  for (let block = 0, at = 0; block < blocks; block++) {
    for (let t = 0; t < 16; t++, at += 4) {
      words[t] =
        at + 4 <= length
          ? (message[at]! << 24) | (message[at + 1]! << 16) | (message[at + 2]! << 8) | message[at + 3]!
          : lastWord(message, at)
    }
    if (block === blocks - 1) {
      words[14] = Math.floor(length / 2 ** 29)
      words[15] = length << 3
    }
    compress()
  }
  const digest = new Uint8Array(32)
  for (let i = 0; i < 32; i++) digest[i] = hash[i >> 2]! >>> (24 - 8 * (i & 3))
  return digest
}

/** The word at a place where the message ends, or has ended. */
const lastWord = (message: Uint8Array, at: number): number => {
  let word = 0
  for (let i = at; i < at + 4; i++) {
    word = (word << 8) | (i < message.length ? message[i]! : i === message.length ? 0x80 : 0)
  }
  return word
}

const digits = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"))

/** Bytes as hexadecimal digits. */
export const hex = (bytes: Uint8Array): string => {
  let text = ""
  for (const byte of bytes) text += digits[byte]!
  return text
}
