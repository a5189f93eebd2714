/**
 * An owner that is dead or stands still is replaced within five seconds, and cannot write any more when it comes back. EVENTFOLD_FIGURES prints
 * how long it took.
 */
import { assert, layer } from "@effect/vitest"
import { Clock, Effect } from "effect"
import { TestServer } from "../../support/server.ts"
import { eventually, holding, lockWaiters } from "../support/stores.ts"
import { appendTo, type Kind, trap } from "./support/domain.ts"
import { judge, judgePhases, look, makeWatch, nothingAside, reached, watching } from "./support/judge.ts"
import { said, start } from "./support/runners.ts"
import { aScene, boxes, caughtUp, live, type Scene, seed, startWriting } from "./support/scene.ts"

/** From one commit of the former owner to one of the next. */
const replacement = 5_000

const ownerOf = ({ sql }: Scene, name: string) =>
  Effect.map(
    sql.unsafe<{ readonly owner: string | null }>(
      `SELECT p.owner FROM eventfold.projection_partitions p JOIN eventfold.projection_generations g ON g.id = p.generation
WHERE g.name = $1 AND p.lease_until > clock_timestamp()`,
      [name]
    ),
    ([row]) => row?.owner ?? undefined
  )

/** Two processes, of which the first is the owner. */
const ownerAndCandidate = (scene: Scene, kind: Kind, isTrapped: boolean) =>
  Effect.gen(function* () {
    const startOne = (isTrapped: boolean) =>
      start({ _tag: "Run", url: scene.url, projections: [{ kind, version: 1, partitions: 1 }], isTrapped })
    const owner = yield* startOne(isTrapped)
    yield* said([owner], "Started")
    yield* eventually("it has an owner", ownerOf(scene, kind), (owner) => owner !== undefined)
    const candidate = yield* startOne(false)
    yield* said([candidate], "Started")
    return { owner, candidate }
  })

/** Does something to an owner, and gives how long it took until another one has committed: what is appended from now on is handled. */
const replacedAfter = (scene: Scene, kind: Kind, fault: Effect.Effect<void>) =>
  Effect.gen(function* () {
    const former = yield* ownerOf(scene, kind)
    const began = yield* Clock.currentTimeMillis
    yield* fault
    const { position } = yield* appendTo(scene.store, 1)
    yield* eventually(
      `${kind} goes on`,
      look(scene.sql, kind),
      (moment) => moment !== undefined && reached(moment) >= position,
      replacement
    )
    const millis = (yield* Clock.currentTimeMillis) - began
    assert.notStrictEqual(yield* ownerOf(scene, kind), former)
    if (process.env["EVENTFOLD_FIGURES"] !== undefined) process.stdout.write(`${kind} is replaced after ${millis} ms\n`)
    return millis
  })

const names = { streams: { streams: "streams" }, keys: { keys: "keys" }, lines: { lines: "lines" } }

layer(TestServer.layer(), live)(`owners of projections, with FAULT_SEED=${seed},`, (it) => {
  it.effect(
    "are replaced within five seconds when they die, or stand still in a fold or a transaction, and then write no more",
    () =>
      Effect.gen(function* () {
        const server = yield* TestServer
        const scenes = (["streams", "lines"] as const).map((kind) =>
          Effect.gen(function* () {
            const scene = yield* aScene(server)
            const { owner, candidate } = yield* ownerAndCandidate(scene, kind, true)
            const { end, more } = yield* startWriting(scene, { fibers: 3, pause: 20 })
            yield* more(50)
            const trapped = Effect.gen(function* () {
              yield* appendTo(scene.store, boxes, trap)
              yield* said([owner], "Trapped")
            })
            const watch = makeWatch(scene.sql, kind)
            const stopAndGoOn = Effect.gen(function* () {
              yield* trapped
              yield* replacedAfter(scene, kind, owner.pause)
              const owned = yield* ownerOf(scene, kind)
              yield* owner.goOn
              yield* more(100)
              assert.strictEqual(yield* ownerOf(scene, kind), owned)
              yield* replacedAfter(scene, kind, candidate.kill9)
              yield* more(50)
              yield* end
              yield* caughtUp(scene, [kind])
            })
            yield* kind === "streams" ? watching([watch], stopAndGoOn) : stopAndGoOn
            yield* judge(scene.sql, names[kind])
            if (kind === "lines") yield* judgePhases(scene.sql, kind)
            yield* nothingAside(scene.sql)
          })
        )
        yield* Effect.all(scenes, { concurrency: "unbounded" })
      })
  )

  it.effect("keep nobody waiting who stand still while they register", () =>
    Effect.gen(function* () {
      const scene = yield* aScene(yield* TestServer)
      const startOne = start({
        _tag: "Run",
        url: scene.url,
        projections: [{ kind: "streams", version: 1, partitions: 1 }],
        isTrapped: false
      })
      const lock = scene.sql.unsafe(
        "SELECT pg_advisory_xact_lock(hashtextextended('eventfold:eventfold:projection:streams', 0))"
      )
      const { end } = yield* holding(scene.sql, lock)
      const first = yield* startOne
      yield* eventually("it waits", lockWaiters(scene.sql), (n) => n === 1)
      yield* first.pause
      // It has all the locks from now on, and nothing more comes from it.
      yield* end
      const second = yield* startOne
      const { position } = yield* appendTo(scene.store, 1)
      yield* eventually(
        "the other one registers, and goes on",
        look(scene.sql, "streams"),
        (moment) => moment !== undefined && reached(moment) >= position,
        replacement
      )
      yield* first.goOn
      yield* said([first, second], "Started", 2)
      yield* caughtUp(scene, ["streams"])
      yield* judge(scene.sql, { streams: "streams" })
    })
  )
})
