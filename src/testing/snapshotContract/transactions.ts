/**
 * Transactions of the caller's: a snapshot is no part of one, and none outlives one that fails.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { ProjectionStore } from "../../ProjectionStore.ts"
import { appendTo, freshStream, numbers } from "../contract/fixtures.ts"
import { broken, same } from "../contract/Law.ts"
import {
  at,
  finds,
  freshCode,
  keeps,
  type Law,
  law,
  load,
  refused,
  remove,
  save,
  saveAll,
  snapshot
} from "./fixtures.ts"

/** Runs work in a transaction of the log's. */
const inTransaction = <A, E, R>(work: Effect.Effect<A, E, R>) =>
  Effect.flatMap(ProjectionStore, (store) => store.withInline([], work))

/** Fails, and takes its transaction along. */
const givesUp = Effect.fail({ _tag: "GivesUp" } as const)

export const laws: ReadonlyArray<Law> = [
  law(
    "a snapshot is neither saved nor removed in a transaction, and nothing of it is left when that fails",
    Effect.gen(function* () {
      const [code, stream] = [freshCode(), freshStream()]
      yield* appendTo(stream, 3)
      yield* save(code, at(stream, 3), 1)
      const work = Effect.gen(function* () {
        const { position, versions } = yield* appendTo(stream, 2)
        const one = snapshot({ stream, version: versions[0]!, position })
        yield* refused("a snapshot of what the transaction has appended", save(code, one, 1))
        yield* refused("a snapshot of what was there before the transaction", save(code, at(stream, 2)))
        yield* refused("a removal in a transaction", remove(code))
        return yield* givesUp
      })
      const result = yield* Effect.result(inTransaction(work))
      if (Result.isSuccess(result)) return yield* broken("a transaction whose work fails succeeds")
      if (result.failure._tag !== "GivesUp") return yield* result.failure
      yield* keeps("what is kept after a transaction has failed", code, stream, [3])
      yield* finds("the snapshot after a transaction has failed", [code, stream], at(stream, 3))
    })
  ),
  law(
    "a transaction loads what was saved before it, also many snapshots at once",
    Effect.gen(function* () {
      const [code, stream] = [freshCode(), freshStream()]
      yield* saveAll(code, stream, [1, 2, 3])
      const bounds = [undefined, 0, 1, 2, 3, ...numbers(20)]
      const work = Effect.gen(function* () {
        yield* appendTo(stream)
        return yield* Effect.forEach(bounds, (upTo) => load(code, stream, upTo), { concurrency: "unbounded" })
      })
      const found = yield* inTransaction(work)
      const expected = bounds.map((upTo = 3) => (upTo === 0 ? undefined : at(stream, Math.min(upTo, 3))))
      yield* same(found, expected, "what loads in a transaction find")
    })
  )
]
