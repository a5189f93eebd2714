/**
 * 6. The import: commits from git, in batches, through the rules, into the store.
 *
 * An execution folds its stream from the beginning, so the batches are as large as an append may be: what is folded again
 * is then a few times the log, not the log for each commit. A commit too large for one append goes in several.
 */
import { Effect, HashSet, Option, Stream } from "effect"
import { EventStore } from "eventfold"
import { readCommits, type Walk } from "./git.ts"
import { type Change, type Commit, Histories, type HistoryCommand } from "./repository.ts"

/** Below what a store takes in one append, with the overhead of an event allowed for. */
const limits = {
  events: EventStore.defaultLimits.appendEvents * 0.8,
  bytes: EventStore.defaultLimits.appendBytes / 2
}

interface Size {
  readonly events: number
  readonly bytes: number
}

/** An upper bound: a character of text is at most three bytes of UTF-8. */
const sizeOfChange = (change: Change): Size => ({
  events: 1,
  bytes: 800 + 3 * (change.path.length + ("from" in change ? change.from.length : 0))
})

const sizeOfFacts = ({ facts }: Commit): Size => ({
  events: 1,
  bytes: 1_000 + 3 * (facts.author.length + facts.email.length + facts.subject.length + 67 * facts.parents.length)
})

const plus = (a: Size, b: Size): Size => ({ events: a.events + b.events, bytes: a.bytes + b.bytes })
const isWithin = ({ events, bytes }: Size): boolean => events <= limits.events && bytes <= limits.bytes

interface Batch {
  readonly commits: ReadonlyArray<Commit>
  readonly size: Size
}

const emptyBatch: Batch = { commits: [], size: { events: 0, bytes: 0 } }

const commandOf = ({ commits }: Batch): ReadonlyArray<HistoryCommand> =>
  commits.length === 0 ? [] : [{ _tag: "RecordCommits", commits }]

/** Cuts changes into what fits into one append each, the first of which has something else in it as well. */
const cut = (changes: ReadonlyArray<Change>, before: Size = emptyBatch.size): ReadonlyArray<ReadonlyArray<Change>> => {
  const pieces: Array<Array<Change>> = [[]]
  let size = before
  for (const change of changes) {
    size = plus(size, sizeOfChange(change))
    if (!isWithin(size)) {
      pieces.push([])
      size = sizeOfChange(change)
    }
    pieces[pieces.length - 1]!.push(change)
  }
  return pieces
}

const moreOf = (commit: string, pieces: ReadonlyArray<ReadonlyArray<Change>>): ReadonlyArray<HistoryCommand> =>
  pieces.map((changes) => ({ _tag: "RecordChanges", commit, changes }))

const piecesOf = (commit: Commit): ReadonlyArray<HistoryCommand> => {
  const [changes = [], ...more] = cut(commit.changes, sizeOfFacts(commit))
  return [{ _tag: "RecordCommits", commits: [{ ...commit, changes }] }, ...moreOf(commit.facts.commit, more)]
}

const addCommit = (batch: Batch, commit: Commit): readonly [Batch, ReadonlyArray<HistoryCommand>] => {
  const size = commit.changes.reduce((sum, change) => plus(sum, sizeOfChange(change)), sizeOfFacts(commit))
  const both = plus(batch.size, size)
  if (isWithin(both)) return [{ commits: [...batch.commits, commit], size: both }, []]
  return isWithin(size)
    ? [{ commits: [commit], size }, commandOf(batch)]
    : [emptyBatch, [...commandOf(batch), ...piecesOf(commit)]]
}

/** The commands that record these commits. */
export const toCommands = <E, R>(commits: Stream.Stream<Commit, E, R>): Stream.Stream<HistoryCommand, E, R> =>
  Stream.mapAccum(commits, () => emptyBatch, addCommit, { onHalt: commandOf })

/** What has been recorded so far. */
export interface Recorded {
  readonly commits: number
  readonly events: number
}

/**
 * How much of a walk is in its stream, from the end of the stream alone: commits are recorded in the walk's order, so the latest one
 * tells how many there are, and how many of its changes come after it.
 */
const findRecorded = Effect.fnUntraced(function* (walk: Walk) {
  const histories = yield* Histories
  const latest = yield* histories.history(walk.id, { direction: "backward" }).pipe(
    Stream.mapAccum(
      () => 0,
      (after, { event, recorded: { version } }) => [
        after + 1,
        event._tag === "CommitRecorded" ? [{ event, events: version + after, missing: event.changes - after }] : []
      ]
    ),
    Stream.runHead
  )
  return Option.match(latest, {
    onNone: () => ({ recorded: { commits: 0, events: 0 }, latest: "", missing: 0 }),
    onSome: ({ event: { commit }, events, missing }) => ({
      recorded: { commits: walk.commits.findIndex((known) => known.commit === commit) + 1, events },
      latest: commit,
      missing
    })
  })
})

/**
 * Records a walk, and goes on where an earlier import of the same walk has stopped: that many commits are there, the last
 * of them perhaps without all its changes. Where all is there already, git is asked for nothing.
 */
export const importHistory = Effect.fn("importHistory")(function* <E, R>(
  walk: Walk,
  report: (recorded: Recorded) => Effect.Effect<void, E, R>
) {
  const histories = yield* Histories
  const { recorded: before, latest, missing } = yield* findRecorded(walk)
  let recorded: Recorded = before

  const changesMissing = readCommits(walk, before.commits - 1).pipe(
    Stream.take(1),
    Stream.map(({ changes }) => moreOf(latest, cut(changes.slice(changes.length - missing)))),
    Stream.flattenIterable
  )
  const commitsMissing = toCommands(readCommits(walk, before.commits))
  const rest = Stream.concat(
    missing === 0 ? Stream.empty : changesMissing,
    before.commits === walk.commits.length ? Stream.empty : commitsMissing
  )

  yield* Stream.runForEach(rest, (command) =>
    Effect.gen(function* () {
      const outcome = yield* histories.execute(walk.id, command)
      recorded = { commits: HashSet.size(outcome.state.commits), events: outcome.version }
      yield* report(recorded)
    })
  )
  return { ...recorded, before }
})
