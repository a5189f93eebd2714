/**
 * Stores that take expectations lightly, and let more than one win.
 */
import { Effect, Semaphore } from "effect"
import { EventStore as Port } from "eventfold"
import { type BrokenStore, changed, checkThenInsert, expecting } from "./toolkit.ts"

export const expectations: ReadonlyArray<BrokenStore> = [
  {
    name: "ignores the expectation of no stream",
    layer: changed((store) => expecting(store, (expected) => (expected === "no stream" ? "any" : expected))),
    breaks: [
      [
        "an expectation that does not hold is a ConcurrencyConflict with stream, expected and actual version",
        "expected no stream of a stream at 2 succeeded"
      ],
      [
        "of appends that race expecting no stream of a stream at version 0, one wins and the others conflict",
        "50 of 50 racing appends won"
      ],
      ["one expectation of several that does not hold stores nothing in any stream", "succeeded"],
      [
        "of appends that race for overlapping streams the winners share none, and every loser had lost one to a winner",
        "number of streams that winners have"
      ]
    ]
  },
  {
    name: "ignores expected versions",
    layer: changed((store) => expecting(store, (expected) => (typeof expected === "number" ? "any" : expected))),
    breaks: [
      [
        "an expectation that does not hold is a ConcurrencyConflict with stream, expected and actual version",
        "expected 1 of a stream at 0 succeeded"
      ],
      [
        "of appends that race expecting 0 of a stream at version 0, one wins and the others conflict",
        "50 of 50 racing appends won"
      ],
      [
        "of appends that race expecting 3 of a stream at version 3, one wins and the others conflict",
        "50 of 50 racing appends won"
      ],
      ["an append that failed leaves its event ids free", "succeeded"],
      ["an append with a condition and expectations needs both", "succeeded"]
    ]
  },
  {
    name: "ignores the expectation that a stream exists",
    layer: changed((store) => expecting(store, (expected) => (expected === "stream exists" ? "any" : expected))),
    breaks: [
      [
        "an expectation that does not hold is a ConcurrencyConflict with stream, expected and actual version",
        "expected stream exists of a stream at 0 succeeded"
      ],
      [
        "appends that race expecting that the stream exists all succeed, or all conflict",
        "expected a stream where none was"
      ],
      [
        "appends that expect a stream and race with the one that begins it come after it, or conflict",
        "the append that begins the stream conflicted"
      ]
    ]
  },
  {
    name: "checks expectations before it takes its lock",
    layer: changed((store) => ({ append: checkThenInsert(store, Effect.yieldNow) })),
    breaks: [
      [
        "of appends that race expecting no stream of a stream at version 0, one wins and the others conflict",
        "50 of 50"
      ],
      ["of appends that race expecting 0 of a stream at version 0, one wins and the others conflict", "50 of 50"],
      ["of appends that race expecting 3 of a stream at version 3, one wins and the others conflict", "50 of 50"],
      [
        "of appends that race for overlapping streams the winners share none, and every loser had lost one to a winner",
        "winners"
      ],
      [
        "who reads, appends at the version it has read, and tries again on a conflict gets through, and overwrites nobody",
        "counted"
      ]
    ]
  },
  {
    name: "conflicts with whoever appends meanwhile, also when any version is expected",
    layer: changed((store) => ({
      append: (writes, options) =>
        Effect.gen(function* () {
          const versions = yield* Effect.forEach(writes, ({ stream }) => store.streamVersion(stream))
          yield* Effect.yieldNow
          const exact = writes.map((write, i) =>
            write.expected === "any" ? { ...write, expected: versions[i]! } : write
          )
          return yield* store.append(exact, options)
        })
    })),
    breaks: [
      ["appends that race expecting any all succeed", "must succeed failed"],
      ["appends to several of the same streams in different orders do not block each other", "expects any failed"]
    ]
  },
  {
    name: "reports a conflict's actual version as -1",
    layer: changed((store) => ({
      append: (writes, options) =>
        Effect.catchTag(store.append(writes, options), "ConcurrencyConflict", ({ stream, expected }) =>
          Effect.fail(new Port.ConcurrencyConflict({ stream, expected, actual: -1 }))
        )
    })),
    breaks: [
      [
        "an expectation that does not hold is a ConcurrencyConflict with stream, expected and actual version",
        "at [actual]"
      ],
      [
        "of appends that race expecting no stream of a stream at version 0, one wins and the others conflict",
        "at [actual]"
      ]
    ]
  },
  {
    name: "refuses expectations that hold of a stream that exists",
    layer: changed((store) => expecting(store, (expected) => (expected === "stream exists" ? 1 : expected))),
    breaks: [
      ["an append succeeds on every expectation that holds", "ConcurrencyConflict"],
      [
        "appends that race expecting that the stream exists all succeed, or all conflict",
        "the conflict of an append that lost a race"
      ]
    ]
  },
  {
    name: "takes the locks of streams in the order they are given",
    hangs: true,
    layer: changed((store) => {
      const locks = new Map<string, Semaphore.Semaphore>()
      const locked = <A, E>(streams: ReadonlyArray<string>, effect: Effect.Effect<A, E>): Effect.Effect<A, E> => {
        const [first, ...rest] = streams
        if (first === undefined) return effect
        const lock = locks.get(first) ?? Semaphore.makeUnsafe(1)
        locks.set(first, lock)
        return lock.withPermits(1)(Effect.andThen(Effect.yieldNow, locked(rest, effect)))
      }
      return {
        append: (writes, options) =>
          locked(
            writes.map(({ stream }) => stream),
            store.append(writes, options)
          )
      }
    }),
    breaks: [
      ["appends to several of the same streams in different orders do not block each other", "wait for each other"]
    ]
  }
]
