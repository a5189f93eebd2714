/**
 * 6. Git, asked as a child process whose output is streamed. All there is to know of how git is called is here.
 *
 * Plumbing commands alone are used, which ignore most of a user's settings; what they do not ignore is set on the command
 * line. The settings are not shut out altogether: that a folder of another owner may be read is one of them.
 */
import { Data, Effect, Fiber, Option, Stream } from "effect"
import { ChildProcess } from "effect/process"
import { createHash } from "node:crypto"
import { textOfBytes } from "./names.ts"
import { commitFormat, commits, endOfListing, listings, type RawCommit } from "./raw.ts"
import { type Commit } from "./repository.ts"

/** Git could not do it: no repository there, no git, a broken repository. */
export class GitFailed extends Data.TaggedError("GitFailed")<{ readonly message: string }> {}
/** There is no commit to begin with. */
export class NoCommits extends Data.TaggedError("NoCommits")<{ readonly message: string }> {}

const settings = [
  "core.quotePath=false",
  "diff.renameLimit=1000",
  "diff.orderFile=",
  "diff.ignoreSubmodules=none"
].flatMap((setting) => ["-c", setting])

const options: ChildProcess.CommandOptions = {
  extendEnv: true,
  env: {
    LC_ALL: "C",
    GIT_NO_REPLACE_OBJECTS: "1",
    GIT_OPTIONAL_LOCKS: "0",
    // Where a hook or another git has pointed this process is not where it was asked to look.
    GIT_DIR: undefined,
    GIT_WORK_TREE: undefined,
    GIT_INDEX_FILE: undefined,
    GIT_COMMON_DIR: undefined,
    GIT_OBJECT_DIRECTORY: undefined,
    GIT_ALTERNATE_OBJECT_DIRECTORIES: undefined,
    GIT_NAMESPACE: undefined,
    GIT_SHALLOW_FILE: undefined,
    GIT_GRAFT_FILE: undefined
  }
}

const failed = (problem: string) => new GitFailed({ message: problem.trim().replace(/^fatal: /, "") })

/** What a program prints, as it prints it. Ends in {@link GitFailed} if the program does not end well. */
const run = (program: string, args: ReadonlyArray<string>, input?: Stream.Stream<Uint8Array>) =>
  Effect.gen(function* () {
    const process = yield* ChildProcess.make(program, args, { ...options, stdin: input ?? "ignore" })
    const said = yield* Effect.forkScoped(process.stderr.pipe(Stream.decodeText(), Stream.mkString))
    const end = Effect.gen(function* () {
      const code = yield* process.exitCode
      const errors = yield* Fiber.join(said)
      if (code !== 0) return yield* failed(errors === "" ? `${program} ended with ${code}` : errors)
    })
    return Stream.concat(process.stdout, Stream.fromEffectDrain(end))
  }).pipe(
    Stream.unwrap,
    Stream.catchTag("PlatformError", ({ message, reason }) =>
      Stream.fail(failed(reason._tag === "NotFound" ? `${program} is not installed, or not on the PATH` : message))
    )
  )

const git = (path: string, args: ReadonlyArray<string>, input?: Stream.Stream<Uint8Array>) =>
  run("git", [...settings, "-C", path, ...args], input)

/** Texts as lines for a program to read. */
const inLines = (lines: Iterable<string>): Stream.Stream<Uint8Array> => {
  const utf8 = new TextEncoder()
  return Stream.fromIterable(lines).pipe(Stream.mapArray((some) => [utf8.encode(`${some.join("\n")}\n`)]))
}

const linesOf = (path: string, args: ReadonlyArray<string>) =>
  git(path, args).pipe(Stream.decodeText(), Stream.splitLines)

const line = (path: string, args: ReadonlyArray<string>) =>
  Effect.map(Stream.runCollect(linesOf(path, args)), (lines) => lines[0] ?? "")

/** The id of what a person calls a commit: a branch, a tag, `HEAD~3`, the beginning of an id. */
export const resolve = (path: string, name: string) =>
  line(path, ["rev-parse", "--verify", "--end-of-options", name]).pipe(
    Effect.flatMap((object) => line(path, ["rev-parse", "--verify", `${object}^{commit}`])),
    Effect.mapError(() => failed(`${name} is no commit of this repository`))
  )

/** Which commits there are to read, and in which order: every parent before its children, each line of development in one piece. */
export interface Walk {
  readonly path: string
  /** Two readings of the same history have the same id, and of different ones different ids. */
  readonly id: string
  readonly head: string
  /** What the walk leads to, as git is told. */
  readonly tips: ReadonlyArray<string>
  /** The commits from HEAD along first parents. */
  readonly headLine: ReadonlySet<string>
  /** A shallow clone does not have all commits: some that have parents stand here without them. */
  readonly shallow: boolean
  readonly commits: ReadonlyArray<{ readonly commit: string; readonly parents: ReadonlyArray<string> }>
  /** How many commits have this one as their first parent. */
  readonly children: ReadonlyMap<string, number>
}

/** A commit, its first parent, and so on. Parents stand before their children. */
const lineOf = (head: string, commits: Walk["commits"]): ReadonlySet<string> => {
  const line = new Set<string>()
  let next: string | undefined = head
  for (const { commit, parents } of commits.toReversed()) {
    if (commit !== next) continue
    line.add(commit)
    next = parents[0]
  }
  return line
}

/** Finds the commits that lead to HEAD, or to any branch or tag. */
export const walk = Effect.fn("git.walk")(function* (path: string, all: boolean) {
  yield* Effect.mapError(line(path, ["rev-parse", "--git-dir"]), ({ message }) =>
    failed(`no repository can be read at ${path}: ${message}`)
  )
  const head = yield* Effect.option(resolve(path, "HEAD"))
  const tips = [...(Option.isSome(head) ? ["HEAD"] : []), ...(all ? ["--branches", "--tags", "--remotes"] : [])]
  const commits: Array<Walk["commits"][number]> = []
  const children = new Map<string, number>()
  // Another way of recording a history is another reading of it.
  const digest = createHash("sha256").update("2\n")
  if (tips.length > 0) {
    const args = ["rev-list", "--topo-order", "--reverse", "--parents", ...tips, "--"]
    yield* Stream.runForEach(linesOf(path, args), (line) =>
      Effect.sync(() => {
        const [commit = "", ...parents] = line.split(" ")
        commits.push({ commit, parents })
        digest.update(`${line}\n`)
        if (parents[0] !== undefined) children.set(parents[0], (children.get(parents[0]) ?? 0) + 1)
      })
    )
  }
  const last = commits[commits.length - 1]
  if (last === undefined) {
    const where = all ? "" : " at HEAD; --all reads every branch and tag"
    return yield* new NoCommits({ message: `the repository at ${path} has no commits yet${where}` })
  }
  const shallow = (yield* line(path, ["rev-parse", "--is-shallow-repository"])) === "true"
  const headCommit = Option.getOrElse(head, () => last.commit)
  const walk: Walk = {
    path,
    id: digest.digest("hex"),
    head: headCommit,
    tips,
    headLine: lineOf(headCommit, commits),
    shallow,
    commits,
    children
  }
  return walk
})

/** The commits of a walk from the given one on, each with all its changes against its first parent. */
export const readCommits = (walk: Walk, from: number) => {
  // A commit and a parent on one line: compare with that parent. A commit alone is a root, also where a clone was cut off.
  const asked = inLines(
    walk.commits.slice(from).map(({ commit, parents: [first] }) => `${commit} ${first ?? ""}`.trim())
  )
  const how = ["-r", "--root", "--raw", "-z", "--no-abbrev", "--find-renames", "--find-copies", "--always"]
  const strict = ["--no-ext-diff", "--no-textconv", "--no-relative", "--encoding=UTF-8", commitFormat]
  return commits(git(walk.path, ["diff-tree", "--stdin", ...how, ...strict], asked)).pipe(
    Stream.zipWithIndex,
    Stream.mapEffect(([raw, index]) => commitOf(walk, from + index, raw))
  )
}

const commitOf = (walk: Walk, index: number, { changes, ...raw }: RawCommit): Effect.Effect<Commit, GitFailed> => {
  const asked = walk.commits[index]
  if (asked?.commit !== raw.commit) return Effect.fail(failed(`asked for ${asked?.commit}, git told of ${raw.commit}`))
  const children = walk.children.get(raw.commit) ?? 0
  const headLine = walk.headLine.has(raw.commit)
  const facts = { ...raw, parents: asked.parents, children, changes: changes.length, headLine }
  return Effect.succeed({ facts, changes })
}

// One shell for all listings: to start a program from here takes several times as long as from there.
const listEach = `while read -r commit; do
  git -C "$1" ls-tree -r -z --full-tree "$commit" || exit
  printf '${endOfListing}%s\\0' "$commit"
done`

/** What `git ls-tree -r` lists for each commit. */
export const listTrees = (path: string, commits: Iterable<string>) =>
  listings(run("sh", ["-c", listEach, "sh", path], inLines(commits)))

/** How many commits of a walk each author has, by the names that are in the commits. */
export const shortlog = ({ path, tips }: Walk) =>
  linesOf(path, ["shortlog", "-sn", "--group=format:%an", ...tips, "--"]).pipe(
    Stream.runFold(
      () => new Map<string, number>(),
      (counts, line) => {
        const tab = line.indexOf("\t")
        const author = textOfBytes(new TextEncoder().encode(line.slice(tab + 1)))
        return counts.set(author, (counts.get(author) ?? 0) + Number(line.slice(0, tab)))
      }
    )
  )
