/**
 * Running Emmett's consumers for as long as they get on.
 */
import type { MessageConsumer } from "@event-driven-io/emmett"
import type pg from "pg"
import { setTimeout } from "node:timers/promises"
import { same, type Problems } from "./checks.ts"

/** What consumers do while nothing comes of it counts as lost after so many milliseconds: they skip events, and stop where all processors failed. */
export const patience = 10_000

const pause = 10

/** What a handler has been given, and when it was given the last. */
export interface Progress {
  handled: number
  at: number
}

/** Counts what is handled. */
export const advance = (progress: Progress): void => {
  progress.handled++
  progress.at = performance.now()
}

/** A consumer that runs. */
export interface Consuming {
  /** Waits for something to be so; false where nothing is handled for so long that it never will be. */
  readonly until: (progress: Progress, isSo: () => boolean | Promise<boolean>) => Promise<boolean>
  /** Stops it, and says what went wrong. */
  readonly stop: () => Promise<Problems>
}

/** What of a consumer is needed to run it. */
export type Startable = Pick<MessageConsumer, "isRunning" | "start" | "stop">

/** Starts a consumer. */
export const start = (consumer: Startable): Consuming => {
  const problems: Array<string> = []
  const failed = (error: unknown): void => {
    problems.push(`a consumer failed: ${error instanceof Error ? error.message : String(error)}`)
  }
  consumer.start().catch(failed)
  return {
    until: async (progress, isSo) => {
      const since = performance.now()
      while (!(await isSo())) {
        if (!consumer.isRunning || performance.now() - Math.max(since, progress.at) > patience) return isSo()
        await setTimeout(pause)
      }
      return true
    },
    stop: async () => {
      const late = setTimeout(patience, "late", { ref: false })
      if ((await Promise.race([consumer.stop().catch(failed), late])) === "late")
        problems.push("a consumer did not stop")
      return problems
    }
  }
}

/** The last position of the log. */
export const lastPosition = async (pool: pg.Pool): Promise<bigint> => {
  const { rows } = await pool.query<{ last: bigint }>(
    "SELECT coalesce(max(global_position), 0) AS last FROM emt_messages"
  )
  return rows[0]?.last ?? 0n
}

/** How far all of some processors have come, as they have stored it. */
export const storedCheckpoint = async (pool: pg.Pool, processors: ReadonlyArray<string>): Promise<bigint> => {
  const { rows } = await pool.query<{ stored: bigint; count: bigint }>(
    "SELECT count(*) AS count, min(last_processed_checkpoint::bigint) AS stored FROM emt_processors WHERE processor_id = ANY($1)",
    [processors]
  )
  return rows[0]?.count === BigInt(processors.length) ? rows[0].stored : -1n
}

/** Says that a consumer did not come to the end of the log. */
export const notDone = (what: string, done: boolean, handled: number, events: number): Problems =>
  done ? [] : [`${what} came to no end`, ...same(`events handled by ${what}`, handled, events)]
