/**
 * The history of a git repository as events: `npm run example:git -- [path] [flags]`, `--help` says which.
 *
 * Exit codes: 0 all is well, 1 the events and git differ or a commit was refused, 2 bad usage, no repository or no answer, 3 a
 * repository without commits, 4 the store cannot be opened or fails, read models do not follow, or somebody
 * else imports the same history.
 */
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Clock, Console, Data, DateTime, Effect, HashMap, Layer, Option, Runtime, Schema, Stream } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { EventStore } from "eventfold"
import * as Store from "../store.ts"
import { resolve, walk as findCommits, type Walk } from "./git.ts"
import { importHistory } from "./import.ts"
import { pathOfText } from "./names.ts"
import {
  byChanges,
  byCommits,
  churnLines,
  contributorsLines,
  errorLine,
  type Figures,
  figuresLines,
  filesLines,
  lifeJson,
  lifeLines,
  readingLine,
  sharesLines,
  treeJson,
  treeLines,
  verifiedLines
} from "./print.ts"
import { commitAt, lifeOf, NoAnswer, sharesOf, treeAt } from "./queries.ts"
import { Churns, Contributors, Files, ofHistory } from "./read-models.ts"
import { Histories } from "./repository.ts"
import { peakHeap, progress } from "./screen.ts"
import { choose, verify, verifyReadModels } from "./verify.ts"

const flags = {
  path: Argument.String("path").pipe(
    Argument.withDescription("The repository; the one it stands in by default"),
    Argument.withDefault(".")
  ),
  all: Flag.Boolean("all").pipe(
    Flag.withDescription("Read every branch and tag, not HEAD alone"),
    Flag.withDefault(false)
  ),
  tree: Flag.String("tree").pipe(
    Flag.withDescription("Show the tree at a commit, or at an instant such as 2024-05-01T12:00:00Z"),
    Flag.optional
  ),
  file: Flag.String("file").pipe(
    Flag.withDescription("Show every event that touched a file, across renames"),
    Flag.optional
  ),
  authors: Flag.String("authors").pipe(
    Flag.withDescription("Show who touched what is under a path, written --authors=src/; everything by default"),
    Flag.withOptionalValue(""),
    Flag.optional
  ),
  contributors: Flag.Boolean("contributors").pipe(
    Flag.withDescription("Show the commits of each author, from the read model"),
    Flag.withDefault(false)
  ),
  churn: Flag.Boolean("churn").pipe(
    Flag.withDescription("Show the changes in each folder at the top, from the read model"),
    Flag.withDefault(false)
  ),
  files: Flag.Boolean("files").pipe(
    Flag.withDescription("Show the files at HEAD, from the read model"),
    Flag.withDefault(false)
  ),
  verify: Flag.Boolean("verify").pipe(
    Flag.withDescription("Compare the tree at every commit, and the read models, with git"),
    Flag.withDefault(false)
  ),
  sample: Flag.Int("sample").pipe(
    Flag.withDescription("Verify so many commits, chosen at random"),
    Flag.withSchema(Schema.Int.check(Schema.isGreaterThan(0))),
    Flag.optional
  ),
  seed: Flag.Int("seed").pipe(
    Flag.withDescription("Choose the sample again that was chosen with this seed"),
    Flag.optional
  ),
  memory: Store.memory,
  json: Flag.Boolean("json").pipe(Flag.withDescription("Print JSON"), Flag.withDefault(false))
}

/** What looks like a date is an instant; everything else names a commit, which git alone can tell. */
const commitMeant = (walk: Walk, name: string) =>
  /^\d{4}-\d\d-\d\d/.test(name)
    ? Option.match(DateTime.make(name), {
        onNone: () => Effect.fail(new NoAnswer({ message: `${name} is not an instant` })),
        onSome: (at) => commitAt(walk.id, walk.head, at)
      })
    : resolve(walk.path, name)

/** A path is asked for as it was printed, or as it is. */
const lifeMeant = Effect.fnUntraced(function* (walk: Walk, typed: string) {
  for (const path of new Set([typed, pathOfText(typed)])) {
    const life = yield* lifeOf(walk.id, walk.head, path)
    if (life.length > 0) return life
  }
  return yield* new NoAnswer({ message: `nothing ever touched ${typed}` })
})

const secondsSince = (began: number) => Effect.map(Clock.currentTimeMillis, (now) => (now - began) / 1000)

const perSecond = (events: number, seconds: number): number => Math.round(events / Math.max(seconds, 0.001))

const read = Effect.fnUntraced(function* (walk: Walk) {
  const began = yield* Clock.currentTimeMillis
  const screen = yield* progress
  const { commits, events, before } = yield* importHistory(walk, (recorded) =>
    Effect.flatMap(secondsSince(began), (seconds) =>
      screen.show(
        readingLine(recorded, walk.commits.length, perSecond(recorded.events - recorded.before.events, seconds))
      )
    )
  )
  yield* screen.clear
  const seconds = yield* secondsSince(began)
  const peakHeapMiB = Math.round((yield* peakHeap) / 2 ** 20)
  const figures: Figures = {
    commits,
    merges: walk.commits.filter(({ parents }) => parents.length > 1).length,
    roots: walk.commits.filter(({ parents }) => parents.length === 0).length,
    events,
    eventsBefore: before.events,
    seconds,
    eventsPerSecond: perSecond(events - before.events, seconds),
    peakHeapMiB
  }
  return figures
})

/** Waits until the read models have come as far as the log. */
const readModels = Effect.gen(function* () {
  const store = yield* EventStore.EventStore
  const head = yield* store.head
  const all = [yield* Contributors, yield* Churns, yield* Files]
  const began = yield* Clock.currentTimeMillis
  yield* Effect.forEach(all, ({ awaitPosition }) => awaitPosition(head, "10 minutes"), { concurrency: "unbounded" })
  return { secondsAfterImport: yield* secondsSince(began) }
})

const prove = Effect.fnUntraced(function* (
  walk: Walk,
  { events }: Figures,
  size: Option.Option<number>,
  seed: Option.Option<number>
) {
  const began = yield* Clock.currentTimeMillis
  const screen = yield* progress
  const sample = Option.isNone(size)
    ? undefined
    : { size: size.value, seed: Option.getOrElse(seed, () => began % 1_000_000) }
  if (sample !== undefined) yield* Console.error(`sample of ${sample.size} commits, --seed ${sample.seed}`)
  const chosen = yield* choose(walk, Option.fromUndefinedOr(sample))
  const verified = yield* Effect.ensuring(
    verify(walk, chosen, ({ commits }) => screen.show(`verified ${commits} of ${chosen.size} commits`)),
    Effect.ignore(screen.clear)
  )
  const seconds = yield* secondsSince(began)
  const shown = yield* verifyReadModels(walk)
  return { ...verified, ...sample, ...shown, events, seconds, eventsPerSecond: perSecond(events, seconds) }
})

const command = Command.make("git-history", flags, (asked) =>
  Effect.gen(function* () {
    const walk = yield* findCommits(asked.path, asked.all)
    if (walk.shallow) {
      yield* Console.error(
        "a shallow clone: the commits where it was cut off count as roots, with all their files added"
      )
    }
    const answers = Effect.gen(function* () {
      const figures = yield* read(walk)
      const shown: Record<string, unknown> = { repository: asked.path, head: walk.head, shallow: walk.shallow, figures }
      const say = (name: string, value: unknown, lines: ReadonlyArray<string>) =>
        asked.json ? Effect.sync(() => void (shown[name] = value)) : Console.log(lines.join("\n"))

      yield* say("figures", figures, figuresLines(figures))
      if (Option.isSome(asked.tree)) {
        const commit = yield* commitMeant(walk, asked.tree.value)
        const tree = yield* treeAt(walk.id, commit)
        const lines = [`\ntree at ${commit}: ${HashMap.size(tree)} files`, ...treeLines(tree)]
        yield* say("tree", { commit, entries: treeJson(tree) }, lines)
      }
      if (Option.isSome(asked.file)) {
        const life = yield* lifeMeant(walk, asked.file.value)
        yield* say("file", lifeJson(life), [`\nlife of ${asked.file.value}`, ...lifeLines(life)])
      }
      if (Option.isSome(asked.authors)) {
        const shares = yield* sharesOf(walk.id, asked.authors.value)
        yield* say("authors", shares, ["", ...sharesLines(shares)])
      }
      const isVerified = asked.verify || Option.isSome(asked.sample)
      if (isVerified || asked.contributors || asked.churn || asked.files) {
        const behind = yield* readModels
        yield* say("readModels", behind, [
          `read models     there ${behind.secondsAfterImport.toFixed(2)} s after the import`
        ])
      }
      if (asked.contributors) {
        const contributors = byCommits(yield* Stream.runCollect(ofHistory(yield* Contributors, walk.id)))
        yield* say("contributors", contributors, ["", ...contributorsLines(contributors)])
      }
      if (asked.churn) {
        const churns = byChanges(yield* Stream.runCollect(ofHistory(yield* Churns, walk.id)))
        yield* say("churn", churns, ["", ...churnLines(churns)])
      }
      if (asked.files) {
        const files = yield* Stream.runCollect(ofHistory(yield* Files, walk.id))
        yield* say("files", files, [`\nfiles at HEAD: ${files.length}`, ...filesLines(files)])
      }
      if (isVerified) {
        const verified = yield* prove(walk, figures, asked.sample, asked.seed)
        yield* say("verified", verified, verifiedLines(verified, walk.commits.length))
      }
      if (asked.json) yield* Console.log(JSON.stringify(shown, null, 2))
    })
    // Only now, for where there is nothing to read no store is made.
    yield* answers.pipe(
      Effect.provide(
        Layer.mergeAll(Histories.layer, Contributors.layer, Churns.layer, Files.layer).pipe(
          Layer.provideMerge(Store.layer("git-history", asked.memory))
        )
      ),
      Effect.onInterrupt(() =>
        asked.memory
          ? Effect.void
          : Console.error("\nstopped; what was recorded is kept, and the next run goes on from it")
      )
    )
  })
).pipe(Command.withDescription("Reads the history of a git repository into events, and answers questions from them"))

const exitCodes: Record<string, number> = {
  ShowHelp: 2,
  GitFailed: 2,
  NoAnswer: 2,
  NoCommits: 3,
  NoStore: 4,
  AwaitTimeout: 4,
  Overtaken: 4,
  StoreError: 4
}

/** An error that has been told, and the exit code that tells of it. */
class Ended extends Data.TaggedError("Ended")<{ readonly code: number }> {
  override readonly [Runtime.errorExitCode] = this.code
  override readonly [Runtime.errorReported] = false
}

command.pipe(
  Command.run({ version: "1.0.0" }),
  Effect.catch((error) =>
    Effect.gen(function* () {
      if (error._tag === "ShowHelp" && error.errors.length === 0) return
      if (error._tag !== "ShowHelp") yield* Console.error(errorLine(error))
      return yield* new Ended({ code: exitCodes[error._tag] ?? 1 })
    })
  ),
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain
)
