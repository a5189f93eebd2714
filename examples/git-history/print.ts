/**
 * 10. Answers as text for people, and as JSON for programs.
 */
import { type Effect } from "effect"
import { type Incident, instant, type sharesOf } from "./queries.ts"
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

export const figuresLines = (figures: Figures) => [
  `commits         ${figures.commits} (${figures.merges} merges, ${figures.roots} roots)`,
  `events          ${figures.events}${figures.eventsBefore === 0 ? "" : ` (${figures.eventsBefore} were there)`}`,
  `duration        ${figures.seconds.toFixed(2)} s`,
  `events a second ${figures.eventsPerSecond}`,
  `peak heap       ${figures.peakHeapMiB} MiB`
]

/** What a proof came to. All events are folded for it, however few commits are compared. */
export interface Proof {
  readonly commits: number
  readonly files: number
  readonly events: number
  readonly seconds: number
  readonly eventsPerSecond: number
}

export const verifiedLines = ({ commits, files, seconds, eventsPerSecond }: Proof, all: number) => [
  `\nverified: ${commits} of ${all} commits, ${files} files in their trees, ${seconds.toFixed(2)} s, ${eventsPerSecond} events a second`
]

/** The one line that an error is. */
export const errorLine = (error: { readonly _tag: string; readonly message: string }): string => {
  const { _tag, message, ...details } = error
  if (message !== "") return message
  const known = Object.entries(details).map(([name, value]) => `${name} ${JSON.stringify(value)}`)
  return `${_tag}: ${known.join(", ")}`
}
