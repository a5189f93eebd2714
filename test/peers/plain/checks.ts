/**
 * What is stored, held against what was asked for.
 */
import type pg from "pg"
import type { Task } from "../../../bench/peers/contract.ts"
import { categoryOf, streamOf, sumOf } from "../../../bench/peers/payload.ts"

/** A number as people read it. */
export const said = (number: number): string => number.toLocaleString("en-US")

/** What went wrong, if anything. */
export const verdict = (problems: ReadonlyArray<string>): string => {
  const found = problems.filter((problem) => problem !== "")
  return found.length === 0 ? "ok" : found.join("; ")
}

/** The streams that the fibers of a process have written in some rounds. */
export const streamsOf = (task: Task, rounds: ReadonlyArray<number>): ReadonlyArray<string> =>
  rounds.flatMap((round) =>
    Array.from({ length: task.fibers }, (_, fiber) => streamOf(categoryOf(task.process, round), fiber))
  )

/** Says so if a stream has not exactly the versions 1, 2, 3... up to its length, each with its own amount and of its own account. */
export const checkStreams = async (db: pg.Pool, lengths: ReadonlyMap<string, number>): Promise<string> => {
  const { rows } = await db.query<{ wrong: number; asked: number; found: number }>(
    `SELECT count(*) FILTER (WHERE NOT (found.events = asked.length AND found.last = asked.length AND found.fit)) AS wrong,
  coalesce(sum(asked.length), 0)::bigint AS asked, coalesce(sum(found.events), 0)::bigint AS found
FROM unnest($1::text[], $2::bigint[]) AS asked (stream, length)
CROSS JOIN LATERAL (
  SELECT count(*) AS events, coalesce(max(version), 0) AS last,
    coalesce(bool_and((data ->> 'amount')::bigint = version AND data ->> 'account' = e.stream), true)
      AND count(DISTINCT version) = count(*) AND coalesce(min(version), 1) = 1 AS fit
  FROM events e WHERE e.stream = asked.stream
) AS found`,
    [[...lengths.keys()], [...lengths.values()]]
  )
  const { asked, found, wrong } = rows[0] ?? { wrong: Number.NaN, asked: Number.NaN, found: Number.NaN }
  return wrong === 0
    ? ""
    : `${said(wrong)} of ${said(lengths.size)} streams are wrong: ${said(found)} of ${said(asked)} events`
}

/** What somebody has read of the log of prefilled streams. */
export interface Read {
  readonly events: number
  readonly sum: number
  readonly disorders: number
}

/** Says so if not everything was read, once, in the order of each stream. */
export const checkRead = (task: Task, reads: ReadonlyArray<Read>): string => {
  const events = reads.length * task.streams * task.length
  const sum = reads.length * task.streams * sumOf(task.length)
  const read = reads.reduce((all, one) => all + one.events, 0)
  const total = reads.reduce((all, one) => all + one.sum, 0)
  const disorders = reads.reduce((all, one) => all + one.disorders, 0)
  return read === events && total === sum && disorders === 0
    ? ""
    : `read ${said(read)} of ${said(events)} events, which come to ${said(total)} instead of ${said(sum)}; ${said(disorders)} out of order`
}

/** Takes events and says what they came to. */
export const reader = (): {
  readonly take: (stream: string, version: number, amount: number) => void
  readonly result: () => Read
} => {
  const versions = new Map<string, number>()
  let events = 0
  let sum = 0
  let disorders = 0
  return {
    take: (stream, version, amount) => {
      if ((versions.get(stream) ?? 0) + 1 !== version) disorders++
      versions.set(stream, version)
      events++
      sum += amount
    },
    result: () => ({ events, sum, disorders })
  }
}
