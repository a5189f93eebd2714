/**
 * What the benchmark and the programs that it compares say to each other.
 *
 * Each contender is a process of its own, so that neither memory nor compiled code is shared. It gets a database of its own for each
 * scenario, prepares it, does the same work once for each round it is told to begin, and at the end holds what is stored against what was asked for.
 */

/** What a contender is asked to do, in words that a report can have as a title. */
export type ScenarioId =
  | "append"
  | "command, distinct streams"
  | "command, hot streams"
  | "load"
  | "catch-up"
  | "documents"
  | "table"
  | "latency"
  | "append beside projections"
  | "long log"

/** One scenario at one size, on a database of its own. */
export interface Task {
  readonly scenario: ScenarioId
  /** A database that nobody but the contender (and its other processes) works in. */
  readonly url: string
  /** How many connections it may have at most. */
  readonly connections: number
  /** How many things are done at once, by fibers or promises. */
  readonly fibers: number
  /** How many events, commands, loads or probes a fiber does in a round, one after the other. */
  readonly each: number
  /** How many streams are there before the first round; what a scenario does not fill has none. */
  readonly streams: number
  /** How many events each of them has, of amounts 1, 2, 3... */
  readonly length: number
  /** The number of this process among those that do the same work together: 0, 1, 2... Process 0 prepares the database. */
  readonly process: number
  /** The way to use the contender, where there are several: "stock", "indexed"... */
  readonly variant: string
}

/** What one round came to. Times are in milliseconds. */
export interface Sample {
  readonly events: number
  readonly millis: number
  readonly p50: number
  readonly p99: number
  /** Other times that were taken, by what they are of. */
  readonly others?: Readonly<Record<string, number>>
}

/** A contender that is ready for a scenario. */
export interface Running {
  /** Does the work once. Round 0 warms up. What it writes has names of its own, by round and process. */
  readonly run: (round: number) => Promise<Sample>
  /** Holds what is stored, or was delivered, against what was asked for, over all rounds of this process: "ok", or what was lost, doubled, or out of order. */
  readonly check: () => Promise<string>
  readonly close: () => Promise<void>
}

/** What a contender can do. A scenario that it has no word for is not in it. */
export type Contender = Partial<Record<ScenarioId, (task: Task) => Promise<Running>>>

/** What the benchmark says. */
export type Order =
  | { readonly _tag: "Prepare"; readonly task: Task }
  | { readonly _tag: "Run"; readonly round: number }
  | { readonly _tag: "Check" }

/** What a contender answers. */
export type Answer =
  | { readonly _tag: "Ready" }
  | { readonly _tag: "Done"; readonly sample: Sample }
  /** What the check came to, and the most memory that the process ever had, in bytes. */
  | { readonly _tag: "Checked"; readonly check: string; readonly peak: number }
  | { readonly _tag: "Failed"; readonly message: string }
