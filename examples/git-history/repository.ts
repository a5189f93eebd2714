/**
 * 3. The rules. A repository's history is one stream: a commit builds on the tree of its first parent, whichever line of
 * development that is on, so no smaller stream could tell whether a change can be.
 *
 * A command tells what git says of commits: for each changed path what was there before and what is there now. The rules
 * hold that against the tree they have folded themselves, and call each change by its name.
 */
import { Data, HashMap, HashSet, Option, Result, Schema } from "effect"
import { Aggregate, Decider } from "eventfold"
import { commitFields, Entry, type RepositoryEvent, RepositoryEvent as Events } from "./events.ts"
import { afterCommit, awaitedTree, holding, initial, moved, State, withMode, without } from "./state.ts"

// Commands and decide

const path = { path: Schema.String }
const from = { from: Schema.String }
const before = { before: Entry }
const after = { after: Entry }

/** What git says of one path: what its parent's tree has there (for a rename or copy: where it is from), and what is now. */
export const Change = Schema.TaggedUnion({
  Added: { ...path, ...after },
  Changed: { ...path, ...before, ...after },
  Removed: { ...path, ...before },
  Renamed: { ...path, ...from, ...before, ...after },
  Copied: { ...path, ...from, ...before, ...after }
})
export type Change = typeof Change.Type

/** A commit with its changes, or the first of them. */
export const Commit = Schema.Struct({ facts: Schema.Struct(commitFields), changes: Schema.Array(Change) })
export type Commit = typeof Commit.Type

const HistoryCommand = Schema.TaggedUnion({
  /** Commits, parents before children. */
  RecordCommits: { commits: Schema.Array(Commit) },
  /** More changes of the latest commit, when they are too many to append at once. */
  RecordChanges: { commit: Schema.String, changes: Schema.Array(Change) }
})
export type HistoryCommand = typeof HistoryCommand.Type

/** The commit has been recorded already. */
export class CommitKnown extends Data.TaggedError("CommitKnown")<{ readonly commit: string }> {}
/** A parent of the commit has not been recorded. */
export class ParentUnknown extends Data.TaggedError("ParentUnknown")<{
  readonly commit: string
  readonly parent: string
}> {}
/** All children that the first parent was said to have are there already. */
export class ParentComplete extends Data.TaggedError("ParentComplete")<{
  readonly commit: string
  readonly parent: string
}> {}
/** Changes of the latest commit are still missing. */
export class CommitIncomplete extends Data.TaggedError("CommitIncomplete")<{
  readonly commit: string
  readonly missing: number
}> {}
/** A change of a commit that is not the latest one, or is whole. */
export class ChangeUnexpected extends Data.TaggedError("ChangeUnexpected")<{
  readonly commit: string
  readonly path: string
}> {}
/** The change is of a file that the parent's tree does not have. */
export class FileMissing extends Data.TaggedError("FileMissing")<{ readonly commit: string; readonly path: string }> {}
/** The change adds a file that the parent's tree has. */
export class FileExists extends Data.TaggedError("FileExists")<{ readonly commit: string; readonly path: string }> {}
/** The parent's tree has something else there than the change begins with. */
export class FileDiffers extends Data.TaggedError("FileDiffers")<{
  readonly commit: string
  readonly path: string
  readonly expected: Entry
  readonly actual: Entry
}> {}
/** The change changes nothing. */
export class NothingChanged extends Data.TaggedError("NothingChanged")<{
  readonly commit: string
  readonly path: string
}> {}

type CommitRejection = CommitKnown | ParentUnknown | ParentComplete | CommitIncomplete
type ChangeRejection = ChangeUnexpected | FileMissing | FileExists | FileDiffers | NothingChanged
export type Rejection = CommitRejection | ChangeRejection

const checkCommit = (state: State, { facts: { commit, parents } }: Commit): Result.Result<void, CommitRejection> => {
  const { commit: latest, missing } = state.latest
  if (missing > 0) return Result.fail(new CommitIncomplete({ commit: latest, missing }))
  if (HashSet.has(state.commits, commit)) return Result.fail(new CommitKnown({ commit }))
  const unknown = parents.find((parent) => !HashSet.has(state.commits, parent))
  if (unknown !== undefined) return Result.fail(new ParentUnknown({ commit, parent: unknown }))
  const parent = parents[0]
  return parent !== undefined && Option.isNone(awaitedTree(state, parent))
    ? Result.fail(new ParentComplete({ commit, parent }))
    : Result.succeed(undefined)
}

const checkPresent = (
  commit: string,
  path: string,
  actual: Option.Option<Entry>,
  expected: Entry
): Result.Result<void, FileMissing | FileDiffers> => {
  if (Option.isNone(actual)) return Result.fail(new FileMissing({ commit, path }))
  const { mode, blob } = actual.value
  return mode === expected.mode && blob === expected.blob
    ? Result.succeed(undefined)
    : Result.fail(new FileDiffers({ commit, path, expected, actual: actual.value }))
}

/** Where a rename or copy comes from is as the parent had it; where a change goes is as the changes before have left it. */
const checkChange = (state: State, change: Change, commit: string): Result.Result<void, ChangeRejection> => {
  const { commit: latest, missing, before, tree } = state.latest
  const { path } = change
  if (commit !== latest || missing === 0) return Result.fail(new ChangeUnexpected({ commit, path }))
  const there = HashMap.get(tree, path)
  if (change._tag === "Changed" || change._tag === "Removed") return checkPresent(commit, path, there, change.before)
  if (Option.isSome(there)) return Result.fail(new FileExists({ commit, path }))
  return change._tag === "Added"
    ? Result.succeed(undefined)
    : checkPresent(commit, change.from, HashMap.get(before, change.from), change.before)
}

/** The first digits of a mode say what kind of thing it is, the rest what one may do with it. */
const kind = (entry: Entry): string => entry.mode.slice(0, -4)

const factOf = (change: Change, state: State): Result.Result<RepositoryEvent, NothingChanged> => {
  const { commit, headLine, merge } = state.latest
  const { path } = change
  const what = { commit, path, headLine, merge }
  switch (change._tag) {
    case "Added":
      return Result.succeed({ _tag: "FileAdded", ...what, ...change.after })
    case "Removed":
      return Result.succeed({ _tag: "FileRemoved", ...what })
    case "Renamed":
      return Result.succeed({ _tag: "FileRenamed", ...what, from: change.from, ...change.after })
    case "Copied":
      return Result.succeed({ _tag: "FileCopied", ...what, from: change.from, ...change.after })
    case "Changed": {
      const { before, after } = change
      if (kind(before) !== kind(after)) return Result.succeed({ _tag: "TypeChanged", ...what, ...after })
      if (before.blob !== after.blob) return Result.succeed({ _tag: "FileModified", ...what, ...after })
      return before.mode === after.mode
        ? Result.fail(new NothingChanged({ commit, path }))
        : Result.succeed({ _tag: "ModeChanged", ...what, mode: after.mode })
    }
  }
}

const decideChanges = (
  state: State,
  commit: string,
  changes: ReadonlyArray<Change>
): Result.Result<{ readonly state: State; readonly events: ReadonlyArray<RepositoryEvent> }, ChangeRejection> => {
  const events: Array<RepositoryEvent> = []
  for (const change of changes) {
    const fact = Result.andThen(checkChange(state, change, commit), () => factOf(change, state))
    if (Result.isFailure(fact)) return Result.fail(fact.failure)
    events.push(fact.success)
    state = repository.evolve(state, fact.success)
  }
  return Result.succeed({ state, events })
}

export const repository = Decider.make({
  name: "gitHistory",
  state: State,
  initial,
  events: Events,
  commands: HistoryCommand
})
  .evolve({
    CommitRecorded: afterCommit,
    FileAdded: holding,
    FileModified: holding,
    ModeChanged: withMode,
    TypeChanged: holding,
    FileRenamed: moved,
    FileCopied: holding,
    FileRemoved: without
  })
  .decide({
    RecordCommits: ({ commits }, state) =>
      Result.gen(function* () {
        const events: Array<RepositoryEvent> = []
        for (const commit of commits) {
          yield* checkCommit(state, commit)
          const decided = yield* decideChanges(afterCommit(state, commit.facts), commit.facts.commit, commit.changes)
          events.push({ _tag: "CommitRecorded", ...commit.facts }, ...decided.events)
          state = decided.state
        }
        return events
      }),
    RecordChanges: ({ commit, changes }, state) =>
      Result.map(decideChanges(state, commit, changes), ({ events }) => events)
  })

// Service

export class Histories extends Aggregate.Service<Histories>()("git-history/Histories", { decider: repository }) {}
