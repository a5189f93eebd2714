/**
 * A map that is bounded by its entries and by what they weigh. The first that are forgotten are those that were set first, or touched first.
 */
export interface Bounded<in out Value> {
  readonly get: (key: string) => Value | undefined
  readonly has: (key: string) => boolean
  readonly set: (key: string, value: Value, weight: number) => void
  /** Makes an entry the last one to be forgotten. */
  readonly touch: (key: string) => void
  readonly remove: (key: string) => void
  readonly clear: () => void
  /** Forgets what is too much. */
  readonly trim: () => void
}

export const makeBounded = <Value>(most: { readonly entries: number; readonly weight: number }): Bounded<Value> => {
  const entries = new Map<string, { readonly value: Value; readonly weight: number }>()
  let weight = 0
  const remove = (key: string): void => {
    weight -= entries.get(key)?.weight ?? 0
    entries.delete(key)
  }
  return {
    get: (key) => entries.get(key)?.value,
    has: (key) => entries.has(key),
    set: (key, value, its) => {
      remove(key)
      entries.set(key, { value, weight: its })
      weight += its
    },
    touch: (key) => {
      const entry = entries.get(key)
      if (entry === undefined) return
      entries.delete(key)
      entries.set(key, entry)
    },
    remove,
    clear: () => {
      entries.clear()
      weight = 0
    },
    trim: () => {
      for (const key of entries.keys()) {
        if (entries.size <= most.entries && weight <= most.weight) return
        remove(key)
      }
    }
  }
}
