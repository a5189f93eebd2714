/**
 * A database with writers in this process, on which a test lets projections run, and does its worst.
 */
import type { PgClient } from "@effect/sql-pg"
import { Context, type Duration, Effect, Fiber, Layer, Random, type Scope } from "effect"
import { EventStore } from "eventfold"
import { freshDatabase, type Server } from "../../../support/server.ts"
import type { Violation } from "../../support/oracle.ts"
import { connect, eventually, within } from "../../support/stores.ts"
import { patiently } from "../../support/workload.ts"
import { appendTo } from "./domain.ts"
import { look, reached } from "./judge.ts"
import { storesAt } from "./runners.ts"

/** Said by a failing test, in its name, and given by FAULT_SEED. */
export const seed = process.env["FAULT_SEED"] ?? crypto.randomUUID().slice(0, 8)

/** How many times longer than usual to go on: FAULT_ROUNDS. */
export const rounds = Number(process.env["FAULT_ROUNDS"] ?? 1)

export const numbers = (count: number): ReadonlyArray<number> => Array.from({ length: count }, (_, n) => n)

/** How the tests of a suite run: one after the other, and by the real clock. */
export const live = { excludeTestServices: true, concurrent: false, timeout: 60_000 } as const

export interface Scene {
  readonly url: string
  /** A client to look with. */
  readonly sql: PgClient.PgClient
  /** All that projections need, in this process. */
  readonly stores: Context.Context<Layer.Success<ReturnType<typeof storesAt>>>
  readonly store: EventStore.EventStore["Service"]
}

/** An empty log in a database of its own. */
export const aScene = (server: Server) => Effect.flatMap(freshDatabase(server), sceneAt)

export const sceneAt = (url: string) =>
  Effect.gen(function* () {
    const stores = yield* Layer.build(Layer.fresh(storesAt(url)))
    const sql = yield* connect(url, { applicationName: "admin" })
    const scene: Scene = { url, sql, stores, store: Context.get(stores, EventStore.EventStore) }
    return scene
  })

export const boxes = 9

export interface Writing {
  /** Waits until so many more events are appended. */
  readonly more: (events: number) => Effect.Effect<unknown, Violation>
  /** Ends the writers, and gives how many events they have appended. */
  readonly end: Effect.Effect<number, Violation | EventStore.StoreError>
}

/** Writers in this process. */
export const startWriting = (
  { store }: Pick<Scene, "store">,
  options: { readonly fibers: number; readonly pause: number }
): Effect.Effect<Writing, never, Scope.Scope> =>
  Effect.gen(function* () {
    let isDone = false
    let appended = 0
    const writer = (fiber: number) =>
      Effect.gen(function* () {
        while (!isDone) {
          const [box, key] = [yield* Random.nextIntBetween(1, boxes), yield* Random.nextIntBetween(0, 4)]
          yield* patiently(appendTo(store, box, `k${key}`))
          appended++
          yield* Effect.sleep(yield* Random.nextIntBetween(0, options.pause))
        }
      }).pipe(Random.withSeed(`${seed} ${fiber}`))
    const writers = yield* Effect.forkScoped(
      Effect.forEach(numbers(options.fibers), writer, { concurrency: "unbounded", discard: true })
    )
    const more = (events: number) =>
      Effect.suspend(() => {
        const target = appended + events
        return eventually(
          `${events} more events`,
          Effect.sync(() => appended),
          (found) => found >= target,
          "15 seconds"
        )
      })
    const end = Effect.suspend(() => {
      isDone = true
      return within("the writers end", "15 seconds")(Fiber.join(writers))
    })
    return { more, end: Effect.map(end, () => appended) }
  })

/** Waits until projections have come to the head of the log. */
export const caughtUp = (
  { sql, store }: Pick<Scene, "sql" | "store">,
  names: ReadonlyArray<string>,
  patience: Duration.Input = "10 seconds"
) =>
  Effect.gen(function* () {
    const head = yield* store.head
    yield* Effect.forEach(
      names,
      (name) =>
        eventually(
          `${name} comes to ${head}`,
          look(sql, name),
          (moment) => moment !== undefined && reached(moment) >= head,
          patience
        ),
      { discard: true }
    )
    return head
  })
