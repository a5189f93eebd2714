/**
 * 11. Answers as text for people, and as JSON for programs.
 */
import { type Effect } from "effect"
import { type Imported } from "./import.ts"
import { type Incident, instant, type sharesOf } from "./queries.ts"
import { type Churn, type Contributor, type File } from "./read-models.ts"
import { type Tree } from "./state.ts"

/** What an import came to. */
export interface Figures {
  readonly commits: number
  readonly merges: number
  readonly roots: number
  readonly events: number
  /** How many of the events an earlier run had recorded. */
  readonly eventsBefore: number
  readonly seconds: number
  readonly eventsPerSecond: number
  readonly peakHeapMiB: number
}

type Shares = Effect.Success<ReturnType<typeof sharesOf>>

const byPath = (tree: Tree) => Array.from(tree).toSorted(([a], [b]) => (a < b ? -1 : 1))

const short = (commit: string): string => commit.slice(0, 10)

export const treeJson = (tree: Tree) => byPath(tree).map(([path, entry]) => ({ ...entry, path }))

export const treeLines = (tree: Tree) => byPath(tree).map(([path, { mode, blob }]) => `${mode} ${blob}\t${path}`)

export const lifeJson = (incidents: ReadonlyArray<Incident>) =>
  incidents.map(
    ({ event: { _tag, ...event }, commit: { author, email, authoredAt, committedAt, subject, parents } }) => ({
      event: _tag,
      ...event,
      author,
      email,
      authoredAt,
      committedAt,
      subject,
      merge: parents.length > 1
    })
  )

const what = ({ event }: Incident): string =>
  "from" in event ? `${event._tag} ${event.from} -> ${event.path}` : `${event._tag} ${event.path}`

export const lifeLines = (incidents: ReadonlyArray<Incident>) =>
  incidents.map((incident) => {
    const { commit, author, authoredAt, subject, parents } = incident.commit
    const merge = parents.length > 1 ? " (merge)" : ""
    return `${instant(authoredAt)}  ${short(commit)}  ${author}  ${what(incident)}${merge}  "${subject}"`
  })

export const sharesLines = (shares: Shares) => [
  "commits  merges  changes   files  who",
  ...shares.map(({ commits, merges, changes, files, who }) =>
    [[commits, 7] as const, [merges, 6] as const, [changes, 7] as const, [files, 6] as const]
      .map(([figure, width]) => String(figure).padStart(width))
      .join("  ")
      .concat(`  ${who}`)
  )
]

const byCount = <A>(count: (one: A) => number, name: (one: A) => string, all: ReadonlyArray<A>) =>
  all.toSorted((a, b) => count(b) - count(a) || (name(a) < name(b) ? -1 : 1))

export const byCommits = (contributors: ReadonlyArray<Contributor>) =>
  byCount(
    ({ commits }) => commits,
    ({ author }) => author,
    contributors
  )

/** As `git shortlog -sn` prints them. */
export const contributorsLines = (contributors: ReadonlyArray<Contributor>) =>
  contributors.map(({ author, commits }) => `${String(commits).padStart(6)}\t${author}`)

export const byChanges = (churns: ReadonlyArray<Churn>) =>
  byCount(
    ({ added, changed, arrived, left, removed }) => added + changed + arrived + left + removed,
    ({ folder }) => folder,
    churns
  )

export const churnLines = (churns: ReadonlyArray<Churn>) => [
  "  added changed arrived    left removed  folder",
  ...churns.map(({ folder, added, changed, arrived, left, removed }) =>
    [added, changed, arrived, left, removed]
      .map((figure) => String(figure).padStart(7))
      .join(" ")
      .concat(`  ${folder}`)
  )
]

export const filesLines = (files: ReadonlyArray<File>) =>
  files.map(({ path, mode, blob }) => `${mode} ${blob}\t${path}`)

const wereThere = (before: number, events: number): string => {
  if (before === 0) return ""
  return before === events
    ? " (all of them were there: nothing is read again)"
    : ` (${before} were there: it goes on from them)`
}

/** How far an import has come. */
export const readingLine = ({ commits, events, before }: Imported, all: number, eventsPerSecond: number): string =>
  `read ${commits} of ${all} commits, ${events} events${wereThere(before.events, 0)}, ${eventsPerSecond} events a second`

export const figuresLines = (figures: Figures) => [
  `commits         ${figures.commits} (${figures.merges} merges, ${figures.roots} roots)`,
  `events          ${figures.events}${wereThere(figures.eventsBefore, figures.events)}`,
  `duration        ${figures.seconds.toFixed(2)} s`,
  ...(figures.eventsBefore === figures.events ? [] : [`events a second ${figures.eventsPerSecond}`]),
  `peak heap       ${figures.peakHeapMiB} MiB`
]

/** What a proof came to. All events are folded for it, however few commits are compared. */
export interface Proof {
  readonly commits: number
  readonly files: number
  readonly events: number
  readonly seconds: number
  readonly eventsPerSecond: number
  readonly authors: number
  readonly filesAtHead: number
}

export const verifiedLines = (
  { commits, files, seconds, eventsPerSecond, authors, filesAtHead }: Proof,
  all: number
) => [
  `\nverified: ${commits} of ${all} commits, ${files} files in their trees, ${seconds.toFixed(2)} s, ${eventsPerSecond} events a second`,
  `verified: the commits of ${authors} authors, ${filesAtHead} files at HEAD, as the read models have them`
]

/** The one line that an error is. */
export const errorLine = (error: { readonly _tag: string; readonly message: string }): string => {
  const { _tag, message, ...details } = error
  if (message !== "") return message
  const known = Object.entries(details).map(([name, value]) => `${name} ${JSON.stringify(value)}`)
  return `${_tag}: ${known.join(", ")}`
}
