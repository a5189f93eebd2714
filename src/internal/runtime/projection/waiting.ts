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
