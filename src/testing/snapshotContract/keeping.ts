/**
 * Which snapshots stay: the newest so many of each code and stream.
 */
import * as Effect from "effect/Effect"
import { freshStream } from "../contract/fixtures.ts"
import { at, finds, freshCode, keeps, type Law, law, save, saveAll } from "./fixtures.ts"

export const laws: ReadonlyArray<Law> = [
  law(
    "a snapshot of the same version takes the place of the one before",
    Effect.gen(function* () {
      const [code, stream] = [freshCode(), freshStream()]
      yield* saveAll(code, stream, [4, 5, 6])
      const next = { ...at(stream, 5, { next: true }), position: 50 }
      yield* save(code, next)
      yield* finds("a snapshot that was saved again with another state", [code, stream, 5], next)
      yield* keeps("the versions that are kept after one was saved again", code, stream, [6, 5, 4])
    })
  ),
  law(
    "of a stream's snapshots the newest so many are kept",
    Effect.gen(function* () {
      const [code, stream] = [freshCode(), freshStream()]
      yield* saveAll(code, stream, [10, 20, 30, 40], 3)
      yield* keeps("what is kept of four snapshots when the newest 3 are", code, stream, [40, 30, 20])
      yield* save(code, at(stream, 50), 1)
      yield* keeps("what is kept when the newest 1 is", code, stream, [50])
    })
  ),
  law(
    "a snapshot that is older than those that are kept pushes none of them out, and is not kept",
    Effect.gen(function* () {
      const [code, stream] = [freshCode(), freshStream()]
      yield* saveAll(code, stream, [10, 20, 30], 2)
      yield* save(code, at(stream, 5), 2)
      yield* keeps("what is kept after an older snapshot was saved", code, stream, [30, 20])
      yield* save(code, at(stream, 25), 2)
      yield* keeps("what is kept after one was saved between those that were kept", code, stream, [30, 25])
      yield* save(code, at(stream, 1), 3)
      yield* keeps("what is kept after an older one was saved for which there is room", code, stream, [30, 25, 1])
      yield* save(code, at(stream, 2), 1)
      yield* keeps("what is kept after an older one was saved, and less is kept", code, stream, [30])
    })
  ),
  law(
    "a snapshot that is saved again pushes nothing out",
    Effect.gen(function* () {
      const [code, stream] = [freshCode(), freshStream()]
      yield* saveAll(code, stream, [10, 20], 2)
      yield* saveAll(code, stream, [20, 20, 10, 10, 20], 2)
      yield* keeps("what is kept after snapshots were saved again", code, stream, [20, 10])
    })
  ),
  law(
    "what is kept is counted for each stream and each code by itself",
    Effect.gen(function* () {
      const [one, other] = [freshCode(), freshCode()]
      const [first, second] = [freshStream(), freshStream()]
      yield* saveAll(one, first, [1, 2], 2)
      yield* saveAll(one, second, [3, 4], 2)
      yield* saveAll(other, first, [5, 6], 2)
      yield* save(one, at(first, 7), 1)
      yield* keeps("what is kept of the stream whose newest is kept", one, first, [7])
      yield* keeps("what is kept of another stream", one, second, [4, 3])
      yield* keeps("what is kept of other code", other, first, [6, 5])
    })
  )
]
