/**
 * 7. The import: commits from git, in batches, through the rules, into the store.
 *
 * An aggregate folds its stream for each command, which is right for commands that come now and then, and for an import would be
 * the log again for each batch. So the import is one writer that folds the stream once and keeps the state; that nobody else has
 * written to the stream is what each append expects. A commit too large for one append goes in several.
 */
import { Data, DateTime, Effect, HashSet, Option, Result, Stream } from "effect"
import { SecureRandom } from "effect/crypto"
import { Decider, Event, EventStore } from "eventfold"
import { RepositoryEvent } from "./events.ts"
import { readCommits, type Walk } from "./git.ts"
import { type Change, type Commit, Histories, type HistoryCommand, repository } from "./repository.ts"

/** Somebody else has recorded something of the same history meanwhile. */
export class Overtaken extends Data.TaggedError("Overtaken")<{ readonly message: string }> {}

/** Well below what a store takes in one append. */
const limits = {
  events: EventStore.defaultLimits.appendEvents / 5,
  bytes: EventStore.defaultLimits.appendBytes / 4
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

interface Recorded {
  readonly commits: number
  readonly events: number
}

/** What has been recorded so far, and how much of it was there before. */
export interface Imported extends Recorded {
  readonly before: Recorded
}

/** What there is of a walk that is recorded to its end: the end of its stream alone tells. */
const findWhole = Effect.fnUntraced(function* (walk: Walk) {
  const histories = yield* Histories
  const latest = yield* histories.history(walk.id, { direction: "backward" }).pipe(
    Stream.mapAccum(
      () => 0,
      (after, { event, recorded: { version } }) => [
        after + 1,
        event._tag === "CommitRecorded" ? [{ ...event, events: version + after, missing: event.changes - after }] : []
      ]
    ),
    Stream.runHead
  )
  const commits = walk.commits.length
  return latest.pipe(
    Option.filter(({ commit, missing }) => missing === 0 && commit === walk.commits[commits - 1]?.commit),
    Option.map(({ events }): Recorded => ({ commits, events }))
  )
})

/** A writer of one stream: it executes commands one after the other, and gives the state that each leads to. */
const makeRecorder = Effect.fnUntraced(function* (id: string) {
  const histories = yield* Histories
  const store = yield* EventStore.EventStore
  const stream = histories.streamOf(id)
  let { state, version } = yield* histories.state(id)

  const stored = (events: ReadonlyArray<RepositoryEvent>) =>
    Effect.gen(function* () {
      const encoded = yield* Effect.fromResult(Result.all(events.map((event) => Event.encode(RepositoryEvent, event))))
      const toAppend = encoded.map((event) => ({ ...event, id: SecureRandom.uuidV7Unsafe(), metadata: {} }))
      return yield* store.append([{ stream, expected: version, events: toAppend }])
    }).pipe(
      Effect.catchTag("ConcurrencyConflict", () =>
        Effect.fail(
          new Overtaken({ message: "another process records the same history: run it again when it is done" })
        )
      ),
      Effect.catchTag(["ConditionConflict", "EncodeError"], Effect.die)
    )

  const record = Effect.fnUntraced(function* (command: HistoryCommand) {
    const context = Decider.context({ now: yield* DateTime.now, commandId: id })
    const decided = yield* Effect.fromResult(Decider.run(repository, state, command, context))
    yield* stored(decided.events)
    state = decided.state
    version += decided.events.length
    return { state, version }
  })
  return { begun: { state, version }, record }
})

/**
 * Records a walk, and goes on where an earlier import of the same walk has stopped: that many commits are there, the last
 * of them perhaps without all its changes. Where all is there already, git is asked for nothing.
 */
export const importHistory = Effect.fn("importHistory")(function* <E, R>(
  walk: Walk,
  report: (imported: Imported) => Effect.Effect<void, E, R>
) {
  const whole = yield* findWhole(walk)
  if (Option.isSome(whole)) return { ...whole.value, before: whole.value }

  const { begun, record } = yield* makeRecorder(walk.id)
  const before: Recorded = { commits: HashSet.size(begun.state.commits), events: begun.version }
  const { commit: latest, missing } = begun.state.latest
  let imported: Imported = { ...before, before }

  const changesMissing = readCommits(walk, before.commits - 1).pipe(
    Stream.take(1),
    Stream.map(({ changes }) => moreOf(latest, cut(changes.slice(changes.length - missing)))),
    Stream.flattenIterable
  )
  const commitsMissing = toCommands(readCommits(walk, before.commits))
  const rest = Stream.concat(missing === 0 ? Stream.empty : changesMissing, commitsMissing)

  yield* Stream.runForEach(rest, (command) =>
    Effect.gen(function* () {
      const { state, version } = yield* record(command)
      imported = { commits: HashSet.size(state.commits), events: version, before }
      yield* report(imported)
    })
  )
  return imported
})
