/**
 * 8. Answers, from the events alone: git is not asked any more.
 */
import { Data, DateTime, Effect, HashMap, HashSet, Option, Schema, Stream } from "effect"
import { Event, EventStore, View } from "eventfold"
import { commitFields, type CommitFacts, type FileEvent, RepositoryEvent } from "./events.ts"
import { Histories } from "./repository.ts"

/** There is no answer to the question. */
export class NoAnswer extends Data.TaggedError("NoAnswer")<{ readonly message: string }> {}

/** A view of one history. */
const show = <Model, E extends Event.Tagged>(view: View.View<Model, E>, id: string) =>
  Effect.gen(function* () {
    const store = yield* EventStore.EventStore
    const histories = yield* Histories
    return yield* store.readStream(histories.streamOf(id)).pipe(
      Stream.filter(({ type }) => view.events.stored.has(type)),
      Stream.runFoldEffect(
        () => view.initial,
        (model, recorded) =>
          Effect.map(Effect.fromResult(Event.decodeRecorded(view.events, recorded)), (events) =>
            View.fold(view, events, model)
          )
      )
    )
  })

/** An instant in seconds, for people. */
export const instant = (seconds: number): string =>
  Option.match(DateTime.make(seconds * 1000), { onNone: () => `@${seconds}`, onSome: DateTime.formatIso })

// The tree at a commit or an instant

const Place = Schema.Struct({
  version: Schema.Int,
  parent: Schema.UndefinedOr(Schema.String),
  committedAt: Schema.Int
})
type Place = typeof Place.Type

/** Where in its stream each commit is whole. */
const placesOfCommits = View.make({
  name: "placesOfCommits",
  events: Event.pick(RepositoryEvent, ["CommitRecorded"]),
  model: Schema.HashMap(Schema.String, Place),
  initial: HashMap.empty()
}).evolve({
  CommitRecorded: (places, { commit, parents: [parent], committedAt, changes }, { version }) =>
    HashMap.set(places, commit, { version: version + changes, parent, committedAt })
})

/** The tree at a commit. */
export const treeAt = Effect.fn("treeAt")(function* (id: string, commit: string) {
  const places = yield* show(placesOfCommits, id)
  const place = HashMap.get(places, commit)
  if (Option.isNone(place)) {
    return yield* new NoAnswer({
      message: `commit ${commit} is not among those read; --all reads every branch and tag`
    })
  }
  const histories = yield* Histories
  const { state } = yield* histories.state(id, { at: { version: place.value.version } })
  return state.latest.tree
})

/** The commit that the line of first parents from `head` was at: the latest one committed by then. */
export const commitAt = Effect.fn("commitAt")(function* (id: string, head: string, at: DateTime.Utc) {
  const places = yield* show(placesOfCommits, id)
  let commit: string | undefined = head
  while (commit !== undefined) {
    const place: Option.Option<Place> = HashMap.get(places, commit)
    if (Option.isNone(place)) break
    if (place.value.committedAt * 1000 <= DateTime.toEpochMillis(at)) return commit
    commit = place.value.parent
  }
  return yield* new NoAnswer({ message: `nothing had been committed by ${DateTime.formatIso(at)}` })
})

// The life of a file

/** Something that happened to a file, and the commit that did it. */
export interface Incident {
  readonly event: FileEvent
  readonly commit: CommitFacts
}

/** Where a file that is not at this path any more has been taken to, by renames. */
const lastPathOf = Effect.fn("lastPathOf")(function* (id: string, path: string) {
  const histories = yield* Histories
  return yield* histories.history(id).pipe(
    Stream.runFold(
      () => path,
      (at, { event }) => (event._tag === "FileRenamed" && event.from === at ? event.path : at)
    )
  )
})

/** The path of a file before an event, if the event is about it. What was removed and added again is the same file. */
const pathBefore = (event: FileEvent, path: string): string | undefined => {
  if (event._tag !== "FileRenamed") return event.path === path ? path : undefined
  return event.path === path ? event.from : event.from === path ? path : undefined
}

/** Follows paths from children to parents. Fed with the events of a history backward. */
const follower = (path: string) => {
  // For each commit with a child behind us, the paths under which its children know the file.
  const wanted = new Map<string, Set<string>>()
  const incidents: Array<Incident> = []
  let changes: Array<FileEvent> = []

  const want = (commit: string, paths: Iterable<string>): void => {
    const known = wanted.get(commit) ?? new Set()
    for (const path of paths) known.add(path)
    wanted.set(commit, known)
  }

  const commitDone = (commit: CommitFacts): void => {
    const paths = wanted.get(commit.commit) ?? new Set([path])
    wanted.delete(commit.commit)
    const [first, ...others] = commit.parents
    const before = Array.from(paths, (path) => {
      let at = path
      for (const event of changes) {
        const was = pathBefore(event, path)
        if (was === undefined) continue
        incidents.push({ event, commit })
        at = was
      }
      return at
    })
    changes = []
    if (first !== undefined) want(first, before)
    for (const other of others) want(other, paths)
  }

  return {
    incidents,
    take: (event: RepositoryEvent): void => {
      if (event._tag === "CommitRecorded") commitDone(event)
      else changes.push(event)
    }
  }
}

/** Every event that touched a file, oldest first, across renames and on every branch that was merged. */
export const lifeOf = Effect.fn("lifeOf")(function* (id: string, head: string, path: string) {
  const tree = yield* treeAt(id, head)
  const follow = follower(HashMap.has(tree, path) ? path : yield* lastPathOf(id, path))
  const histories = yield* Histories
  yield* Stream.runForEach(histories.history(id, { direction: "backward" }), ({ event }) =>
    Effect.sync(() => follow.take(event))
  )
  return follow.incidents.toReversed()
})

// Who touched what

const Share = Schema.Struct({
  commits: Schema.Int,
  merges: Schema.Int,
  changes: Schema.Int,
  files: Schema.HashSet(Schema.String)
})
/** What one person did. A merge's changes are those of the commits it merged, and are not counted again. */
export type Share = typeof Share.Type

const noShare: Share = { commits: 0, merges: 0, changes: 0, files: HashSet.empty() }

const Shares = Schema.Struct({
  shares: Schema.HashMap(Schema.String, Share),
  /** The commit whose changes are coming, and whether it has been counted. */
  commit: Schema.UndefinedOr(Schema.Struct(commitFields)),
  counted: Schema.Boolean
})

const touched = (model: typeof Shares.Type, event: FileEvent): typeof Shares.Type => {
  const { commit, counted, shares } = model
  if (commit === undefined) return model
  const who = `${commit.author} <${commit.email}>`
  const share = Option.getOrElse(HashMap.get(shares, who), () => noShare)
  const once = counted ? 0 : 1
  const next =
    commit.parents.length > 1
      ? { ...share, merges: share.merges + once }
      : {
          ...share,
          commits: share.commits + once,
          changes: share.changes + 1,
          files: HashSet.add(share.files, event.path)
        }
  return { commit, counted: true, shares: HashMap.set(shares, who, next) }
}

const sharesUnder = (prefix: string) => {
  const isUnder = (event: FileEvent): boolean =>
    event.path.startsWith(prefix) || ("from" in event && event.from.startsWith(prefix))
  const count = (model: typeof Shares.Type, event: FileEvent) => (isUnder(event) ? touched(model, event) : model)
  return View.make({
    name: "sharesUnder",
    events: RepositoryEvent,
    model: Shares,
    initial: { shares: HashMap.empty(), commit: undefined, counted: false }
  }).evolve({
    CommitRecorded: ({ shares }, commit) => ({ shares, commit, counted: false }),
    FileAdded: count,
    FileModified: count,
    ModeChanged: count,
    TypeChanged: count,
    FileRenamed: count,
    FileCopied: count,
    FileRemoved: count
  })
}

/** Who has touched what is under a path, most changes first. */
export const sharesOf = (id: string, prefix: string) =>
  Effect.map(show(sharesUnder(prefix), id), ({ shares }) =>
    Array.from(shares, ([who, share]) => ({ who, ...share, files: HashSet.size(share.files) })).toSorted(
      (a, b) => b.changes - a.changes || b.merges - a.merges || (a.who < b.who ? -1 : 1)
    )
  )
