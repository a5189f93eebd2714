/**
 * Many at once: what is kept is what would be kept had they come one after the other.
 */
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Result from "effect/Result"
import type { StoreError } from "../../EventStore.ts"
import { fresh, freshStream, losses, numbers, race, streamsOf } from "../contract/fixtures.ts"
import { type Broken, broken, holds, same, within } from "../contract/Law.ts"
import { at, freshCode, keeps, type Law, law, load, remove, save, versionsOf } from "./fixtures.ts"

/** That nobody fails, and nobody waits for ever. */
const allSucceed = <I, A, R>(
  inputs: ReadonlyArray<I>,
  run: (input: I) => Effect.Effect<A, StoreError, R>
): Effect.Effect<void, Broken, R> =>
  Effect.gen(function* () {
    const results = yield* within("some of those that came at once wait for ever", race(inputs, run))
    const [failure] = losses(results)
    if (failure !== undefined) return yield* broken(`one of those that came at once failed: ${failure.message}`)
    yield* holds(results.every(Result.isSuccess), "one of those that came at once failed")
  })

export const laws: ReadonlyArray<Law> = [
  law(
    "of snapshots that are saved at once the newest are kept, exactly so many",
    Effect.gen(function* () {
      const code = freshCode()
      const versions = numbers(30).map((i) => i + 1)
      for (const stream of streamsOf(fresh("contract"), 5)) {
        yield* allSucceed(yield* Random.shuffle(versions), (version) => save(code, at(stream, version), 3))
        yield* keeps("what is kept of 30 snapshots that were saved at once", code, stream, [30, 29, 28])
      }
    })
  ),
  law(
    "of snapshots of one version that are saved at once one is kept, whole",
    Effect.gen(function* () {
      const [code, stream] = [freshCode(), freshStream()]
      const states = numbers(20).map((i) => ({ writer: i, filling: String(i).repeat(5000) }))
      const all = states.map((state, i) => ({ ...at(stream, 7, state), position: i + 7 }))
      yield* allSucceed(all, (one) => save(code, one, 2))
      const found = yield* load(code, stream)
      if (found === undefined) return yield* broken("none of the snapshots that were saved at once is there")
      const saved = all[found.position - 7]
      yield* same(found, saved, "the one that is kept of snapshots that were saved at once")
      yield* same(yield* remove(code), 1, "how many are kept of snapshots of one version")
    })
  ),
  law(
    "who saves and removes at once is never kept waiting in a circle",
    Effect.gen(function* () {
      const [prefix, category] = [freshCode(), fresh("contract")]
      const codes = [`${prefix}/1`, `${prefix}/2`]
      const streams = streamsOf(category, 3)
      const pick = <A>(list: ReadonlyArray<A>) => Effect.map(Random.nextIntBetween(0, list.length - 1), (i) => list[i]!)
      const work = yield* Effect.forEach(numbers(150), () =>
        Effect.gen(function* () {
          const [code, stream] = [yield* pick(codes), yield* pick(streams)]
          const version = yield* Random.nextIntBetween(1, 12)
          const keep = yield* Random.nextIntBetween(1, 4)
          const kind = yield* Random.nextIntBetween(0, 8)
          return { kind, code, stream, version, keep }
        })
      )
      yield* allSucceed(work, ({ code, keep, kind, stream, version }) =>
        kind === 0
          ? Effect.asVoid(remove(prefix))
          : kind === 1
            ? Effect.asVoid(remove(code, stream))
            : save(code, at(stream, version), keep)
      )
      for (const code of codes) {
        for (const stream of streams) {
          const versions = yield* versionsOf(code, stream)
          yield* holds(versions.length <= 4, "more snapshots are kept than anybody has said", versions)
        }
      }
    })
  )
]
