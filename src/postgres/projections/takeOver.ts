/**
 * How a generation takes over from the live one.
 *
 * Invariant: in the transaction that exchanges the roles the rows of all partitions of both generations are locked, and where
 * one of them is inline the log as well. So neither moves while the rest is handled: the new generation has handled what the old
 * one has, no more and no less, and every event after that is handled by the new one alone, for the claims on the old one are
 * lost.
 */
import * as Effect from "effect/Effect"
import type { StoreError } from "../../EventStore.ts"
import { withStood } from "../../internal/adapter/replayed.ts"
import type { Claim, ClaimLost, ProjectionStore } from "../../ProjectionStore.ts"
import { type Access, idleFor, lockLog, ownTransaction, projectionLock } from "./access.ts"
import { claimLost } from "./claims.ts"
import { generationsOf, inRole, lockPartitions, retire, setInlineTypes } from "./generations.ts"
import { type GenerationRow, head, livePosition } from "./rows.ts"
import { showTables } from "./tables.ts"

type Rest = ReadonlyArray<{ readonly partition: number; readonly after: number; readonly upTo: number }>

export const takeOver = (access: Access): Pick<ProjectionStore["Service"], "takeOver"> => {
  const { changed, query, s } = access

  /**
   * Takes the lock of the projection. A transaction of somebody who is stopped is ended by the database, for it keeps all that
   * is locked here.
   */
  const begin = ({ generation, name, partition }: Claim) =>
    query(
      `SELECT ${projectionLock(access, "$1::text")}, (
  SELECT ${idleFor("p.lease")} FROM ${s}.projection_partitions p
  WHERE p.generation = $2::integer AND p.partition = $3::integer AND p.lease IS NOT NULL
)`,
      [name, generation, partition]
    )

  /** What is left of a filling generation before the locks are taken that keep others waiting. */
  const restBefore = ({ id, mode }: GenerationRow) =>
    Effect.map(
      query<{ readonly rest: bigint | null }>(
        `SELECT ${mode === "inline" ? head(s) : `coalesce(${livePosition(s)}, ${head(s)})`}
  - (SELECT min(p.position) FROM ${s}.projection_partitions p WHERE p.generation = g.id) AS rest
FROM ${s}.projection_generations g WHERE g.id = $1::integer`,
        [id]
      ),
      ([row]) => Number(row?.rest ?? 0)
    )

  const headNow = Effect.map(query<{ readonly head: bigint }>(`SELECT ${head(s)} AS head`), ([row]) => row!.head)

  const exchange = (
    name: string,
    next: GenerationRow,
    before: GenerationRow | undefined,
    upTo: bigint,
    replayedTo: ReadonlyArray<ReadonlyArray<number>>
  ) =>
    Effect.gen(function* () {
      if (before !== undefined) yield* retire(access, before)
      yield* query(
        `UPDATE ${s}.projection_partitions SET position = greatest(position, $2::bigint), owner = NULL, lease_until = NULL,
  claimable = $3::boolean
WHERE generation = $1::integer`,
        [next.id, upTo, next.mode === "async"]
      )
      yield* query(
        `UPDATE ${s}.projection_generations SET role = 'live', replayed_to = $2::jsonb WHERE id = $1::integer`,
        [next.id, JSON.stringify(replayedTo)]
      )
      yield* showTables(access, name, next, before)
      if (next.mode === "inline") yield* setInlineTypes(access, next.id, next.types)
    })

  return {
    takeOver: <E, R>(
      claim: Claim,
      most: number,
      finish: (rest: Rest) => Effect.Effect<void, E, R>
    ): Effect.Effect<boolean, E | StoreError | ClaimLost, R> => {
      const steps = Effect.gen(function* () {
        yield* begin(claim)
        const known = yield* generationsOf(access, claim.name)
        const next = known.find(({ id }) => id === claim.generation)
        if (next === undefined || next.role === "retired") return yield* claimLost(claim)
        if (next.role === "filling" && (yield* restBefore(next)) > most) return false
        const before = next.role === "live" ? undefined : inRole(known, "live")
        // Where either stands at the head of the log, the head must not move.
        if (next.mode === "inline" || before?.mode === "inline") yield* lockLog(access)
        const partitions = yield* lockPartitions(access, [next.id, ...(before === undefined ? [] : [before.id])])
        const its = partitions.filter(({ generation }) => generation === next.id)
        const isHeld = its.some(
          ({ epoch, partition, position }) =>
            partition === claim.partition && Number(epoch) === claim.epoch && Number(position) === claim.position
        )
        if (!isHeld) return yield* claimLost(claim)
        if (next.role === "live") return true

        const end = yield* headNow
        const stood = partitions
          .filter(({ generation }) => generation === before?.id)
          .map(({ position }) => (before?.mode === "inline" ? end : position))
        const upTo = next.mode === "inline" || stood.length === 0 ? end : stood.reduce((a, b) => (a < b ? a : b))
        const rest = its
          .filter(({ position }) => position < upTo)
          .map(({ partition, position }) => ({ partition, after: Number(position), upTo: Number(upTo) }))
        if (rest.some(({ after, upTo }) => upTo - after > most)) return false
        yield* finish(rest)
        const replayedTo = before === undefined ? next.replayed_to : withStood(before.replayed_to, stood.map(Number))
        yield* exchange(claim.name, next, before, upTo, replayedTo)
        yield* changed
        return true
      })
      return ownTransaction(access, "to take over", steps)
    }
  }
}
