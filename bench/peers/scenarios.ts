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
  /** How many streams it has before the first round, and how much each fiber does, where that is another number than for the others. */
  readonly streams?: number
  readonly each?: number
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
    slowDisk: { fibers: 50, each: 200 },
    beside: { fibers: 50, each: 200 }
  },
  commands: { distinct: { fibers: 50, each: 200 }, hot: { fibers: 50, each: 100 } },
  loads: [
    [10, 500, 500],
    [1000, 100, 100],
    [10_000, 5, 20]
  ],
  catchUp: 10_000,
  documents: 10_000,
  table: 10_000,
  latency: { writers: 50, probes: 300 },
  longLog: { fibers: 50, each: 200, events: [0, 1_000_000] },
  patience: "30 minutes"
}

export const quick: Size = {
  rounds: 5,
  appends: {
    one: { fibers: 1, each: 300 },
    some: { fibers: 50, each: 100 },
    many: { fibers: 500, each: 20 },
    processes: { fibers: 25, each: 60 },
    slowDisk: { fibers: 50, each: 50 },
    beside: { fibers: 50, each: 40 }
  },
  commands: { distinct: { fibers: 50, each: 50 }, hot: { fibers: 50, each: 20 } },
  loads: [
    [10, 100, 200],
    [1000, 10, 20],
    [10_000, 1, 3]
  ],
  catchUp: 2500,
  documents: 1250,
  table: 1250,
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
const commanding = [...ours, ...variants("eventfold", "no cache"), ...variants("emmett", "stock", "indexed"), ...byHand]
const following = [...ours, ...variants("emmett", "stock", "tuned"), ...byHand]

/**
 * What part of a scenario's work those do who take long for it, by name or by name and variant. Each then works for about as long as the others, and
 * what is compared is how much it does in a second, or how long one thing takes.
 */
type Shares = Readonly<Record<string, number>>

const shareOf = ({ variant, who }: Entrant, shares: Shares): number => shares[`${who} ${variant}`] ?? shares[who] ?? 1

const part = (whole: number, share: number): number => Math.max(1, Math.round(whole * share))

const doingLess = (each: number, entrants: ReadonlyArray<Entrant>, shares: Shares): ReadonlyArray<Entrant> =>
  entrants.map((entrant) => ({ ...entrant, each: part(each, shareOf(entrant, shares)) }))

const withFewer = (streams: number, entrants: ReadonlyArray<Entrant>, shares: Shares): ReadonlyArray<Entrant> =>
  entrants.map((entrant) => ({ ...entrant, streams: part(streams, shareOf(entrant, shares)) }))

const appending: Shares = { emmett: 0.25, plain: 0.5, "limit INSERT": 0.5 }

const count = (number: number): string => number.toLocaleString("en-US")

const alone = { processes: 1, connections, settings: {}, by: "rate" } as const

const appends = ({ rounds, appends: size }: Size): ReadonlyArray<Scenario> => {
  const common = { ...alone, does: "append", rounds, limit: "COPY" } as const
  const all = [...writing, ...variants("limit", "INSERT", "COPY")]
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
      entrants: doingLess(size.some.each, all, appending),
      targets: { emmett: { atLeast: 8 }, limit: { atLeast: 0.4 } }
    },
    {
      ...common,
      name: `append, ${size.many.fibers} fibers`,
      size: sized(size.many),
      entrants: doingLess(size.many.each, all, { ...appending, emmett: 0.1 }),
      targets: { emmett: { atLeast: 12 }, limit: { atLeast: 0.65 } }
    },
    {
      ...common,
      name: `append, 4 processes of ${size.processes.fibers} fibers`,
      size: sized(size.processes),
      processes: 4,
      // All of them together stay below the connections that a server has by default.
      connections: 5,
      entrants: doingLess(size.processes.each, writing, appending),
      targets: { emmett: { atLeast: 3 } }
    },
    {
      ...common,
      name: `append, ${size.slowDisk.fibers} fibers, 1 ms disk`,
      size: sized(size.slowDisk),
      entrants: doingLess(size.slowDisk.each, all, appending),
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
    entrants: doingLess(size.distinct.each, commanding, appending).map((entrant) => ({
      ...entrant,
      streams: size.distinct.fibers * (entrant.each ?? size.distinct.each)
    })),
    targets: { emmett: { atLeast: 8 } }
  },
  {
    ...alone,
    name: "command, hot streams",
    does: "command, hot streams",
    rounds,
    size: { ...size.hot, streams: 100, length: 5 },
    // What is tuned tries again sooner.
    entrants: doingLess(size.hot.each, following, { emmett: 0.5 }),
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

const logs = ({ catchUp, documents, rounds, table }: Size): ReadonlyArray<Scenario> => {
  const sized = (streams: number) => ({ fibers: 1, each: 0, streams, length: logLength })
  const named = (does: ScenarioId, streams: number) => `${does}, ${count(streams * logLength)} events`
  return [
    {
      ...alone,
      name: named("catch-up", catchUp),
      does: "catch-up",
      rounds,
      size: sized(catchUp),
      entrants: withFewer(catchUp, [...following, ...variants("limit", "paged SELECT")], {
        "emmett stock": 0.01,
        "emmett tuned": 0.2
      }),
      limit: "paged SELECT",
      targets: { emmett: { atLeast: 15 }, limit: { atLeast: 0.65 } }
    },
    {
      ...alone,
      name: named("documents", documents),
      does: "documents",
      rounds,
      size: sized(documents),
      entrants: withFewer(documents, following, { emmett: 0.01, plain: 0.25 }),
      targets: { emmett: { atLeast: 15 } }
    },
    {
      ...alone,
      name: named("table", table),
      does: "table",
      rounds,
      size: sized(table),
      entrants: withFewer(table, following, { emmett: 0.01, plain: 0.25 }),
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
    entrants: doingLess(beside.each, following, { emmett: 0.2, plain: 0.5 }),
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
    const all = doingLess(each, writing, appending)
    if (length === 0) return { ...common, entrants: all, targets: {} }
    return {
      ...common,
      entrants: [...all, { who: "limit", variant: "empty log", program: "eventfold", streams: 0 }],
      limit: "empty log",
      targets: { limit: { atLeast: 0.85 } }
    }
  })

/** All scenarios, in the order in which they are run. */
export const scenarios = (size: Size): ReadonlyArray<Scenario> =>
  [appends, commands, loads, logs, live, longLogs].flatMap((some) => some(size))
