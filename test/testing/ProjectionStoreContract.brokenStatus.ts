/**
 * Stores that show something else than what is, or tell nobody.
 */
import { Duration, Effect, Fiber, Stream } from "effect"
import { type BrokenStore, changed, placeOf } from "./ProjectionStoreContract.toolkit.ts"

export const status: ReadonlyArray<BrokenStore> = [
  {
    name: "empties what is registered again",
    layer: changed((store) => ({
      register: (definition) =>
        Effect.flatMap(store.live(definition.name), (live) =>
          Effect.andThen(store.register(definition), live === undefined ? Effect.void : store.reset(definition.name))
        )
    })),
    breaks: [
      [
        "registering again changes nothing, of the live version and of the filling one",
        "a claim that must stand is lost: partition"
      ],
      [
        "another version is filling while the first is live, up to where the slowest of that one's partitions stands",
        "a claim that must stand is lost: partition"
      ]
    ]
  },
  {
    name: "registers whatever is there",
    layer: changed((store) => ({
      register: (definition) => Effect.catchTag(store.register(definition), "StoreError", () => Effect.void)
    })),
    breaks: [
      [
        "a version that is there with another mode, other partitions or tables is refused as Misconfigured",
        "a version with another mode is not refused"
      ]
    ]
  },
  {
    name: "makes other versions live at once",
    layer: changed((store) => ({
      register: (definition) =>
        Effect.gen(function* () {
          yield* store.register(definition)
          const { name, version } = definition
          const owner = "registration"
          const [claim] = yield* store.claim({ name, version, owner, lease: Duration.minutes(1), most: 1 })
          if (claim === undefined) return
          if (claim.standing._tag === "Filling") {
            yield* Effect.catchTag(
              store.takeOver(claim, Infinity, () => Effect.void),
              "ClaimLost",
              () => Effect.void
            )
          }
          yield* store.release([claim])
        })
    })),
    breaks: [
      [
        "registrations that race make one generation of each version",
        "the generations that racing registrations made is not what it must be"
      ],
      [
        "lanes of the same name in other partitions, generations and projections are other lanes",
        "the partitions that nobody held, as they were claimed, is not what it"
      ]
    ]
  },
  {
    name: "begins at the head of the log",
    layer: changed((store, log) => ({
      register: (definition) =>
        Effect.gen(function* () {
          const known = yield* store.live(definition.name)
          yield* store.register(definition)
          if (known !== undefined) return
          const { name, version } = definition
          const claims = yield* store.claim({ name, version, owner: "it", lease: Duration.minutes(1), most: 100 })
          const rate = 0
          for (const claim of claims) {
            const to = yield* log.head
            yield* Effect.ignore(store.commit(claim, { to, rate }, Effect.void))
          }
          yield* store.release(claims)
        })
    })),
    breaks: [
      [
        "the first generation of an async projection is live from the start, empty and at position 0",
        "the live generation of a new projection is not what it must be"
      ],
      [
        "what the work of a commit reads is what it has saved",
        "the store failed where it must not, with StoreError: InvalidRequest:"
      ],
      [
        "of commits that race with the same claim one is stored",
        "how many of the commits that raced with one claim succeeded is not"
      ]
    ]
  },
  {
    name: "does not tell names in upper and lower case apart",
    layer: changed((store) => ({
      register: (definition) => store.register({ ...definition, name: definition.name.toLowerCase() }),
      claim: (options) => store.claim({ ...options, name: options.name.toLowerCase() }),
      read: (name, keys) => store.read(name.toLowerCase(), keys),
      list: (name, options) => store.list(name.toLowerCase(), options),
      live: (name) => store.live(name.toLowerCase()),
      status: (name) => store.status(name?.toLowerCase())
    })),
    breaks: [
      [
        "projections whose names are alike are different projections",
        "the partitions that nobody held, as they were claimed, is not what it"
      ]
    ]
  },
  {
    name: "shows the fastest partition",
    layer: changed((store) => ({
      live: (name) =>
        Effect.flatMap(store.live(name), (live) =>
          live === undefined
            ? Effect.undefined
            : Effect.map(store.status(name), (all) => ({
                ...live,
                position: Math.max(
                  ...all.filter(({ generation }) => generation === live.generation).map(({ position }) => position)
                )
              }))
        )
    })),
    breaks: [
      [
        "the position of the live generation is that of its slowest partition",
        "the position of a live generation is not what it must be"
      ]
    ]
  },
  {
    name: "shows documents one after the other",
    layer: changed((store) => ({
      read: (name, keys) =>
        Effect.map(
          Effect.forEach(keys, (key) => Effect.andThen(Effect.yieldNow, store.read(name, [key]))),
          (found) => new Map(found.flatMap((one) => Array.from(one)))
        )
    })),
    breaks: [
      [
        "readers see the documents of a commit all at once, or none of them",
        "one document of a commit, beside the other, is not what it must be"
      ]
    ]
  },
  {
    name: "shows what is not committed",
    layer: changed((store) => ({
      documents: (generation, keys, options) =>
        Effect.map(store.documents(generation, keys, options), (found) => (keys.length > 1 ? new Map() : found))
    })),
    breaks: [
      [
        "what the work of a commit reads is what it has saved",
        "the documents that the work saved is not what it must be"
      ],
      [
        "a document is read as it was saved, whatever JSON it is",
        "documents that are read to be changed is not what it must be"
      ]
    ]
  },
  {
    name: "shows no lag",
    layer: changed((store) => ({
      status: (name) =>
        Effect.map(store.status(name), (all) => all.map((one) => ({ ...one, lag: 0, lagTime: Duration.zero })))
    })),
    breaks: [
      [
        "the status tells of each partition how it is doing, by name, generation and partition",
        "the status of a projection is not what it must be"
      ]
    ]
  },
  {
    name: "shows owners for ever",
    layer: changed((store) => {
      const owners = new Map<string, string>()
      return {
        claim: (options) =>
          Effect.tap(store.claim(options), (claims) =>
            Effect.sync(() => claims.forEach((claim) => owners.set(placeOf(claim), options.owner)))
          ),
        status: (name) =>
          Effect.map(store.status(name), (all) => all.map((one) => ({ ...one, owner: owners.get(placeOf(one)) })))
      }
    }),
    breaks: [
      [
        "a claim that is given back can be taken at once, and giving back a lost one frees nobody else's",
        "the owner of what was given back is not what it must be"
      ],
      [
        "a partition that failed says what at, and is not given again until it is resumed; the others go on",
        "the status of a partition that failed is not what it must be"
      ]
    ]
  },
  {
    name: "removes no generation",
    layer: changed((store) => ({
      removeRetired: (name) => Effect.asVoid(store.retryParked(name, "none"))
    })),
    breaks: [
      [
        "retired generations are removed when they are told to, and no others",
        "the generations after the retired one is removed is not what it must"
      ]
    ]
  },
  {
    name: "keeps retired generations going",
    layer: changed(() => ({ takeOver: () => Effect.succeed(true) })),
    breaks: [
      [
        "an older version than the live one is left alone, and not run",
        "the claims on a retired version is not what it must be"
      ],
      [
        "events that a live inline projection handles are refused as Misconfigured where nobody takes care of it",
        "an append beside an inline projection is not refused"
      ],
      [
        "appends that race, and change one document inline, are all counted",
        "what is counted of appends that raced is not what it must be"
      ]
    ]
  },
  {
    name: "knows every name",
    layer: changed((store) => ({
      pause: (name) => Effect.ignore(store.pause(name)),
      reset: (name) => Effect.ignore(store.reset(name))
    })),
    breaks: [
      [
        "what is asked of a projection that is not there is refused as InvalidRequest",
        "pausing a projection that is not there is not refused"
      ]
    ]
  },
  {
    name: "invents a live generation",
    layer: changed((store) => ({
      live: (name) =>
        Effect.map(store.live(name), (live) => live ?? { generation: 0, version: 0, position: 0, mode: "async" })
    })),
    breaks: [
      [
        "of a projection that is not there nothing is read",
        "the live generation of a projection that is not there is not what it"
      ],
      [
        "a first inline generation is not live before it takes over, and keeps nobody from appending",
        "the live generation before there is one is not what it must be"
      ]
    ]
  },
  {
    name: "wakes nobody",
    hangs: true,
    layer: changed(() => ({ changes: Stream.never })),
    breaks: [
      [
        "who waits for a change is woken when a batch is committed, and so is everybody else",
        "who waits for a change does not notice that batches are committed"
      ],
      [
        "who waits for a change is woken when a generation takes over",
        "who waits for a change does not notice that batches are committed"
      ]
    ]
  },
  {
    name: "wakes nobody when a generation takes over",
    hangs: true,
    layer: changed((store) => {
      let isTakingOver = false
      return {
        changes: Stream.filter(store.changes, () => !isTakingOver),
        takeOver: (claim, most, finish) =>
          Effect.andThen(
            Effect.sync(() => (isTakingOver = true)),
            store.takeOver(claim, most, finish)
          )
      }
    }),
    breaks: [
      [
        "who waits for a change is woken when a generation takes over",
        "who waits for a change does not notice that a generation took over"
      ]
    ]
  },
  {
    name: "keeps its transaction open when it is interrupted",
    hangs: true,
    layer: changed((store) => ({
      commit: (claim, progress, work) =>
        Effect.flatMap(Effect.forkDetach(store.commit(claim, progress, work)), Fiber.join)
    })),
    breaks: [
      ["a commit that is interrupted from outside stores all or nothing, and the store goes on", "the law did not end"]
    ]
  }
]
