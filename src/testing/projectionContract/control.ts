/**
 * Control: what people see of projections, and that those who run them notice what people did.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { appendTo, freshStream, head } from "../contract/fixtures.ts"
import { broken, holds, same } from "../contract/Law.ts"
import {
  changesNothing,
  claim,
  claimAll,
  claimed,
  claimFirst,
  commit,
  commitIsLost,
  definition,
  documentsOf,
  eventually,
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

/** A live generation and one that fills beside it, both claimed. */
const two = Effect.gen(function* () {
  const { claim: first, projection } = yield* claimed()
  const live = yield* commit(first, 20, save(first, { by: "live" }))
  const next = yield* registerNext(projection)
  const begun = yield* claimFirst(next)
  const filling = yield* commit(begun, 10, save(begun, { by: "filling" }))
  return { projection, next, live, filling, name: projection.name }
})

export const laws: ReadonlyArray<Law> = [
  law(
    "the status tells of each partition how it is doing, by name, generation and partition",
    Effect.gen(function* () {
      const { position } = yield* appendTo(freshStream(), 30)
      const projection = yield* registered({ partitions: 2 })
      yield* registerNext(projection, { partitions: 1 })
      const [first] = yield* claim(projection, { owner: "somebody", most: 1 })
      const rated = use((store) => store.commit(first!, { to: position - 10, rate: 12 }, Effect.void))
      const moved = yield* rated
      const status = yield* use((store) => store.status(projection.name))
      const shown = status.map(({ generation: _generation, lagTime: _time, ...rest }) => rest)
      const fresh = { name: projection.name, mode: "async", state: "running", failure: undefined, parked: 0 }
      const idle = { rate: 0, owner: undefined, position: 0, lag: position }
      const its = { ...fresh, version: 1, role: "live", partitions: 2 }
      yield* same(
        shown,
        [
          { ...its, partition: 0, position: position - 10, lag: 10, rate: 12, owner: "somebody" },
          { ...its, partition: 1, ...idle },
          { ...fresh, version: 2, role: "filling", partition: 0, partitions: 1, ...idle }
        ],
        "the status of a projection"
      )
      const generations = status.map(({ generation }) => generation)
      yield* holds(
        generations[0] === generations[1] && generations[1]! < generations[2]!,
        "a later generation has no greater number",
        generations
      )
      const all = yield* use((store) => store.status())
      const mine = all.filter(({ name }) => name === projection.name)
      yield* same(
        mine.map(({ generation, partition }) => ({ generation, partition })),
        status.map(({ generation, partition }) => ({ generation, partition })),
        "the status of a projection among all"
      )
      yield* commit(moved, position)
      yield* same((yield* statusOf(first!)).lag, 0, "the lag at the head of the log")
    })
  ),
  law(
    "the lag in time is how long ago the first event was recorded that is left, and zero at the head",
    Effect.gen(function* () {
      const { claim } = yield* claimed()
      yield* appendTo(freshStream(), 2)
      yield* eventually(
        "the lag in time does not grow while an event is left",
        Effect.map(statusOf(claim), ({ lagTime }) => (Duration.toMillis(lagTime) >= 20 ? true : undefined))
      )
      const moved = yield* commit(claim, yield* head)
      yield* same(Duration.toMillis((yield* statusOf(claim)).lagTime), 0, "the lag in time at the head of the log")
      yield* appendTo(freshStream(), 1)
      yield* eventually(
        "the lag in time does not grow while the last event is left",
        Effect.map(statusOf(moved), ({ lagTime }) => (Duration.toMillis(lagTime) >= 20 ? true : undefined))
      )
    })
  ),
  law(
    "what is paused loses its claims and is not given again until it is resumed",
    Effect.gen(function* () {
      const { filling, live, name, next, projection } = yield* two
      yield* use((store) => store.pause(name))
      for (const claim of [live, filling]) {
        yield* same((yield* statusOf(claim)).state, "paused", "the state of what is paused")
        yield* same((yield* statusOf(claim)).owner, undefined, "the owner of what is paused")
        yield* commitIsLost("a commit to what is paused", claim)
      }
      const claims = Effect.all([claim(projection), claim(next)])
      yield* same(yield* claims, [[], []], "the claims on what is paused")
      yield* same(yield* documentsOf(name), { by: "live" }, "the documents of what is paused")
      yield* use((store) => store.resume(name))
      const [[first], [second]] = yield* claims
      if (first === undefined || second === undefined) return yield* broken("what is resumed is not given")
      yield* same([first.position, second.position], [20, 10], "the positions of what is resumed")
      yield* commit(first, 21)
      yield* commit(second, 11)
    })
  ),
  law(
    "a partition that failed says what at, and is not given again until it is resumed; the others go on",
    Effect.gen(function* () {
      const projection = yield* registered({ partitions: 2 })
      const [first, second] = yield* claimAll(projection)
      const moved = yield* commit(first!, 6)
      const failure = { position: 7, problem: `it's "wrong" 👎` }
      yield* use((store) => store.fail(moved, failure))
      const failed = yield* statusOf(moved)
      yield* same(
        { state: failed.state, failure: failed.failure, position: failed.position, owner: failed.owner },
        { state: "failed", failure, position: 6, owner: undefined },
        "the status of a partition that failed"
      )
      yield* same(yield* claim(projection), [], "the claims on a partition that failed")
      yield* commitIsLost("a commit to a partition that failed", moved)
      yield* commit(second!, 9)
      yield* use((store) => store.resume(projection.name))
      const resumed = yield* statusOf(moved)
      yield* same(
        { state: resumed.state, failure: resumed.failure },
        { state: "running", failure: undefined },
        "the status of a partition that is resumed"
      )
      const [again] = yield* claim(projection)
      yield* same(again?.position, 6, "where a partition goes on that is resumed")
      yield* commit(again!, 7)
    })
  ),
  law(
    "a failed partition passes over the event that is skipped, and goes on",
    Effect.gen(function* () {
      const projection = yield* registered({ partitions: 2 })
      const [first, second] = yield* claimAll(projection)
      yield* use((store) => store.fail(first!, { position: 7, problem: "wrong" }))
      yield* changesNothing(
        "skipping what nobody failed at",
        projection.name,
        refused(
          "skipping what nobody failed at",
          "InvalidRequest",
          use((store) => store.skip(projection.name, { position: 8, reason: "no" }))
        )
      )
      yield* use((store) => store.skip(projection.name, { position: 7, reason: `it's "known"` }))
      const { failure, state } = yield* statusOf(first!)
      yield* same({ failure, state }, { failure: undefined, state: "running" }, "the status after an event is skipped")
      const [again] = yield* claim(projection)
      if (again === undefined) return yield* broken("a partition that passed over an event is not given")
      yield* same(again.position, 0, "where a partition goes on that passes over an event")
      yield* same(Array.from(again.skipped), [7], "what a claim is to skip")
      yield* commit(again, 8)
      const skipped = (yield* use((store) => store.skipped(projection.name))).map(({ skippedAt: _at, ...rest }) => rest)
      yield* same(
        skipped,
        [{ generation: again.generation, partition: 0, position: 7, reason: `it's "known"` }],
        "what was skipped"
      )
      yield* commit(second!, 1)
    })
  ),
  law(
    "a live generation that is reset is empty and begins anew, and whoever runs it notices",
    Effect.gen(function* () {
      const { filling, live: old, name, projection } = yield* two
      yield* use((store) => store.reset(name))
      yield* same(yield* documentsOf(name), {}, "the documents of what was reset")
      yield* same(
        yield* live(name),
        { generation: old.generation, version: 1, position: 0, mode: "async" },
        "the live generation after it was reset"
      )
      yield* commitIsLost("a commit to what was reset", old)
      const again = yield* claimFirst(projection)
      yield* same(again.position, 0, "where a generation begins that was reset")
      const standing = yield* use((store) => store.standing(filling))
      yield* same(standing, { _tag: "Filling", upTo: 0 }, "where a generation stands beside one that was reset")
      yield* commit(again, 2, save(again, { by: "again" }))
      yield* same(yield* documentsOf(name), { by: "again" }, "the documents of what begins anew")
    })
  ),
  law(
    "a generation that is reset knows up to where its events had been handled",
    Effect.gen(function* () {
      const { claim, projection } = yield* claimed()
      const { position: before } = yield* appendTo(freshStream(), 5)
      yield* commit(claim, before)
      yield* use((store) => store.reset(projection.name))
      const again = yield* claimFirst(projection)
      yield* same(again.standing, { _tag: "Live", replayedTo: [[before]] }, "where a generation stands that was reset")
    })
  ),
  law(
    "a rebuild fills another generation of the live version beside it, which takes over",
    Effect.gen(function* () {
      const { claim: first, projection } = yield* claimed()
      const old = yield* commit(first, 20, save(first, { by: "old" }))
      yield* use((store) => store.rebuild(projection.name))
      yield* same(yield* documentsOf(projection.name), { by: "old" }, "what readers see during a rebuild")
      const [begun] = yield* claim(projection)
      if (begun === undefined) return yield* broken("a rebuild is not given to anybody")
      yield* holds(begun.generation > old.generation, "a rebuild is no later generation")
      const { generation: _generation, epoch: _epoch, ...its } = begun
      const nothing = { parked: new Set(), skipped: new Set() }
      const { name } = projection
      yield* same(
        its,
        {
          name,
          version: 1,
          partition: 0,
          partitions: 1,
          position: 0,
          standing: { _tag: "Filling", upTo: 20 },
          ...nothing
        },
        "the claim on a rebuild"
      )
      const moved = yield* commit(old, 21)
      const filled = yield* commit(begun, 21, save(begun, { by: "new" }))
      yield* takeOver(filled)
      yield* same(yield* documentsOf(name), { by: "new" }, "what readers see after a rebuild")
      yield* commitIsLost("a commit to what was rebuilt", moved)
    })
  ),
  law(
    "a rebuild of what is filling already begins anew, and whoever fills it notices",
    Effect.gen(function* () {
      const { claim: old, projection } = yield* claimed()
      const { name } = projection
      yield* commit(old, 20, save(old, { by: "old" }))
      yield* use((store) => store.rebuild(name))
      const [begun] = yield* claim(projection)
      const filled = yield* commit(begun!, 20, save(begun!, { by: "first", more: true }))
      yield* use((store) => store.rebuild(name))
      const filling = (yield* use((store) => store.status(name))).filter(({ role }) => role === "filling")
      yield* same(
        filling.map(({ position, version }) => ({ position, version })),
        [{ position: 0, version: 1 }],
        "the generations that fill after a second rebuild"
      )
      const late = yield* Effect.result(commit(filled, 21, save(filled, { by: "late" })))
      yield* holds(
        late._tag === "Failure" && late.failure._tag === "ClaimLost",
        "a commit to a rebuild that began anew is not ClaimLost"
      )
      const [again] = yield* claim(projection)
      yield* takeOver(yield* commit(again!, 20, save(again!, { by: "second" })))
      yield* same(yield* documentsOf(name), { by: "second" }, "what readers see after a second rebuild")
    })
  ),
  law(
    "retired generations are removed when they are told to, and no others",
    Effect.gen(function* () {
      const { filling, live: old, name, next } = yield* two
      yield* takeOver(yield* commit(filling, 20))
      const third = yield* registerNext(next)
      const filled = yield* claimFirst(third)
      const generations = Effect.map(
        use((store) => store.status(name)),
        (all) => all.map(({ generation, role }) => ({ generation, role }))
      )
      const kept = [
        { generation: filling.generation, role: "live" },
        { generation: filled.generation, role: "filling" }
      ]
      const retired = { generation: old.generation, role: "retired" }
      yield* same(yield* generations, [retired, ...kept], "the generations before one is removed")
      yield* use((store) => store.removeRetired(name))
      yield* same(yield* generations, kept, "the generations after the retired one is removed")
      yield* same(yield* documentsOf(name), { by: "filling" }, "the documents after a generation is removed")
      const found = yield* use((store) => store.documents(old.generation, ["by"], { lock: false }))
      yield* same(Object.fromEntries(found), {}, "the documents of a generation that is removed")
      yield* commit(filled, 1)
      yield* use((store) => store.removeRetired(name))
    })
  ),
  law(
    "what is asked of a projection that is not there is refused as InvalidRequest",
    use((store) =>
      Effect.gen(function* () {
        const { name } = definition()
        const at = { position: 1, reason: "none" }
        const requests = {
          pausing: store.pause(name),
          resuming: store.resume(name),
          resetting: store.reset(name),
          rebuilding: store.rebuild(name),
          skipping: store.skip(name, at),
          "retrying what is parked of": store.retryParked(name),
          "discarding what is parked of": store.discardParked(name, at),
          "removing retired generations of": store.removeRetired(name)
        }
        for (const [what, request] of Object.entries(requests)) {
          yield* refused(`${what} a projection that is not there`, "InvalidRequest", request)
        }
      })
    )
  )
]
