/**
 * Waiting for what projections come to, in this process or in another.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { ProjectionStore } from "../../../ProjectionStore.ts"

/** How often to look for what changed in another process. What changed in this one is told. */
const lookEvery = Duration.millis(25)

/**
 * Looks again and again until what is seen will do.
 */
export const lookUntil = <A, E>(
  store: ProjectionStore["Service"],
  look: Effect.Effect<A, E>,
  willDo: (seen: A) => boolean
): Effect.Effect<A, E> =>
  Effect.flatMap(look, (seen) =>
    willDo(seen)
      ? Effect.succeed(seen)
      : Stream.merge(store.changes, Stream.tick(lookEvery)).pipe(
          Stream.mapEffect(() => look),
          Stream.filter(willDo),
          Stream.runHead,
          Effect.flatMap(Option.match({ onNone: () => Effect.never, onSome: Effect.succeed }))
        )
  )

/** What has failed of a projection, in words. */
export const failureOf = (store: ProjectionStore["Service"], name: string) =>
  Effect.map(
    store.status(name),
    (all) =>
      all.flatMap(({ failure, role, version }) =>
        failure === undefined || role === "retired"
          ? []
          : [{ role, version, problem: `it has failed at position ${failure.position}: ${failure.problem}` }]
      )[0]
  )

/** What it has failed at, with what has it go on: it does not do so by itself, also where the code was mended meanwhile. */
export const failedAt = (store: ProjectionStore["Service"], name: string) =>
  Effect.map(failureOf(store, name), (failure) =>
    failure === undefined
      ? undefined
      : `${failure.problem}\nIt stands there, also in later runs, until it is resumed: npx eventfold projections resume ${name}`
  )

/** What keeps the version that is read, in words, as far as its status tells. */
export const standstillOf = Effect.fnUntraced(function* (store: ProjectionStore["Service"], name: string) {
  const failed = yield* failedAt(store, name)
  if (failed !== undefined) return failed
  const live = (yield* store.status(name)).filter(({ role }) => role === "live")
  if (live.some(({ state }) => state === "paused")) return "it is paused"
  const alone = live.find(({ owner }) => owner === undefined)
  return alone === undefined ? undefined : `version ${alone.version} is the one that is read, and nobody runs it`
})
