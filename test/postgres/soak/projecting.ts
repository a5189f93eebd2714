/**
 * Projections in several processes, of a log of its own on the server that the soak hurts: versions come and go, and in the end every event counts once.
 */
import type { PgClient } from "@effect/sql-pg"
import { Effect, Random } from "effect"
import type { Variant } from "../projections/support/domain.ts"
import { judge, judgePhases, look, makeWatch, nothingAside, reached } from "../projections/support/judge.ts"
import { type Runner, said, start } from "../projections/support/runners.ts"
import { caughtUp, sceneAt, startWriting } from "../projections/support/scene.ts"
import { eventually } from "../support/stores.ts"
import { patiently } from "../support/workload.ts"

const names = ["streams", "keys", "lines"] as const

/** How long a process may take that was not there, with the lease of the one before. */
const patience = "15 seconds"

const processes = 3

export const startProjecting = ({ sql, url }: { readonly sql: PgClient.PgClient; readonly url: string }) =>
  Effect.gen(function* () {
    const scene = { ...(yield* sceneAt(url)), sql }
    let version = 1
    const startOne = Effect.suspend(() => {
      const partitions = version % 2 === 1 ? 1 : 3
      const projections = names.map((kind): Variant => ({ kind, version, partitions }))
      return start({ _tag: "Run", url, projections, isTrapped: false })
    })
    const running: Array<Runner> = yield* Effect.forEach(Array.from({ length: processes }), () => startOne)
    const paused: Array<Runner> = []
    yield* said(running, "Started", processes)
    const { end } = yield* startWriting(scene, { fibers: 10, pause: 200 })
    const watch = makeWatch(sql, "streams")

    /** Starts one in the place of another. */
    const replaced = Effect.gen(function* () {
      const at = yield* Random.nextIntBetween(0, processes - 1)
      const [victim] = running.splice(at, 1, yield* startOne)
      return victim!
    })

    /** What is appended now is handled, by the version that was started last. */
    const goesOn = Effect.gen(function* () {
      const head = yield* patiently(scene.store.head)
      yield* Effect.forEach(
        names,
        (name) =>
          eventually(
            `${name} goes on`,
            look(sql, name),
            (moment) => moment !== undefined && moment.version === version && reached(moment) >= head,
            patience
          ),
        { concurrency: "unbounded" }
      )
      yield* watch.once
    })

    return {
      kill: Effect.flatMap(replaced, ({ kill9 }) => kill9),
      /** Who stands still comes back with the next one that does. */
      pause: Effect.gen(function* () {
        for (const one of paused.splice(0)) {
          yield* one.goOn
          running.push(one)
        }
        const victim = yield* replaced
        yield* victim.pause
        paused.push(victim)
      }),
      /** Those of the old version stay until it is live, and then go one by one. */
      deploy: Effect.gen(function* () {
        version++
        const old = running.splice(0)
        for (const _ of old) running.push(yield* startOne)
        yield* goesOn
        yield* Effect.forEach(old, ({ finish }) => finish)
      }),
      goesOn,
      end: Effect.gen(function* () {
        for (const one of paused) yield* one.goOn
        const appended = yield* end
        yield* caughtUp(scene, names)
        yield* judge(sql, { streams: "streams", keys: "keys", lines: "lines" })
        const generations = yield* judgePhases(sql, "lines")
        yield* nothingAside(sql)
        return { appended, generations }
      })
    }
  })
