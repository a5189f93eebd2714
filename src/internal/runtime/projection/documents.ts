/**
 * How a view is kept as documents: a batch is folded in memory, and each key that it touched is written once.
 *
 * Where nobody else writes the documents, what was written is remembered, and documents are read before the transaction begins: the claim's
 * fence refuses the transaction if anybody wrote in between. Otherwise they are read and locked within it.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { Decoded, Tagged } from "../../../Event.ts"
import * as View from "../../../View.ts"
import { makeBounded } from "../bounded.ts"
import { weightOf } from "./pace.ts"
import { type Handling, HandlingFailure, type Plan, pure } from "./plan.ts"

/** The key of a whole view's one document. */
export const wholeKey = ""

/** How many models a partition remembers, and what they weigh as JSON. */
const mostModels = { entries: 50_000, weight: 16 * 1024 * 1024 }

/** The models of a view as JSON documents and back. */
export const documentCodec = <Model>(view: { readonly model: Schema.Codec<Model, unknown> }) => {
  const json = Schema.toCodecJson(view.model)
  return {
    encode: Schema.encodeUnknownResult(json),
    decode: Schema.decodeUnknownResult(json)
  }
}

const keyOf = (view: View.Any, { event, recorded }: Decoded<Tagged>): string =>
  view._tag === "KeyedView" ? view.key(event, recorded) : wholeKey

/** What has to stay in order in a view: a key; of a whole view, a stream. */
export const laneOf =
  (view: View.Any): Plan<never>["laneOf"] =>
  (decoded) =>
    view._tag === "KeyedView" ? keyOf(view, decoded) : decoded.recorded.stream

export const documentsHandling = (view: View.Any): Plan<never>["handling"] => {
  const codec = documentCodec(view)
  return (store, { generation, isExclusive }): Handling<never> => {
    const models = makeBounded<unknown>(mostModels)

    const grouped = (events: ReadonlyArray<Decoded<Tagged>>) => {
      const byKey = new Map<string, Array<Decoded<Tagged>>>()
      for (const decoded of events) {
        const key = keyOf(view, decoded)
        const group = byKey.get(key)
        if (group === undefined) byKey.set(key, [decoded])
        else group.push(decoded)
      }
      return byKey
    }

    const load = (keys: ReadonlyArray<string>) =>
      Effect.flatMap(store.documents(generation, keys, { lock: !isExclusive }), (documents) =>
        pure(() => {
          for (const key of keys) {
            const document = documents.get(key)
            if (document === undefined) models.set(key, view.initial, 0)
            else models.set(key, Result.getOrThrow(codec.decode(document)), weightOf(document))
          }
        })
      )

    const evolve = (byKey: ReadonlyMap<string, ReadonlyArray<Decoded<Tagged>>>) =>
      pure(() => {
        const changes = new Map<string, Schema.Json | undefined>()
        for (const [key, events] of byKey) {
          let model = models.get(key)
          let shown: unknown = model
          for (const { event, recorded } of events) {
            shown = view.evolve(model, event, recorded)
            model = shown === View.gone ? view.initial : shown
          }
          const change = shown === View.gone ? undefined : encoded(key, model)
          models.set(key, model, change === undefined ? 0 : weightOf(change))
          changes.set(key, change)
        }
        return changes
      })

    const encoded = (key: string, model: unknown): Schema.Json => {
      const result = codec.encode(model)
      if (Result.isSuccess(result)) return result.success
      throw new HandlingFailure({
        problem: `view ${view.name} gave, for key "${key}", what its own model refuses: ${result.failure.message}`
      })
    }

    const changesOf = Effect.fnUntraced(function* (events: ReadonlyArray<Decoded<Tagged>>) {
      if (!isExclusive) models.clear()
      const byKey = yield* pure(() => grouped(events))
      const missing = Array.from(byKey.keys()).filter((key) => !models.has(key))
      if (missing.length > 0) yield* load(missing)
      const changes = yield* evolve(byKey)
      models.trim()
      return changes
    })

    const save = (events: ReadonlyArray<Decoded<Tagged>>) =>
      Effect.flatMap(changesOf(events), (changes) => store.save(generation, changes))

    return {
      prepare: (events) =>
        events.length === 0
          ? Effect.succeed(Effect.void)
          : isExclusive
            ? Effect.map(changesOf(events), (changes) => store.save(generation, changes))
            : Effect.succeed(save(events)),
      forget: () => models.clear()
    }
  }
}
