/**
 * Generations: which there are, and what each is.
 */
import * as Effect from "effect/Effect"
import { losses, race, appendTo, freshStream, head, numbers } from "../contract/fixtures.ts"
import { broken, holds, same } from "../contract/Law.ts"
import {
  changesNothing,
  claim,
  claimAll,
  claimed,
  claimFirst,
  commit,
  definition,
  documentsOf,
  everything,
  type Law,
  law,
  live,
  refused,
  registered,
  registerNext,
  save,
  statusOf,
  takeOver,
  use
} from "./fixtures.ts"

const rolesOf = (name: string) =>
  use((store) =>
    Effect.map(store.status(name), (all) =>
      all.map(({ version, role, mode, partition, position, state }) => ({
        version,
        role,
        mode,
        partition,
        position,
        state
      }))
    )
  )

export const laws: ReadonlyArray<Law> = [
  law(
    "the first generation of an async projection is live from the start, empty and at position 0",
    Effect.gen(function* () {
      yield* appendTo(freshStream(), 3)
      const before = yield* head
      const projection = yield* registered({ version: 3, partitions: 2 })
      const shown = yield* live(projection.name)
      yield* same(
        { ...shown, generation: 0 },
        { generation: 0, version: 3, position: 0, mode: "async" },
        "the live generation of a new projection"
      )
      yield* same(yield* documentsOf(projection.name), {}, "the documents of a new projection")
      const fresh = { version: 3, role: "live", mode: "async", position: 0, state: "running" }
      yield* same(
        yield* rolesOf(projection.name),
        [
          { ...fresh, partition: 0 },
          { ...fresh, partition: 1 }
        ],
        "the status of a new projection"
      )
      for (const { generation, position, standing } of yield* claimAll(projection)) {
        yield* same(generation, shown?.generation, "the generation of a claim")
        yield* same(position, 0, "the position of a first claim")
        yield* same(standing, { _tag: "Live", replayedTo: [[before]] }, "where the first generation stands")
      }
    })
  ),
  law(
    "another version is filling while the first is live, up to where the slowest of that one's partitions stands",
    Effect.gen(function* () {
      const projection = yield* registered({ partitions: 2 })
      const [first, second] = yield* claimAll(projection)
      yield* commit(first!, 20, save(first!, { a: 1 }))
      const next = yield* registerNext(projection, { partitions: 1 })
      const filling = yield* claimFirst(next)
      yield* same(filling.position, 0, "the position of a generation that fills")
      yield* same(filling.standing, { _tag: "Filling", upTo: 0 }, "where a generation stands that fills")
      yield* holds(filling.generation !== first!.generation, "another version is the same generation")
      const ahead = yield* commit(second!, 7)
      const standing = use((store) => store.standing(filling))
      yield* same(yield* standing, { _tag: "Filling", upTo: 7 }, "where it stands when the slowest partition moved on")
      yield* commit(ahead, 30)
      yield* same(yield* standing, { _tag: "Filling", upTo: 20 }, "where it stands when another one is the slowest")
      yield* same((yield* statusOf(filling)).role, "filling", "the role of another version")
      yield* commit(filling, 5, save(filling, { a: 2, b: 2 }))
      yield* same(yield* documentsOf(projection.name), { a: 1 }, "what readers see while another version fills")
      yield* same((yield* live(projection.name))?.version, 1, "the live version while another one fills")
    })
  ),
  law(
    "registering again changes nothing, of the live version and of the filling one",
    Effect.gen(function* () {
      const { claim, projection } = yield* claimed()
      const moved = yield* commit(claim, 9, save(claim, { a: 1 }))
      const next = yield* registerNext(projection)
      const filling = yield* claimFirst(next)
      const filled = yield* commit(filling, 4, save(filling, { a: 2 }))
      yield* changesNothing(
        "registering again",
        projection.name,
        use((store) => Effect.andThen(store.register(projection), store.register(next)))
      )
      yield* commit(moved, 10)
      yield* commit(filled, 5)
    })
  ),
  law(
    "registrations that race make one generation of each version",
    Effect.gen(function* () {
      const projection = definition()
      const register = (version: number) =>
        race(numbers(20), () => use((store) => store.register({ ...projection, version })))
      const results = [...(yield* register(1)), ...(yield* register(2))]
      yield* Effect.forEach(losses(results), ({ message }) => broken(`a registration failed beside others: ${message}`))
      const fresh = { mode: "async", partition: 0, position: 0, state: "running" }
      yield* same(
        yield* rolesOf(projection.name),
        [
          { version: 1, role: "live", ...fresh },
          { version: 2, role: "filling", ...fresh }
        ],
        "the generations that racing registrations made"
      )
    })
  ),
  law(
    "an older version than the live one is left alone, and not run",
    Effect.gen(function* () {
      const projection = yield* registered({ version: 5 })
      const older = { ...projection, version: 4 }
      yield* changesNothing(
        "registering an older version",
        projection.name,
        use((store) => store.register(older))
      )
      yield* same(yield* claim(older), [], "the claims on an older version")
      // Also one that was there, when a newer one has taken over.
      const next = yield* registerNext(projection)
      yield* takeOver(yield* claimFirst(next))
      yield* changesNothing(
        "registering a version that is retired",
        projection.name,
        use((store) => store.register(projection))
      )
      yield* same(yield* claim(projection), [], "the claims on a retired version")
    })
  ),
  law(
    "a version that is there with another mode, other partitions or tables is refused as Misconfigured",
    Effect.gen(function* () {
      const projection = yield* registered({ partitions: 2 })
      for (const [what, change] of [
        ["another mode", { mode: "inline" }],
        ["other partitions", { partitions: 3 }],
        ["other tables", { tables: { entries: "(id text primary key)" } }]
      ] as const) {
        yield* changesNothing(
          `registering with ${what}`,
          projection.name,
          refused(
            `a version with ${what}`,
            "Misconfigured",
            use((store) => store.register({ ...projection, ...change }))
          )
        )
      }
    })
  ),
  law(
    "projections whose names are alike are different projections",
    Effect.gen(function* () {
      const { name } = definition()
      const names = [name, name.toUpperCase(), `${name}_`, `${name}%`, `${name} `, `${name}'"`, `${name}é`, `${name}👍`]
      for (const [i, name] of names.entries()) {
        const projection = yield* registered({ name })
        const first = yield* claimFirst(projection)
        yield* commit(first, i + 1, save(first, { i }))
      }
      for (const [i, name] of names.entries()) {
        yield* same(yield* documentsOf(name), { i }, `the documents of ${JSON.stringify(name)}`)
        const { status } = yield* everything(name)
        yield* same(
          status.map(({ name, position }) => ({ name, position })),
          [{ name, position: i + 1 }],
          `the status of ${JSON.stringify(name)}`
        )
      }
    })
  )
]
