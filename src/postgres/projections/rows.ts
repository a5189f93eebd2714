/**
 * Rows of the database as values of the port, and the pieces of SQL that several statements share.
 */
import * as DateTime from "effect/DateTime"
import type { Claim, Definition, Parked, Renewed, Skipped, Standing } from "../../ProjectionStore.ts"

/** The position of the last event, 0 in an empty log. */
export const head = (s: string): string => `(SELECT coalesce(max(h.position), 0) FROM ${s}.events h)`

/** The lowest position of the live generation of `g`'s projection, null where there is none. One that appends keep stands at the head. */
export const livePosition = (s: string): string =>
  `(SELECT CASE WHEN l.mode = 'inline' THEN ${head(s)}
      ELSE (SELECT min(lp.position) FROM ${s}.projection_partitions lp WHERE lp.generation = l.id) END
    FROM ${s}.projection_generations l WHERE l.name = g.name AND l.role = 'live')`

export interface StandingRow {
  readonly role: "live" | "filling" | "retired"
  readonly replayed_to: ReadonlyArray<ReadonlyArray<number>>
  readonly live_position: bigint | null
}

export const standingOf = (row: StandingRow | undefined): Standing => {
  if (row === undefined || row.role === "retired") return { _tag: "Retired" }
  if (row.role === "live") return { _tag: "Live", replayedTo: row.replayed_to }
  return { _tag: "Filling", upTo: row.live_position === null ? Infinity : Number(row.live_position) }
}

export interface ClaimRow extends StandingRow {
  readonly name: string
  readonly version: number
  readonly generation: number
  readonly partition: number
  readonly partitions: number
  readonly epoch: bigint
  readonly position: bigint
  readonly parked: ReadonlyArray<string>
  readonly skipped: ReadonlyArray<bigint>
  readonly retry: ReadonlyArray<string>
  readonly is_asked_for: boolean
}

export const claimOf = (row: ClaimRow): Claim => ({
  name: row.name,
  version: row.version,
  generation: row.generation,
  partition: row.partition,
  partitions: row.partitions,
  epoch: Number(row.epoch),
  position: Number(row.position),
  standing: standingOf(row),
  parked: new Set(row.parked),
  skipped: new Set(row.skipped.map(Number))
})

export const renewedOf = (row: ClaimRow): Renewed => ({
  claim: claimOf(row),
  retry: row.retry,
  isAskedFor: row.is_asked_for
})

export interface GenerationRow {
  readonly id: number
  readonly version: number
  readonly mode: Definition["mode"]
  readonly role: "live" | "filling" | "retired"
  readonly partitions: number
  readonly types: ReadonlyArray<string>
  readonly tables: { readonly [name: string]: string }
  readonly replayed_to: ReadonlyArray<ReadonlyArray<number>>
}

export interface ParkedRow {
  readonly generation: number
  readonly partition: number
  readonly position: bigint
  readonly lane: string
  readonly problem: string
  readonly attempts: number
  readonly parked_at: Date
}

export const parkedOf = ({
  attempts,
  generation,
  lane,
  parked_at,
  partition,
  position,
  problem
}: ParkedRow): Parked => ({
  generation,
  partition,
  position: Number(position),
  lane,
  problem,
  attempts,
  parkedAt: DateTime.fromDateUnsafe(parked_at)
})

export interface SkippedRow {
  readonly generation: number
  readonly partition: number
  readonly position: bigint
  readonly reason: string
  readonly skipped_at: Date
}

export const skippedOf = ({ generation, partition, position, reason, skipped_at }: SkippedRow): Skipped => ({
  generation,
  partition,
  position: Number(position),
  reason,
  skippedAt: DateTime.fromDateUnsafe(skipped_at)
})

const longest = 10_000

/** What somebody said, as far as the database can keep it: a problem must not be kept from being told by how it is told. */
export const told = (text: string): string => text.slice(0, longest).toWellFormed().replaceAll("\u0000", "\uFFFD")
