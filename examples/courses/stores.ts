/**
 * 9. Stores that differ from others in one thing.
 */
import { Effect, Layer, Random } from "effect"
import { EventStore } from "eventfold"

type Store = EventStore.EventStore["Service"]

const changed = (change: (store: Store) => Store) =>
  Layer.effect(EventStore.EventStore, Effect.map(EventStore.EventStore, change))

/** Lets others go on for a while: for how long, the seed says. */
const aWhile = Effect.flatMap(Random.nextIntBetween(0, 5), (times) => Effect.repeat(Effect.yieldNow, { times }))

/**
 * A store on the way to which others may come first, as they do with one on a network. In memory everybody would be done before the next one begins.
 */
export const distant = changed((store) => ({
  ...store,
  head: Effect.andThen(aWhile, store.head),
  append: (...asked) => Effect.andThen(aWhile, store.append(...asked))
}))

/** A store that is told no conditions. */
export const careless = changed((store) => ({ ...store, append: (writes) => store.append(writes) }))
