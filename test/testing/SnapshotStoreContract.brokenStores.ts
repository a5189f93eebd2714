/**
 * Stores of snapshots that break promises, each in one way: what the conformance kit must notice. Each is the memory store, with
 * something changed.
 */
import { Context, Effect, Layer, Option } from "effect"
import { EventStore, ProjectionStore, SnapshotStore, StreamName } from "eventfold"
import { MemoryEventStore } from "eventfold/memory"
import type { SnapshotStoreContract } from "eventfold/testing"

export type Store = SnapshotStore.SnapshotStore["Service"]
type Projections = ProjectionStore.ProjectionStore["Service"]
type Stores = SnapshotStoreContract.Stores

export interface BrokenStore {
  readonly name: string
  readonly layer: Layer.Layer<Stores>
  /** Laws that must be broken, each with what the report must say. */
  readonly breaks: ReadonlyArray<readonly [law: string, says: string]>
}

/** The memory store with a part exchanged. */
export const changed = (
  change: (store: Store) => Partial<Store>,
  changeProjections: (projections: Projections) => Partial<Projections> = () => ({})
): Layer.Layer<Stores> =>
  Layer.effectContext(
    Effect.map(Layer.build(MemoryEventStore.layer), (built) => {
      const store = Context.get(built, SnapshotStore.SnapshotStore)
      const projections = Context.get(built, ProjectionStore.ProjectionStore)
      return built.pipe(
        Context.add(SnapshotStore.SnapshotStore, { ...store, ...change(store) }),
        Context.add(ProjectionStore.ProjectionStore, { ...projections, ...changeProjections(projections) })
      )
    })
  )

const versionsOf = Effect.fnUntraced(function* (store: Store, code: string, stream: StreamName.StreamName) {
  const versions: Array<number> = []
  let found = yield* store.load(code, stream)
  while (Option.isSome(found)) {
    versions.push(found.value.version)
    found = yield* store.load(code, stream, { upTo: found.value.version - 1 })
  }
  return versions
})

const sorted = (_: string, value: unknown): unknown =>
  typeof value === "object" && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
    : value

/** A pattern of SQL as a regular expression. */
const like = (pattern: string): RegExp =>
  new RegExp(
    `^${pattern
      .replaceAll(/[\\*.[\]/]/g, "\\$&")
      .replaceAll("%", ".*")
      .replaceAll("_", ".")}`,
    "su"
  )

const inTransaction = Context.Reference<boolean>("test/inTransaction", { defaultValue: () => false })

export const brokenStores: ReadonlyArray<BrokenStore> = [
  {
    name: "makes up a snapshot where there is none",
    layer: changed((store) => ({
      load: (code, stream, options) =>
        Effect.map(
          store.load(code, stream, options),
          Option.orElseSome(() => ({ stream, version: 0, position: 0, state: null }))
        )
    })),
    breaks: [["a stream without a snapshot has none", "the snapshot of a stream that has none is not what it must be"]]
  },
  {
    name: "forgets positions",
    layer: changed((store) => ({
      save: (code, snapshot, options) => store.save(code, { ...snapshot, position: snapshot.version }, options)
    })),
    breaks: [
      [
        "a snapshot is loaded as it was saved, with its version and position",
        "the snapshot that was saved is not what it must be"
      ]
    ]
  },
  {
    name: "compares versions as text",
    layer: changed((store) => ({
      load: (code, stream, options) =>
        Effect.flatMap(versionsOf(store, code, stream), (versions) => {
          const upTo = String(options?.upTo ?? "\uffff")
          const newest = versions.filter((version) => String(version) <= upTo).toSorted()
          return store.load(code, stream, { upTo: Number(newest.map(String).toSorted().at(-1) ?? 0) })
        })
    })),
    breaks: [
      [
        "the newest snapshot is loaded, in whatever order they were saved",
        "the newest of snapshots that were saved in"
      ],
      [
        "with a bound the newest snapshot at or below it is loaded",
        "the newest of snapshots at 5, 10 and 100, up to 99"
      ]
    ]
  },
  {
    name: "lets the one that was saved last be the newest",
    layer: changed((store) => ({
      save: Effect.fnUntraced(function* (code, snapshot, options) {
        const newest = yield* store.load(code, snapshot.stream)
        if (Option.exists(newest, ({ version }) => version > snapshot.version)) {
          yield* store.remove({ code, stream: snapshot.stream })
        }
        yield* store.save(code, snapshot, options)
      })
    })),
    breaks: [
      [
        "the newest snapshot is loaded, in whatever order they were saved",
        "the newest of snapshots that were saved in"
      ],
      [
        "a snapshot that is older than those that are kept pushes none of them out, and is not kept",
        "what is kept after an older snapshot was saved is not what it must be"
      ]
    ]
  },
  {
    name: "minds no bound",
    layer: changed((store) => ({ load: (code, stream) => store.load(code, stream) })),
    breaks: [
      [
        "with a bound the newest snapshot at or below it is loaded",
        "the newest of snapshots at 5, 10 and 100, up to 99"
      ]
    ]
  },
  {
    name: "takes names of code for the same that differ in their case",
    layer: changed((store) => ({
      load: (code, stream, options) => store.load(code.toLowerCase(), stream, options),
      save: (code, snapshot, options) => store.save(code.toLowerCase(), snapshot, options)
    })),
    breaks: [
      ["code sees the snapshots that it has made, and none of code whose name is alike", 'A" is not what it must be']
    ]
  },
  {
    name: "takes names of streams for the same that are written in another way",
    layer: changed((store) => {
      const other = (stream: StreamName.StreamName) =>
        StreamName.make(StreamName.category(stream), StreamName.id(stream).normalize("NFC"))
      return {
        load: (code, stream, options) =>
          Effect.map(
            store.load(code, other(stream), options),
            Option.map((found) => ({ ...found, stream }))
          ),
        save: (code, snapshot, options) => store.save(code, { ...snapshot, stream: other(snapshot.stream) }, options)
      }
    }),
    breaks: [["a stream has its own snapshots, and none of one whose name is alike", "the snapshot of the stream"]]
  },
  {
    name: "has no room for long names",
    layer: changed((store) => ({
      save: (code, snapshot, options) =>
        code.length + snapshot.stream.length > 600
          ? Effect.fail(new EventStore.StoreError({ reason: "Unexpected", problem: "index row size exceeds maximum" }))
          : store.save(code, snapshot, options)
    })),
    breaks: [["a code and a stream of the longest names have snapshots", "index row size exceeds maximum"]]
  },
  {
    name: "mixes up loads that come at once",
    layer: changed((store) => {
      let last: Parameters<Store["load"]> | undefined
      return {
        load: (...asked) =>
          Effect.suspend(() => {
            last = asked
            return Effect.andThen(
              Effect.yieldNow,
              Effect.suspend(() => store.load(...(last ?? asked)))
            )
          })
      }
    }),
    breaks: [["loads that come at once get each their own snapshot", "what one of many loads finds, of contract_"]]
  },
  {
    name: "keeps the first of a version",
    layer: changed((store) => ({
      save: (code, snapshot, options) =>
        Effect.flatMap(versionsOf(store, code, snapshot.stream), (versions) =>
          versions.includes(snapshot.version) ? Effect.void : store.save(code, snapshot, options)
        )
    })),
    breaks: [
      [
        "a snapshot of the same version takes the place of the one before",
        "a snapshot that was saved again with another state is not what it must be"
      ]
    ]
  },
  {
    name: "keeps everything",
    layer: changed((store) => ({ save: (code, snapshot) => store.save(code, snapshot, { keep: 1_000_000 }) })),
    breaks: [
      ["of a stream's snapshots the newest so many are kept", "what is kept of four snapshots when the newest 3 are"],
      [
        "of snapshots that are saved at once the newest are kept, exactly so many",
        "what is kept of 30 snapshots that were saved at once"
      ]
    ]
  },
  {
    name: "counts one that is saved again twice",
    layer: changed((store) => ({
      save: Effect.fnUntraced(function* (code, snapshot, { keep }) {
        const versions = yield* versionsOf(store, code, snapshot.stream)
        const isAgain = versions.includes(snapshot.version) && keep > 1
        yield* store.save(code, snapshot, { keep: isAgain ? keep - 1 : keep })
      })
    })),
    breaks: [
      ["a snapshot that is saved again pushes nothing out", "what is kept after snapshots were saved again is not"]
    ]
  },
  {
    name: "counts what is kept of all streams together",
    layer: changed((store) => {
      const streams = new Set<StreamName.StreamName>()
      return {
        save: Effect.fnUntraced(function* (code, snapshot, options) {
          streams.add(snapshot.stream)
          if (options.keep === 1) {
            yield* Effect.forEach(streams, (stream) => store.remove({ code, stream }))
          }
          yield* store.save(code, snapshot, options)
        })
      }
    }),
    breaks: [
      ["what is kept is counted for each stream and each code by itself", "what is kept of another stream is not what"]
    ]
  },
  {
    name: "keeps states as a jsonb is kept",
    layer: changed((store) => ({
      save: (code, snapshot, options) =>
        store.save(code, { ...snapshot, state: JSON.parse(JSON.stringify(snapshot.state, sorted)) }, options)
    })),
    breaks: [
      [
        "a state comes back as it was saved, whatever JSON it is, to the order of its keys",
        "the JSON of a state that is keys out of order is not what it must be"
      ]
    ]
  },
  {
    name: "loses the last of what is large",
    layer: changed((store) => ({
      save: (code, snapshot, options) => {
        const { state } = snapshot
        const isLarge = typeof state === "string" && state.length > 1_000_000
        return store.save(code, { ...snapshot, state: isLarge ? state.slice(0, 1_000_000) : state }, options)
      }
    })),
    breaks: [
      ["the largest states come back, also when many are loaded at once", "characters comes back as another one"]
    ]
  },
  {
    name: "gives all readers one object",
    layer: changed((store) => {
      const shared = new Map<string, Option.Option<SnapshotStore.Snapshot>>()
      return {
        load: (code, stream, options) =>
          Effect.suspend(() => {
            const known = shared.get(code)
            return known === undefined
              ? Effect.tap(store.load(code, stream, options), (found) => Effect.sync(() => shared.set(code, found)))
              : Effect.succeed(known)
          })
      }
    }),
    breaks: [
      [
        "what a reader does with a state changes nobody else's",
        "a snapshot whose state another reader changed for itself is not what it must be"
      ]
    ]
  },
  {
    name: "counts what it removes as one",
    layer: changed((store) => ({ remove: (options) => Effect.as(store.remove(options), 1) })),
    breaks: [["removed snapshots are gone, and are counted", "how many snapshots were removed is not what it must be"]]
  },
  {
    name: "removes all streams when it is asked for one",
    layer: changed((store) => ({ remove: ({ code }) => store.remove({ code }) })),
    breaks: [
      [
        "the snapshots of one stream are removed, and those of others stay",
        "how many snapshots of a stream were removed"
      ]
    ]
  },
  {
    name: "takes the beginning of a name for a pattern",
    layer: changed((store) => {
      const codes = new Set<string>()
      return {
        save: (code, snapshot, options) => {
          codes.add(code)
          return store.save(code, snapshot, options)
        },
        remove: ({ code: pattern, ...rest }) =>
          Effect.map(
            Effect.forEach(
              Array.from(codes).filter((code) => like(pattern).test(code)),
              (code) => store.remove({ ...rest, code })
            ),
            (counts) => counts.reduce((sum, count) => sum + count, 0)
          )
      }
    }),
    breaks: [
      [
        "code is removed by how its name begins, and no character in that is a pattern",
        "how many snapshots were removed where names begin with"
      ]
    ]
  },
  {
    name: "remembers what was removed",
    layer: changed((store) => {
      const newest = new Map<string, number>()
      return {
        save: (code, snapshot, options) => {
          const last = newest.get(code) ?? 0
          if (snapshot.version < last) return Effect.void
          newest.set(code, snapshot.version)
          return store.save(code, snapshot, options)
        }
      }
    }),
    breaks: [
      [
        "what was removed can be saved again, older as well",
        "a snapshot that is older than those that were removed is not"
      ]
    ]
  },
  {
    name: "counts what there is before it saves, and not under a lock",
    layer: changed((store) => ({
      save: Effect.fnUntraced(function* (code, snapshot, { keep }) {
        const { length } = yield* versionsOf(store, code, snapshot.stream)
        yield* Effect.yieldNow
        yield* store.save(code, snapshot, { keep: length < keep ? 1_000_000 : keep })
      })
    })),
    breaks: [
      [
        "of snapshots that are saved at once the newest are kept, exactly so many",
        "what is kept of 30 snapshots that were saved at once is not what it must be"
      ],
      [
        "who saves and removes at once is never kept waiting in a circle",
        "more snapshots are kept than anybody has said"
      ]
    ]
  },
  {
    name: "writes the parts of a snapshot one after the other",
    layer: changed((store) => {
      let state: SnapshotStore.Snapshot["state"] | undefined
      return {
        save: (code, snapshot, options) =>
          Effect.suspend(() => {
            const first = (state ??= snapshot.state)
            return Effect.andThen(Effect.yieldNow, store.save(code, { ...snapshot, state: first }, options))
          })
      }
    }),
    breaks: [
      [
        "of snapshots of one version that are saved at once one is kept, whole",
        "the one that is kept of snapshots that were saved at once"
      ]
    ]
  },
  {
    name: "lets those who save at once wait for each other",
    layer: changed((store) => {
      let saving = 0
      return {
        save: (code, snapshot, options) =>
          Effect.suspend(() => {
            saving += 1
            return saving > 1
              ? Effect.fail(new EventStore.StoreError({ reason: "Contention", problem: "deadlock detected" }))
              : Effect.andThen(Effect.yieldNow, store.save(code, snapshot, options))
          }).pipe(Effect.ensuring(Effect.sync(() => (saving -= 1))))
      }
    }),
    breaks: [["who saves and removes at once is never kept waiting in a circle", "deadlock detected"]]
  },
  {
    name: "says nothing of what it does not take",
    layer: changed((store) => ({
      save: (code, snapshot, options) => Effect.ignore(store.save(code, snapshot, options))
    })),
    breaks: [
      ["a name or a number that cannot be is refused", "a save by code whose name is nothing is not refused"],
      [
        "a state that is no JSON, too large or too deep is refused, and what was kept stays",
        "a state that is undefined is not refused"
      ]
    ]
  },
  {
    name: "keeps what JSON makes of a state",
    layer: changed((store) => ({
      save: (code, snapshot, options) =>
        store.save(code, { ...snapshot, state: JSON.parse(JSON.stringify(snapshot.state) ?? "null") }, options)
    })),
    breaks: [
      [
        "a state that is no JSON, too large or too deep is refused, and what was kept stays",
        "a state that is undefined is not refused"
      ]
    ]
  },
  {
    name: "keeps what a transaction has not committed",
    layer: changed((store) => ({
      // Run by itself it is in no transaction.
      save: (code, snapshot, options) => Effect.promise(() => Effect.runPromise(store.save(code, snapshot, options)))
    })),
    breaks: [
      [
        "a snapshot is neither saved nor removed in a transaction, and nothing of it is left when that fails",
        "a snapshot of what the transaction has appended is not refused"
      ]
    ]
  },
  {
    name: "finds nothing in a transaction",
    layer: changed(
      (store) => ({
        load: (code, stream, options) =>
          Effect.flatMap(inTransaction, (isInside) =>
            isInside ? Effect.succeedNone : store.load(code, stream, options)
          )
      }),
      (projections) => ({
        withInline: (generations, work) =>
          projections.withInline(generations, Effect.provideService(work, inTransaction, true))
      })
    ),
    breaks: [
      ["a transaction loads what was saved before it, also many snapshots at once", "what loads in a transaction find"]
    ]
  }
]
