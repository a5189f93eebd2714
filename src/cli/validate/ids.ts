/**
 * Ids of events, and where each was seen first. A UUID takes 24 bytes and its share of what is free: a map of texts takes several times that, and
 * ends at some sixteen million.
 */

export interface Ids {
  /** Where an id was seen first, if it was. */
  readonly find: (id: string) => number | undefined
  /** Remembers an id, with where it is: a number from 1. Gives where it was seen first, if it was. */
  readonly add: (id: string, at: number) => number | undefined
}

const uuid = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/i

/** The first slot for a key: UUIDs of one moment differ in their last bits alone. */
const slotOf = (a: number, b: number, c: number, d: number, mask: number): number => {
  let hash = Math.imul(a ^ Math.imul(b, 0x85ebca6b), 0x9e3779b1) ^ Math.imul(c ^ Math.imul(d, 0xc2b2ae35), 0x27d4eb2f)
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
  return (hash ^ (hash >>> 13)) & mask
}

export const makeIds = (initial = 1024): Ids => {
  // A power of two.
  let capacity = initial
  let used = 0
  let keys = new Uint32Array(4 * capacity)
  // 0 in a free slot.
  let places = new Float64Array(capacity)
  const others = new Map<string, number>()

  const find = (a: number, b: number, c: number, d: number): number => {
    const mask = capacity - 1
    let slot = slotOf(a, b, c, d, mask)
    for (; places[slot] !== 0; slot = (slot + 1) & mask) {
      const at = 4 * slot
      if (keys[at] === a && keys[at + 1] === b && keys[at + 2] === c && keys[at + 3] === d) break
    }
    return slot
  }
  const put = (slot: number, a: number, b: number, c: number, d: number, place: number): void => {
    keys.set([a, b, c, d], 4 * slot)
    places[slot] = place
  }
  const grow = (): void => {
    const [oldKeys, oldPlaces] = [keys, places]
    capacity *= 2
    keys = new Uint32Array(4 * capacity)
    places = new Float64Array(capacity)
    for (const [slot, place] of oldPlaces.entries()) {
      if (place === 0) continue
      const [a, b, c, d] = [oldKeys[4 * slot]!, oldKeys[4 * slot + 1]!, oldKeys[4 * slot + 2]!, oldKeys[4 * slot + 3]!]
      put(find(a, b, c, d), a, b, c, d, place)
    }
  }
  const withKey = <A>(id: string, use: (a: number, b: number, c: number, d: number) => A): A => {
    const hex = id.replaceAll("-", "")
    const part = (from: number): number => Number.parseInt(hex.slice(from, from + 8), 16)
    return use(part(0), part(8), part(16), part(24))
  }

  return {
    find: (id) => {
      if (!uuid.test(id)) return others.get(id)
      const place = withKey(id, (a, b, c, d) => places[find(a, b, c, d)]!)
      return place === 0 ? undefined : place
    },
    add: (id, at) => {
      if (!uuid.test(id)) {
        const before = others.get(id)
        if (before === undefined) others.set(id, at)
        return before
      }
      return withKey(id, (a, b, c, d) => {
        const slot = find(a, b, c, d)
        const before = places[slot]!
        if (before !== 0) return before
        put(slot, a, b, c, d, at)
        used += 1
        if (used * 5 > capacity * 3) grow()
        return undefined
      })
    }
  }
}
