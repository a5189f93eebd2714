/**
 * 9. The proof: at every commit, or at some, the tree that the events fold to is what `git ls-tree -r` lists, in mode, type,
 * id and path, nothing more and nothing less; and so are the files of the read model at HEAD, and its contributors what
 * `git shortlog` counts. What is folded or kept and what git says meet here alone.
 */
import { Data, Effect, HashMap, Option, Random, Stream } from "effect"
import { type RepositoryEvent } from "./events.ts"
import { listTrees, shortlog, type Walk } from "./git.ts"
import { type Listing, type TreeLine } from "./raw.ts"
import { Contributors, Files, ofHistory } from "./read-models.ts"
import { Histories, repository } from "./repository.ts"
import { type State, type Tree } from "./state.ts"

/** The events tell something else than git. */
export class Difference extends Data.TaggedError("Difference")<{
  readonly commit: string
  readonly path: string
  /** What the events fold to, and what git lists. */
  readonly folded: string
  readonly listed: string
}> {
  override get message(): string {
    const path = this.path === "" ? "" : ` path ${this.path}:`
    return `commit ${this.commit}:${path} the events have ${this.folded}, git has ${this.listed}`
  }
}

/** A commit that is whole, with its tree; or, at the end of a history, what there was of it. */
interface Whole {
  readonly commit: string
  readonly tree: Tree
  readonly isEnd: boolean
}

const theEnd = (commits: number, missing: number): string =>
  `the end after ${commits} commits, ${missing} changes missing`

const typeOf = (mode: string): string => (mode === "160000" ? "commit" : "blob")

const text = (line: Omit<TreeLine, "path"> | undefined): string =>
  line === undefined ? "nothing" : `${line.mode} ${line.type} ${line.blob}`

const compare = ({ commit, tree }: Whole, listing: Listing): Effect.Effect<number, Difference> => {
  if (commit !== listing.commit) {
    return Effect.fail(new Difference({ commit: listing.commit, path: "", folded: commit, listed: listing.commit }))
  }
  const paths = new Set<string>()
  for (const line of listing.lines) {
    paths.add(line.path)
    const entry = Option.getOrUndefined(HashMap.get(tree, line.path))
    const folded = text(entry && { ...entry, type: typeOf(entry.mode) })
    if (folded !== text(line)) {
      return Effect.fail(new Difference({ commit, path: line.path, folded, listed: text(line) }))
    }
  }
  if (paths.size === HashMap.size(tree)) return Effect.succeed(paths.size)
  for (const [path, entry] of tree) {
    if (paths.has(path)) continue
    const folded = text({ ...entry, type: typeOf(entry.mode) })
    return Effect.fail(new Difference({ commit, path, folded, listed: "nothing" }))
  }
  return Effect.succeed(paths.size)
}

/** Which commits of a walk to look at: all, or a sample that the same seed chooses again. */
export const choose = (walk: Walk, sample: Option.Option<{ readonly size: number; readonly seed: number }>) =>
  Option.match(sample, {
    onNone: () => Effect.succeed(new Set(walk.commits.map(({ commit }) => commit))),
    onSome: ({ size, seed }) =>
      Effect.map(
        Random.withSeed(Random.shuffle(walk.commits), seed),
        (commits) => new Set(commits.slice(0, size).map(({ commit }) => commit))
      )
  })

interface Fold {
  readonly state: State
  readonly commits: number
}

/** Folds events, and gives the commits that became whole. They must be git's commits in git's order, each with all its changes. */
const wholeCommits = (
  walk: Walk,
  { state, commits }: Fold,
  events: ReadonlyArray<RepositoryEvent>
): Effect.Effect<readonly [Fold, ReadonlyArray<Whole>], Difference> => {
  const whole: Array<Whole> = []
  const different = (commit: string, folded: string, listed: string) =>
    Effect.fail(new Difference({ commit, path: "", folded, listed }))
  for (const event of events) {
    const { commit, missing } = state.latest
    if (event._tag === "CommitRecorded") {
      if (missing > 0) return different(commit, `${missing} changes too few`, "all of them")
      const expected = walk.commits[commits]?.commit ?? "no more"
      if (event.commit !== expected) return different(event.commit, "this commit", expected)
      commits++
    } else if (missing === 0 || event.commit !== commit) {
      return different(commit, `a change too many, at ${event.path}`, "no more")
    }
    state = repository.evolve(state, event)
    if (state.latest.missing === 0) whole.push({ ...state.latest, isEnd: false })
  }
  return Effect.succeed([{ state, commits }, whole])
}

/** What has been compared: commits, and the files in their trees taken together. */
export interface Verified {
  readonly commits: number
  readonly files: number
}

/** Compares the chosen commits. Fails at the first difference. */
export const verify = Effect.fn("verify")(function* <E, R>(
  walk: Walk,
  chosen: ReadonlySet<string>,
  report: (verified: Verified) => Effect.Effect<void, E, R>
) {
  const histories = yield* Histories
  const inOrder = walk.commits.flatMap(({ commit }) => (chosen.has(commit) ? [commit] : []))
  const listed = Stream.concat(
    listTrees(walk.path, inOrder),
    Stream.succeed({ commit: theEnd(walk.commits.length, 0), lines: [] })
  )
  return yield* histories.history(walk.id).pipe(
    Stream.map(({ event }) => event),
    Stream.mapAccumArrayEffect(
      (): Fold => ({ state: repository.initial, commits: 0 }),
      (fold, events) => wholeCommits(walk, fold, events),
      {
        onHalt: ({ state: { latest }, commits }) => [
          { commit: theEnd(commits, latest.missing), tree: repository.initial.latest.tree, isEnd: true }
        ]
      }
    ),
    Stream.filter(({ commit, isEnd }) => isEnd || chosen.has(commit)),
    Stream.zip(listed),
    Stream.mapEffect(([whole, listing]) =>
      Effect.map(compare(whole, listing), (files) => ({ files, isEnd: whole.isEnd }))
    ),
    Stream.runFoldEffect(
      (): Verified => ({ commits: 0, files: 0 }),
      ({ commits, files }, more) => {
        const verified = { commits: commits + (more.isEnd ? 0 : 1), files: files + more.files }
        return Effect.as(report(verified), verified)
      }
    )
  )
})

/** An author has another number of commits in the read model than in git. */
export class Miscounted extends Data.TaggedError("Miscounted")<{
  readonly author: string
  readonly kept: number
  readonly counted: number
}> {
  override get message(): string {
    return `author ${this.author}: the read model has ${this.kept} commits, git shortlog has ${this.counted}`
  }
}

/** Compares what the read models have of a history with git. Gives how many authors and files that were. */
export const verifyReadModels = Effect.fn("verifyReadModels")(function* (walk: Walk) {
  const kept = yield* Stream.runCollect(ofHistory(yield* Contributors, walk.id))
  const commitsOf = new Map(kept.map(({ author, commits }) => [author, commits]))
  const counts = yield* shortlog(walk)
  for (const author of new Set([...commitsOf.keys(), ...counts.keys()])) {
    const [kept, counted] = [commitsOf.get(author) ?? 0, counts.get(author) ?? 0]
    if (kept !== counted) return yield* new Miscounted({ author, kept, counted })
  }
  const files = yield* Stream.runCollect(ofHistory(yield* Files, walk.id))
  const tree: Tree = HashMap.fromIterable(files.map(({ path, mode, blob }) => [path, { mode, blob }]))
  const listings = yield* Stream.runCollect(listTrees(walk.path, [walk.head]))
  for (const listing of listings) yield* compare({ commit: walk.head, tree, isEnd: false }, listing)
  return { authors: counts.size, filesAtHead: files.length }
})
