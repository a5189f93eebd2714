/**
 * What is compared: the work, how much of it, who does it, and how Eventfold should come off.
 */
import type { Duration } from "effect"
import type { Target } from "../report.ts"
import type { ScenarioId, Task } from "./contract.ts"

/** What is compared: the library, the most used one of its kind, a repository written by hand, and what the server can do at all. */
export type Who = "eventfold" | "emmett" | "plain" | "limit"

/** One who takes part in a scenario. */
export interface Entrant {
  readonly who: Who
  /** The way it is used. */
  readonly variant: string
  /** Whose program it is, where that is another's. */
  readonly program?: Who
  /** How many streams it has before the first round, where that is another number than for the others. */
  readonly streams?: number
}

/** A piece of work at one size. */
export interface Scenario {
  readonly name: string
  readonly does: ScenarioId
  readonly size: Pick<Task, "fibers" | "each" | "streams" | "length">
  readonly rounds: number
  /** How many processes of each do it together, and how many connections each process has at most. */
  readonly processes: number
  readonly connections: number
  /** Settings of the databases that it takes place in, which are otherwise the server's. */
  readonly settings: Readonly<Record<string, string>>
  readonly entrants: ReadonlyArray<Entrant>
  /** Which figure is compared. */
  readonly by: "rate" | "p50"
  /** Which limit it is compared with; the others are only shown. */
  readonly limit?: string
  /** What Eventfold's figure, divided by that of another, should be. */
  readonly targets: Readonly<Partial<Record<Who, Target>>>
}

/** How much is measured. */
export interface Size {
  readonly rounds: number
  /** Fibers, appends of each, and rounds. */
  readonly appends: {
    readonly one: Appends
    readonly some: Appends
    readonly many: Appends
    readonly processes: Appends
    readonly slowDisk: Appends
    readonly beside: Appends
  }
  readonly commands: { readonly distinct: Appends; readonly hot: Appends }
  /** Events of a stream, streams, loads in a round. */
  readonly loads: ReadonlyArray<readonly [length: number, streams: number, each: number]>
  /** The streams of a log, of 20 events each. */
  readonly catchUp: number
  readonly documents: number
  readonly table: number
  /** What part of these streams Emmett as released has: it waits between two batches, so that a shorter log shows its rate as well. */
  readonly share: number
  readonly latency: { readonly writers: number; readonly probes: number }
  readonly longLog: Appends & { readonly events: ReadonlyArray<number> }
  /** How long one may take for anything it is told to do. */
  readonly patience: Duration.Input
}

interface Appends {
  readonly fibers: number
  readonly each: number
}

export const full: Size = {
  rounds: 5,
  appends: {
    one: { fibers: 1, each: 2000 },
    some: { fibers: 50, each: 400 },
    many: { fibers: 500, each: 80 },
    processes: { fibers: 25, each: 300 },
    slowDisk: { fibers: 50, each: 100 },
    beside: { fibers: 50, each: 200 }
  },
  commands: { distinct: { fibers: 50, each: 100 }, hot: { fibers: 50, each: 100 } },
  loads: [
    [10, 500, 500],
    [1000, 100, 100],
    [10_000, 5, 20]
  ],
  catchUp: 10_000,
  documents: 10_000,
  table: 10_000,
  share: 1,
  latency: { writers: 50, probes: 300 },
  longLog: { fibers: 50, each: 200, events: [0, 1_000_000] },
  patience: "30 minutes"
}

export const quick: Size = {
  rounds: 5,
  appends: {
    one: { fibers: 1, each: 200 },
    some: { fibers: 50, each: 30 },
    many: { fibers: 500, each: 4 },
    processes: { fibers: 25, each: 20 },
    slowDisk: { fibers: 50, each: 20 },
    beside: { fibers: 50, each: 15 }
  },
  commands: { distinct: { fibers: 50, each: 15 }, hot: { fibers: 50, each: 15 } },
  loads: [
    [10, 100, 200],
    [1000, 10, 20],
    [10_000, 1, 3]
  ],
  catchUp: 1250,
  documents: 250,
  table: 250,
  share: 0.2,
  latency: { writers: 50, probes: 50 },
  longLog: { fibers: 50, each: 20, events: [0, 100_000] },
  patience: "2 minutes"
}

/** The same on a log of ten million events as well. */
export const long = (size: Size): Size => ({
  ...size,
  longLog: { ...size.longLog, events: [...size.longLog.events, 10_000_000] },
  patience: "2 hours"
})

const connections = 10
const logLength = 20
const longLength = 10

/** A disk that takes a millisecond more for every commit: whoever writes the log of the server waits before it does. */
const slowDisk = { commit_delay: "1000", commit_siblings: "0" }

const variants = (who: Who, ...names: ReadonlyArray<string>): ReadonlyArray<Entrant> =>
  names.map((variant) => ({ who, variant }))

const ours = variants("eventfold", "stock")
const byHand = variants("plain", "stock")
const writing = [...ours, ...variants("emmett", "stock", "indexed"), ...byHand]
const following = [...ours, ...variants("emmett", "stock", "tuned"), ...byHand]

const count = (number: number): string => number.toLocaleString("en-US")

const alone = { processes: 1, connections, settings: {}, by: "rate" } as const

const appends = ({ rounds, appends: size }: Size): ReadonlyArray<Scenario> => {
  const common = {
    ...alone,
    does: "append",
    rounds,
    entrants: [...writing, ...variants("limit", "INSERT", "COPY")],
    limit: "COPY"
  } as const
  const sized = ({ each, fibers }: Appends) => ({ fibers, each, streams: 0, length: 0 })
  return [
    {
      ...common,
      name: "append, 1 fiber",
      size: sized(size.one),
      entrants: [...writing, ...variants("limit", "INSERT")],
      by: "p50",
      limit: "INSERT",
      targets: { emmett: { atMost: 0.5 }, limit: { atMost: 1.5 } }
    },
    {
      ...common,
      name: `append, ${size.some.fibers} fibers`,
      size: sized(size.some),
      targets: { emmett: { atLeast: 8 }, limit: { atLeast: 0.4 } }
    },
    {
      ...common,
      name: `append, ${size.many.fibers} fibers`,
      size: sized(size.many),
      targets: { emmett: { atLeast: 12 }, limit: { atLeast: 0.65 } }
    },
    {
      ...common,
      name: `append, 4 processes of ${size.processes.fibers} fibers`,
      size: sized(size.processes),
      processes: 4,
      // All of them together stay below the connections that a server has by default.
      connections: 5,
      entrants: writing,
      targets: { emmett: { atLeast: 3 } }
    },
    {
      ...common,
      name: `append, ${size.slowDisk.fibers} fibers, 1 ms disk`,
      size: sized(size.slowDisk),
      settings: slowDisk,
      targets: { emmett: { atLeast: 8 } }
    }
  ]
}

const commands = ({ commands: size, rounds }: Size): ReadonlyArray<Scenario> => [
  {
    ...alone,
    name: "command, distinct streams",
    does: "command, distinct streams",
    rounds,
    size: { ...size.distinct, streams: size.distinct.fibers * size.distinct.each, length: 5 },
    entrants: writing,
    targets: { emmett: { atLeast: 8 } }
  },
  {
    ...alone,
    name: "command, hot streams",
    does: "command, hot streams",
    rounds,
    size: { ...size.hot, streams: 100, length: 5 },
    // What is tuned tries again sooner.
    entrants: following,
    targets: {}
  }
]

const loads = ({ loads: sizes, rounds }: Size): ReadonlyArray<Scenario> =>
  sizes.map(([length, streams, each]) => ({
    ...alone,
    name: `load, ${count(length)} events`,
    does: "load",
    rounds,
    size: { fibers: 1, each, streams, length },
    entrants: [...writing, ...variants("limit", "SELECT")],
    limit: "SELECT",
    targets: length === 1000 ? { emmett: { atLeast: 1.5 }, limit: { atLeast: 0.75 } } : {}
  }))

const logs = ({ catchUp, documents, rounds, share, table }: Size): ReadonlyArray<Scenario> => {
  const sized = (streams: number) => ({ fibers: 1, each: 0, streams, length: logLength })
  const entrants = (streams: number): ReadonlyArray<Entrant> =>
    following.map((entrant) =>
      entrant.who === "emmett" && entrant.variant === "stock" ? { ...entrant, streams: streams * share } : entrant
    )
  const named = (does: ScenarioId, streams: number) => `${does}, ${count(streams * logLength)} events`
  return [
    {
      ...alone,
      name: named("catch-up", catchUp),
      does: "catch-up",
      rounds,
      size: sized(catchUp),
      entrants: [...entrants(catchUp), ...variants("limit", "paged SELECT")],
      limit: "paged SELECT",
      targets: { emmett: { atLeast: 15 }, limit: { atLeast: 0.65 } }
    },
    {
      ...alone,
      name: named("documents", documents),
      does: "documents",
      rounds,
      size: sized(documents),
      entrants: entrants(documents),
      targets: { emmett: { atLeast: 15 } }
    },
    {
      ...alone,
      name: named("table", table),
      does: "table",
      rounds,
      size: sized(table),
      entrants: entrants(table),
      targets: { emmett: { atLeast: 8 } }
    }
  ]
}

const live = ({ appends: { beside }, latency, rounds }: Size): ReadonlyArray<Scenario> => [
  {
    ...alone,
    name: `latency, ${latency.writers} writers`,
    does: "latency",
    rounds,
    size: { fibers: latency.writers, each: latency.probes, streams: 0, length: 0 },
    entrants: following,
    by: "p50",
    targets: {}
  },
  {
    ...alone,
    name: "append beside 5 projections",
    does: "append beside projections",
    rounds,
    size: { ...beside, streams: 0, length: 0 },
    entrants: following,
    targets: {}
  }
]

/** On a log that is not empty, the limit is Eventfold itself on an empty one. */
const longLogs = ({ longLog: { each, events, fibers }, rounds }: Size): ReadonlyArray<Scenario> =>
  events.map((length) => {
    const common = {
      ...alone,
      name: length === 0 ? "long log, empty" : `long log, ${count(length)} events`,
      does: "long log",
      rounds,
      size: { fibers, each, streams: length / longLength, length: longLength }
    } as const
    if (length === 0) return { ...common, entrants: writing, targets: {} }
    return {
      ...common,
      entrants: [...writing, { who: "limit", variant: "empty log", program: "eventfold", streams: 0 }],
      limit: "empty log",
      targets: { limit: { atLeast: 0.85 } }
    }
  })

/** All scenarios, in the order in which they are run. */
export const scenarios = (size: Size): ReadonlyArray<Scenario> =>
  [appends, commands, loads, logs, live, longLogs].flatMap((some) => some(size))
