/**
 * What a load finds: the newest snapshot at or below a version, of its code and stream, and no other.
 */
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import { maxCodeLength } from "../../SnapshotStore.ts"
import { make, maxLength, type StreamName } from "../../StreamName.ts"
import { fresh, freshStream, numbers } from "../contract/fixtures.ts"
import { holds, same } from "../contract/Law.ts"
import { alike, at, finds, freshCode, type Law, law, load, save, saveAll, snapshot } from "./fixtures.ts"

export const laws: ReadonlyArray<Law> = [
  law(
    "a stream without a snapshot has none",
    Effect.gen(function* () {
      const [code, stream] = [freshCode(), freshStream()]
      yield* finds("the snapshot of a stream that has none", [code, stream], undefined)
      yield* finds("the snapshot up to a version of a stream that has none", [code, stream, 10], undefined)
    })
  ),
  law(
    "a snapshot is loaded as it was saved, with its version and position",
    Effect.gen(function* () {
      const code = freshCode()
      const one = snapshot({ version: 7, position: 123, state: { balance: 5, owner: "ada" } })
      yield* save(code, one)
      yield* finds("the snapshot that was saved", [code, one.stream], one)
    })
  ),
  law(
    "the newest snapshot is loaded, in whatever order they were saved",
    Effect.gen(function* () {
      const [code, stream] = [freshCode(), freshStream()]
      const versions = [1, 2, 9, 10, 11, 100]
      yield* saveAll(code, stream, yield* Random.shuffle(versions))
      yield* finds("the newest of snapshots that were saved in no order", [code, stream], at(stream, 100))
    })
  ),
  law(
    "with a bound the newest snapshot at or below it is loaded",
    Effect.gen(function* () {
      const [code, stream] = [freshCode(), freshStream()]
      yield* saveAll(code, stream, [5, 10, 100])
      for (const [upTo, version] of [
        [99, 10],
        [100, 100],
        [101, 100],
        [Number.MAX_SAFE_INTEGER, 100],
        [10, 10],
        [9, 5],
        [5, 5],
        [4, undefined],
        [0, undefined]
      ] as const) {
        const expected = version === undefined ? undefined : at(stream, version)
        yield* finds(`the newest of snapshots at 5, 10 and 100, up to ${upTo},`, [code, stream, upTo], expected)
      }
    })
  ),
  law(
    "code sees the snapshots that it has made, and none of code whose name is alike",
    Effect.gen(function* () {
      const [prefix, stream] = [freshCode(), freshStream()]
      const long = prefix.padEnd(maxCodeLength - 1, "x")
      const codes = [...alike.map((name) => `${prefix}${name}`), `${long}1`, `${long}2`, `${long}👍`]
      for (const [i, code] of codes.entries()) {
        if (i % 2 === 0) yield* save(code, at(stream, 1, i))
      }
      for (const [i, code] of codes.entries()) {
        const expected = i % 2 === 0 ? at(stream, 1, i) : undefined
        yield* finds(`the snapshot by the code ${JSON.stringify(code)}`, [code, stream], expected)
      }
    })
  ),
  law(
    "a stream has its own snapshots, and none of one whose name is alike",
    Effect.gen(function* () {
      const [code, category] = [freshCode(), fresh("contract")]
      const most = maxLength - category.length - 1
      const ids = [...alike, "a-b", "-", "x".repeat(most), `${"x".repeat(most - 1)}y`, "👍".repeat(most)]
      const streams = ids.map((id): StreamName => make(category, id))
      for (const [i, stream] of streams.entries()) {
        if (i % 2 === 1) yield* save(code, at(stream, 1, i))
      }
      for (const [i, stream] of streams.entries()) {
        const expected = i % 2 === 1 ? at(stream, 1, i) : undefined
        yield* finds(`the snapshot of the stream ${JSON.stringify(stream)}`, [code, stream], expected)
      }
    })
  ),
  law(
    "a code and a stream of the longest names have snapshots",
    Effect.gen(function* () {
      // Letters that take the most room, and in an order that is not made shorter.
      const letters = numbers(maxLength).map((i) => String.fromCodePoint(0x20000 + ((i * 7919) % 40000)))
      const start = fresh("l")
      const code = start + letters.slice(start.length, maxCodeLength).join("")
      const stream = make(start, letters.slice(start.length + 1, maxLength).join(""))
      yield* saveAll(code, stream, [1, 2])
      yield* finds("the snapshot of the longest names", [code, stream], at(stream, 2))
    })
  ),
  law(
    "loads that come at once get each their own snapshot",
    Effect.gen(function* () {
      const [one, other, category] = [freshCode(), freshCode(), fresh("contract")]
      const streams = numbers(40).map((i) => make(category, String(i)))
      yield* Effect.forEach(streams, (stream, i) =>
        // Of every third stream there is none.
        i % 3 === 0
          ? Effect.void
          : Effect.andThen(saveAll(one, stream, [i, i + 50]), save(other, at(stream, i, `other ${i}`)))
      )
      const asked = yield* Random.shuffle(
        streams.flatMap((stream, i) =>
          [
            { code: one, upTo: undefined, expected: at(stream, i + 50) },
            { code: one, upTo: i + 49, expected: at(stream, i) },
            { code: one, upTo: 0, expected: undefined },
            { code: other, upTo: undefined, expected: at(stream, i, `other ${i}`) }
          ].map((each) => ({ ...each, stream, expected: i % 3 === 0 ? undefined : each.expected }))
        )
      )
      const found = yield* Effect.forEach(asked, ({ code, stream, upTo }) => load(code, stream, upTo), {
        concurrency: "unbounded"
      })
      yield* holds(found.length === asked.length, "a load has no answer")
      for (const [i, { expected, stream, upTo }] of asked.entries()) {
        yield* same(found[i], expected, `what one of many loads finds, of ${stream} up to ${upTo ?? "the newest"},`)
      }
    })
  )
]
