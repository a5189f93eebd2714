/**
 * 2. The state, and how events change it.
 *
 * Held are the tree of each commit that still has children to come, and the latest commit's. Trees are persistent maps: a
 * commit's tree shares with its parent's all but what it changed, and when the last child has come it is let go. So memory
 * follows the width of the history, not its length.
 */
import { HashMap, HashSet, Option, Schema } from "effect"
import { type CommitFacts, Entry } from "./events.ts"

/** What each path of a commit holds. */
export const Tree = Schema.HashMap(Schema.String, Entry)
export type Tree = typeof Tree.Type

export const State = Schema.Struct({
  /** Every commit recorded so far. */
  commits: Schema.HashSet(Schema.String),
  /** The trees of whole commits whose children are still to come, and how many these are. */
  awaited: Schema.HashMap(Schema.String, Schema.Struct({ tree: Tree, children: Schema.Int })),
  /** The latest commit: its first parent's tree, its own as far as it is known, and how many changes are missing. */
  latest: Schema.Struct({
    commit: Schema.String,
    children: Schema.Int,
    before: Tree,
    tree: Tree,
    missing: Schema.Int,
    headLine: Schema.Boolean,
    merge: Schema.Boolean
  })
})
export type State = typeof State.Type

const noTree: Tree = HashMap.empty()

export const initial: State = {
  commits: HashSet.empty(),
  awaited: HashMap.empty(),
  latest: { commit: "", children: 0, before: noTree, tree: noTree, missing: 0, headLine: false, merge: false }
}

/** The tree that a child of this commit begins with; none if no child of it is awaited. */
export const awaitedTree = (state: State, commit: string): Option.Option<Tree> =>
  Option.map(HashMap.get(state.awaited, commit), ({ tree }) => tree)

const oneChildLess = (awaited: State["awaited"], commit: string): State["awaited"] =>
  HashMap.modifyAt(
    awaited,
    commit,
    Option.flatMap(({ tree, children }) =>
      children > 1 ? Option.some({ tree, children: children - 1 }) : Option.none()
    )
  )

/** Once nothing is missing the commit is whole, and its tree is kept for its children. */
const settled = (state: State): State => {
  const { commit, children, tree, missing } = state.latest
  if (missing > 0 || children === 0) return state
  return { ...state, awaited: HashMap.set(state.awaited, commit, { tree, children }) }
}

export const afterCommit = (state: State, { commit, parents, children, changes, headLine }: CommitFacts): State => {
  const parent = parents[0]
  const before = parent === undefined ? noTree : Option.getOrElse(awaitedTree(state, parent), () => noTree)
  return settled({
    commits: HashSet.add(state.commits, commit),
    awaited: parent === undefined ? state.awaited : oneChildLess(state.awaited, parent),
    latest: { commit, children, before, tree: before, missing: changes, headLine, merge: parents.length > 1 }
  })
}

const afterChange = (state: State, tree: Tree): State =>
  settled({ ...state, latest: { ...state.latest, tree, missing: state.latest.missing - 1 } })

/** The path holds this now. */
export const holding = (state: State, { path, mode, blob }: Entry & { readonly path: string }): State =>
  afterChange(state, HashMap.set(state.latest.tree, path, { mode, blob }))

/** The path holds the same under this mode. */
export const withMode = (state: State, { path, mode }: { readonly path: string; readonly mode: string }): State =>
  afterChange(
    state,
    HashMap.modify(state.latest.tree, path, (entry) => ({ ...entry, mode }))
  )

/** Nothing is there any more. */
export const without = (state: State, { path }: { readonly path: string }): State =>
  afterChange(state, HashMap.remove(state.latest.tree, path))

/** What was there is at another path now. */
export const moved = (
  state: State,
  { from, path, mode, blob }: Entry & { readonly from: string; readonly path: string }
): State => afterChange(state, HashMap.set(HashMap.remove(state.latest.tree, from), path, { mode, blob }))
