import { NodeServices } from "@effect/platform-node"
import { assert, describe, it, layer } from "@effect/vitest"
import { DateTime, Effect, HashMap, Layer, Option, Stream } from "effect"
import { EventStore, type RecordedEvent } from "eventfold"
import { MemoryEventStore } from "eventfold/memory"
import { EmbeddedEventStore } from "eventfold/postgres/embedded"
import { execFile, execFileSync } from "node:child_process"
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll } from "vitest"
import { resolve, walk } from "../../examples/git-history/git.ts"
import { importHistory } from "../../examples/git-history/import.ts"
import { pathOfBytes, pathOfText } from "../../examples/git-history/names.ts"
import { commitAt, lifeOf, sharesOf, treeAt } from "../../examples/git-history/queries.ts"
import { Churns, Contributors, Files, ofHistory } from "../../examples/git-history/read-models.ts"
import { Histories, repository } from "../../examples/git-history/repository.ts"
import { choose, verify, verifyReadModels } from "../../examples/git-history/verify.ts"
import { makeEmbeddedFolder } from "../support/embeddedFolder.ts"
import { freshDatabase, startServer } from "../support/server.ts"
import { history, manyFiles } from "./support/history.ts"

const home = mkdtempSync(join(tmpdir(), "git-history-"))
afterAll(() => rmSync(home, { recursive: true, force: true }))

const environment = {
  ...process.env,
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_COUNT: "3",
  GIT_CONFIG_KEY_0: "init.defaultBranch",
  GIT_CONFIG_VALUE_0: "main",
  GIT_CONFIG_KEY_1: "commit.gpgsign",
  GIT_CONFIG_VALUE_1: "false",
  GIT_CONFIG_KEY_2: "protocol.file.allow",
  GIT_CONFIG_VALUE_2: "always",
  GIT_AUTHOR_NAME: "Ada",
  GIT_AUTHOR_EMAIL: "ada@example.org",
  GIT_COMMITTER_NAME: "Ada",
  GIT_COMMITTER_EMAIL: "ada@example.org"
}

/** A new repository, made by a shell script. Its function `commit` commits all there is, an hour after the commit before. */
const repositoryOf = (name: string, script: string, input = ""): string => {
  const path = join(home, name)
  mkdirSync(path)
  const preface = `
    set -e
    git init -q .
    hour=0
    at() { hour=$((hour + 1)); GIT_AUTHOR_DATE="$((1700000000 + hour * 3600)) +0000"; export GIT_AUTHOR_DATE; GIT_COMMITTER_DATE=$GIT_AUTHOR_DATE; export GIT_COMMITTER_DATE; }
    commit() { at; git add -A; git commit -q --allow-empty -m "$1"; }
    lines() { i=0; while [ $i -lt 20 ]; do echo "$1 line $i"; i=$((i + 1)); done; }
  `
  execFileSync("sh", ["-c", preface + script], {
    cwd: path,
    env: environment,
    input,
    stdio: ["pipe", "ignore", "inherit"]
  })
  return path
}

const odd = `
  commit "nothing at all"
  lines a > a.txt; lines b > b.txt; mkdir -p src/deep; lines c > src/deep/c.txt; printf '\\000\\001\\377' > binary; : > empty
  commit "the first files: 100% \\"quoted\\" and ünïcode"
  for name in 'with space' 'quo"te' "it's" 'new\\nline' 'tab\\there' '\\377\\376' 'caf\\351' 'h\\303\\251llo' '\\360\\237\\230\\200' '-dash' '100%%.txt' '%%41' 'back\\\\slash' '\\302\\205' 'trail ' ':colon' '\\355\\240\\200'; do
    file="$(printf -- "$name.")"; lines "$name" > "./\${file%.}"
  done
  commit "odd names"
  git mv a.txt renamed.txt; commit "a rename"
  git mv renamed.txt src/again.txt; echo more >> src/again.txt; commit "a rename with an edit"
  cp b.txt copy.txt; echo changed >> b.txt; commit "a copy"
  git mv b.txt t; git mv copy.txt b.txt; git mv t copy.txt; commit "a swap"
  chmod +x b.txt; commit "a program"
  chmod -x b.txt; echo x >> b.txt; commit "no program, and an edit"
  rm b.txt; ln -s copy.txt b.txt; commit "a link"
  rm b.txt; lines link > b.txt; commit "no link"
  git update-index --add --cacheinfo "160000,$(git rev-parse HEAD),sub"; mkdir sub; at; git commit -qm "a submodule"
  git update-index --add --cacheinfo "160000,$(git rev-parse HEAD),sub"; at; git commit -qm "the submodule moves"
  git update-index --force-remove sub; rmdir sub; lines sub > sub; commit "a file where the submodule was"
  rm sub; mkdir sub; lines sub > sub/file; commit "a folder where the file was"
  mv sub/file t; rmdir sub; mv t sub; commit "a file where the folder was"
  rm binary empty; commit "a removal"

  git checkout -q -b feature; echo feature >> src/again.txt; commit "a change on a branch"
  git mv src/again.txt src/branched.txt; (export GIT_AUTHOR_NAME=Bob GIT_AUTHOR_EMAIL=bob@example.org; commit "a rename on a branch")
  git checkout -q main; echo main > main.txt; commit "meanwhile"
  at; git merge -q --no-ff -m "a merge" feature

  git checkout -q -b left; echo left > both.txt; commit "left"
  git checkout -q -b right main; echo right > both.txt; commit "right"
  git checkout -q main; git merge -q left; git merge -q right > /dev/null || true
  echo "neither left nor right" > both.txt; echo evil > evil.txt; commit "a merge with what no parent has"

  for n in one two three; do git checkout -q -b $n main; echo $n > $n.txt; commit "branch $n"; done
  git checkout -q main; echo main >> main.txt; commit "before the octopus"; at; git merge -q -m "an octopus" one two three
  at; git merge -q -s ours -m "a merge that takes nothing" $(git commit-tree -m "lost" -p HEAD~1 "$(git rev-parse HEAD~3^{tree})")

  git checkout -q --orphan other; git rm -rqf .; lines other > other.txt; commit "another root"
  git checkout -q main; at; git merge -q --allow-unrelated-histories -m "a merge of another root" other
  git rm -rqf .; commit "everything removed"
  git checkout -q HEAD~1 -- .; commit "everything back"

  git checkout -q --orphan lonely; git rm -rqf .; echo lonely > lonely.txt; commit "a root that is never merged"
  git tag -a -m "a tag" v1; git tag blob "$(git rev-parse HEAD:lonely.txt)"; git checkout -q main; git branch -D -q lonely
  git checkout -q -b ahead; echo ahead > ahead.txt; commit "ahead of main"; git checkout -q main
`

const quiet = () => Effect.void
const everything = (path: string, all = true) => Effect.tap(walk(path, all), (found) => importHistory(found, quiet))
const all = <A extends { readonly commits: ReadonlyArray<{ readonly commit: string }> }>({ commits }: A) =>
  new Set(commits.map(({ commit }) => commit))

const app = <A>(store: Layer.Layer<A | EventStore.EventStore>) =>
  Histories.layer.pipe(Layer.provideMerge(store), Layer.merge(NodeServices.layer))

const oddPath = repositoryOf("odd", odd)
const realGit = execFileSync("sh", ["-c", "command -v git"], { encoding: "utf8" }).trim()

const shown = Layer.mergeAll(Contributors.layer, Churns.layer, Files.layer).pipe(
  Layer.provideMerge(app(MemoryEventStore.layer))
)

layer(shown, { excludeTestServices: true })("the history of a repository", (it) => {
  it.effect("is at every commit of every branch and tag what git lists, whatever can happen in one", () =>
    Effect.gen(function* () {
      const found = yield* everything(oddPath)
      const verified = yield* verify(found, all(found), quiet)
      assert.strictEqual(verified.commits, found.commits.length)
      assert.isTrue(found.commits.some(({ parents }) => parents.length > 3))
      assert.strictEqual(found.commits.filter(({ parents }) => parents.length === 0).length, 3)
      const histories = yield* Histories
      const types = yield* histories.history(found.id).pipe(
        Stream.runFold(
          () => new Set<string>(),
          (seen, { event }) => seen.add(event._tag)
        )
      )
      assert.strictEqual(types.size, repository.events.types.length)
    })
  )

  it.effect("answers with the tree at a commit and at an instant", () =>
    Effect.gen(function* () {
      const found = yield* everything(oddPath, false)
      const commit = yield* resolve(oddPath, ":/a swap")
      const tree = yield* treeAt(found.id, commit)
      const listed = execFileSync("git", ["ls-tree", "-r", "-z", commit], { cwd: oddPath })
      assert.strictEqual(HashMap.size(tree), listed.toString("latin1").split("\0").length - 1)
      assert.isTrue(HashMap.has(tree, "100%25.txt"))
      const at = DateTime.makeUnsafe((1_700_000_000 + 2 * 3_600) * 1000 + 1)
      assert.strictEqual(yield* commitAt(found.id, found.head, at), yield* resolve(oddPath, ":/the first files"))
      const unknown = yield* Effect.flip(resolve(oddPath, "nothing"))
      assert.strictEqual(unknown.message, "nothing is no commit of this repository")
      const early = yield* Effect.flip(commitAt(found.id, found.head, DateTime.makeUnsafe(0)))
      assert.strictEqual(early._tag, "NoAnswer")
      const ahead = yield* Effect.flip(treeAt(found.id, yield* resolve(oddPath, "ahead")))
      assert.strictEqual(ahead._tag, "NoAnswer")
    })
  )

  it.effect("tells the life of a file across renames and branches, by any name it had", () =>
    Effect.gen(function* () {
      const found = yield* everything(oddPath, false)
      const life = yield* lifeOf(found.id, found.head, "src/branched.txt")
      const told = life.slice(0, 6).map(({ event, commit }) => `${event._tag} ${event.path}: ${commit.subject}`)
      assert.deepStrictEqual(told, [
        'FileAdded a.txt: the first files: 100% "quoted" and ünïcode',
        "FileRenamed renamed.txt: a rename",
        "FileRenamed src/again.txt: a rename with an edit",
        "FileModified src/again.txt: a change on a branch",
        "FileRenamed src/branched.txt: a rename on a branch",
        "FileRenamed src/branched.txt: a merge"
      ])
      assert.deepStrictEqual(yield* lifeOf(found.id, found.head, "a.txt"), life)
      const removed = yield* lifeOf(found.id, found.head, "binary")
      assert.deepStrictEqual(
        removed.map(({ event }) => event._tag),
        ["FileAdded", "FileRemoved"]
      )
      assert.deepStrictEqual(yield* lifeOf(found.id, found.head, "never"), [])
    })
  )

  it.effect("tells who touched what, and does not count a merged change again", () =>
    Effect.gen(function* () {
      const found = yield* everything(oddPath, false)
      const [ada, bob, ...others] = yield* sharesOf(found.id, "src/branched")
      assert.deepStrictEqual(others, [])
      assert.strictEqual(bob?.who, "Bob <bob@example.org>")
      assert.deepStrictEqual([bob?.commits, bob?.changes, bob?.merges], [1, 1, 0])
      assert.strictEqual(ada?.who, "Ada <ada@example.org>")
      assert.strictEqual(ada?.merges, 1)
    })
  )

  it.effect("of a thousand commits is verified in a sample, with few trees in the state", () =>
    Effect.gen(function* () {
      const path = repositoryOf("long", "git fast-import --quiet", history(1_000))
      const found = yield* everything(path)
      const chosen = yield* choose(found, Option.some({ size: 50, seed: 42 }))
      assert.deepStrictEqual(yield* choose(found, Option.some({ size: 50, seed: 42 })), chosen)
      assert.strictEqual((yield* verify(found, chosen, quiet)).commits, 50)
      const histories = yield* Histories
      const { state } = yield* histories.state(found.id, { at: { version: 3_000 } })
      assert.isAtMost(HashMap.size(state.awaited), 3)
    })
  )

  it.effect("goes on where an import stopped, also within a commit too large for one append", () =>
    Effect.gen(function* () {
      const found = yield* walk(repositoryOf("wide", "git fast-import --quiet", manyFiles(20_000)), false)
      const histories = yield* Histories
      assert.strictEqual(yield* Effect.flip(importHistory(found, () => Effect.fail("stopped"))), "stopped")
      assert.isAbove((yield* histories.state(found.id)).state.latest.missing, 0)
      const whole = { commits: 1, events: 20_001 }
      assert.deepInclude(yield* importHistory(found, quiet), whole)
      assert.deepInclude(yield* importHistory(found, quiet), { ...whole, before: whole })
      assert.deepStrictEqual(yield* verify(found, all(found), quiet), { commits: 1, files: 20_000 })
    })
  )

  it.effect("is recorded by one process at a time, and the other one is told", () =>
    Effect.gen(function* () {
      const found = yield* walk(repositoryOf("raced", "git fast-import --quiet", manyFiles(3_000)), false)
      const other = importHistory(found, quiet)
      const overtaken = yield* Effect.flip(importHistory(found, () => other))
      assert.strictEqual(overtaken._tag, "Overtaken")
      assert.deepStrictEqual(yield* verify(found, all(found), quiet), { commits: 1, files: 3_000 })
    })
  )

  it.effect("has read models that are at its end what git says, of one history apart from others", () =>
    Effect.gen(function* () {
      const [whole, line] = [yield* everything(oddPath), yield* everything(oddPath, false)]
      const head = yield* Effect.flatMap(EventStore.EventStore, (store) => store.head)
      for (const { awaitPosition } of [yield* Contributors, yield* Churns, yield* Files]) yield* awaitPosition(head)
      const list = execFileSync("git", ["ls-tree", "-r", "-z", "--name-only", "HEAD"], {
        cwd: oddPath,
        encoding: "utf8"
      })
      const filesAtHead = list.split("\0").length - 1
      assert.deepStrictEqual(yield* verifyReadModels(whole), { authors: 2, filesAtHead })
      assert.deepStrictEqual(yield* verifyReadModels(line), { authors: 2, filesAtHead })
      const total = (counts: ReadonlyArray<number>) => counts.reduce((sum, count) => sum + count, 0)
      const churns = yield* Stream.runCollect(ofHistory(yield* Churns, line.id))
      const churned = churns.map(({ added, changed, arrived, removed }) => added + changed + arrived + removed)
      const shares = yield* sharesOf(line.id, "")
      assert.strictEqual(total(churned), total(shares.map(({ changes }) => changes)))
      assert.strictEqual(total(churns.map(({ left }) => left)), total(churns.map(({ arrived }) => arrived)))
      const other = yield* Effect.flip(verifyReadModels({ ...whole, tips: ["HEAD~1"] }))
      assert.strictEqual(other._tag, "Miscounted")
      assert.match(other.message, /^author Ada: the read model has \d+ commits, git shortlog has \d+$/)
      const files = yield* Effect.flip(verifyReadModels({ ...whole, head: yield* resolve(oddPath, "HEAD~1") }))
      assert.strictEqual(files._tag, "Difference")
    })
  )

  it.effect("of a shallow clone begins where it was cut off", () =>
    Effect.gen(function* () {
      const path = join(home, "shallow")
      execFileSync("git", ["clone", "-q", "--depth", "3", `file://${oddPath}`, path], { env: environment })
      const found = yield* everything(path)
      assert.isTrue(found.shallow)
      assert.isAbove(found.commits.filter(({ parents }) => parents.length === 0).length, 0)
      assert.strictEqual((yield* verify(found, all(found), quiet)).commits, found.commits.length)
    })
  )
})

describe("verifying", () => {
  const path = repositoryOf(
    "small",
    "echo 1 > a; commit one; echo 2 > a; echo 2 > b; commit two; echo 3 > a; commit three"
  )

  type Tamper = (recorded: RecordedEvent.RecordedEvent) => ReadonlyArray<RecordedEvent.RecordedEvent>

  /** What is found when the store gives back something else than was stored. */
  const differences = (tampers: ReadonlyArray<Tamper>) =>
    Effect.gen(function* () {
      const store = yield* MemoryEventStore.make
      const tampered = (tamper: Tamper): typeof store => ({
        ...store,
        readStream: (...args) => store.readStream(...args).pipe(Stream.map(tamper), Stream.flattenIterable)
      })
      const over = (store: EventStore.EventStore["Service"]) => app(Layer.succeed(EventStore.EventStore, store))
      const found = yield* Effect.provide(everything(path), over(store))
      return yield* Effect.forEach(tampers, (tamper) =>
        Effect.provide(Effect.flip(verify(found, all(found), quiet)), over(tampered(tamper)))
      )
    })

  it.live("finds another content, and says where", () =>
    Effect.gen(function* () {
      const [difference] = yield* differences([
        (recorded) => {
          const data = recorded.data
          const isIt = recorded.version === 5 && typeof data === "object" && data !== null && !Array.isArray(data)
          return isIt ? [{ ...recorded, data: { ...data, blob: "another" } }] : [recorded]
        }
      ])
      assert.include(difference?.message, "path b: the events have 100644 blob another, git has 100644 blob")
    })
  )

  it.live("finds that an event is missing, or there twice, whichever it is", () =>
    Effect.gen(function* () {
      // A commit, a change in the middle of one, and the end.
      const versions = [3, 4, 7]
      const found = yield* differences([
        ...versions.map(
          (version): Tamper =>
            (recorded) =>
              recorded.version === version ? [] : [recorded]
        ),
        ...versions.map(
          (version): Tamper =>
            (recorded) =>
              recorded.version === version ? [recorded, recorded] : [recorded]
        )
      ])
      assert.deepStrictEqual(new Set(found.map(({ _tag }) => _tag)), new Set(["Difference"]))
    })
  )
})

describe("names", () => {
  const bytes = (...values: ReadonlyArray<number>) => pathOfBytes(Uint8Array.from(values))

  it("keep every byte: different paths are different texts, on one line and well-formed", () => {
    assert.strictEqual(pathOfText("src/héllo 😀.txt"), "src/héllo 😀.txt")
    assert.strictEqual(pathOfText("100%"), "100%25")
    assert.strictEqual(pathOfText("a\nb\tc"), "a%0Ab%09c")
    assert.strictEqual(bytes(0x61, 0xff), "a%FF")
    assert.strictEqual(pathOfText("a%FF"), "a%25FF")
    assert.strictEqual(bytes(0xef, 0xbb, 0xbf, 0x61), "\ufeffa")
    assert.strictEqual(bytes(0xed, 0xa0, 0x80), "%ED%A0%80")
    assert.strictEqual(bytes(0xc3, 0xa9, 0xc3), "é%C3")
    const texts = new Set<string>()
    for (let high = 1; high < 256; high++) for (let low = 1; low < 256; low++) texts.add(bytes(high, low))
    assert.strictEqual(texts.size, 255 * 255)
    for (const text of texts) assert.isTrue(text.isWellFormed() && !/[\p{Cc}]/u.test(text))
  })
})

describe("the program", () => {
  const program = join(import.meta.dirname, "../../examples/git-history/main.ts")
  const run = (args: ReadonlyArray<string>, env: NodeJS.ProcessEnv = environment) =>
    new Promise<{ readonly status: unknown; readonly stdout: string; readonly stderr: string }>((done) => {
      const all = ["--conditions=@eventfold/source", program, ...args]
      execFile(process.execPath, all, { env }, (error, stdout, stderr) =>
        done({ status: error === null ? 0 : (error.signal ?? error.code), stdout, stderr })
      )
    })

  it("answers in JSON, with 0", async () => {
    const asked = [
      "--all",
      "--tree",
      "HEAD",
      "--authors",
      "--file=-dash",
      "--contributors",
      "--churn",
      "--files",
      "--verify",
      "--json"
    ]
    const { status, stdout, stderr } = await run([oddPath, "--memory", ...asked])
    assert.strictEqual(status, 0, stderr)
    const answer: unknown = JSON.parse(stdout)
    const asForPeople = ["repository", "head", "shallow", "figures", "tree", "authors", "file", "verified"]
    assert.hasAllKeys(answer, [...asForPeople, "readModels", "contributors", "churn", "files"])
  })

  /** Runs it with another program in place of `git diff-tree`. */
  const runWith = (name: string, diffTree: string, args: ReadonlyArray<string>, env: NodeJS.ProcessEnv) => {
    const bin = join(home, name)
    mkdirSync(bin)
    const script = `#!/bin/sh\ncase "$*" in *diff-tree*) ${diffTree} ;; *) exec '${realGit}' "$@" ;; esac\n`
    writeFileSync(join(bin, "git"), script)
    chmodSync(join(bin, "git"), 0o755)
    return run(args, { ...environment, ...env, PATH: `${bin}:${process.env["PATH"]}` })
  }

  const allThere = /^events +\d+ \(all of them were there: nothing is read again\)$/m
  const verified = (commits: number, all: number) =>
    new RegExp(`^verified: ${commits} of ${all} commits, \\d+ files in their trees, .* \\d+ events a second$`, "m")

  it("stopped or killed in the middle of an import goes on in its folder, and reads nothing again", async () => {
    const path = repositoryOf("killed", "git fast-import --quiet", history(700))
    const env = { DATABASE_URL: "", DATA_DIR: join(home, "data") }
    await makeEmbeddedFolder(env.DATA_DIR)
    // A pipe does not run far ahead: when this much has gone through, the first batch of three has been recorded.
    const killed = await runWith("kills", `'${realGit}' "$@" | head -c 520000; kill -9 $PPID`, [path], env)
    assert.strictEqual(killed.status, "SIGKILL", killed.stderr)
    const stopped = await runWith("stops", `kill -INT $PPID; exec tail -f /dev/null`, [path], env)
    assert.strictEqual(stopped.status, 130, stopped.stderr)
    assert.include(stopped.stderr, "stopped; what was recorded is kept")
    const goesOn = await run([path, "--sample=20"], { ...environment, ...env })
    assert.strictEqual(goesOn.status, 0, goesOn.stderr)
    // On a busy machine it may have been killed before the first batch, or after the last.
    assert.match(
      goesOn.stdout,
      /^events +\d+( \(([1-9]\d* were there: it goes on from them|all of them were there: .*)\))?$/m
    )
    assert.match(goesOn.stdout, verified(20, 700))
    const again = await runWith("reads-nothing", "exit 1", [path], env)
    assert.strictEqual(again.status, 0, again.stderr)
    assert.match(again.stdout, allThere)
    const refused = Effect.promise(() => run([path], { ...environment, ...env }))
    const inUse = Effect.provide(refused, EmbeddedEventStore.layer({ dataDir: env.DATA_DIR }))
    const { status, stderr } = await Effect.runPromise(inUse)
    assert.strictEqual(status, 4)
    assert.match(stderr, new RegExp(`^Events cannot be kept in the folder .*: process ${process.pid} has it open`, "m"))
  }, 90_000)

  it.live(
    "imports and verifies every commit on a server, and does not import twice",
    () =>
      Effect.gen(function* () {
        const path = repositoryOf("whole", "git fast-import --quiet", history(200))
        const url = yield* Effect.flatMap(startServer({ settings: { fsync: "off" } }), freshDatabase)
        const verifies = Effect.gen(function* () {
          const ran = Effect.promise(() => run([path, "--verify"], { ...environment, DATABASE_URL: url }))
          const { status, stdout, stderr } = yield* ran
          assert.strictEqual(status, 0, stderr)
          assert.match(stdout, verified(200, 200))
          return stdout
        })
        assert.match(yield* verifies, /^events +\d+\n[^]*^events a second [1-9]\d*$/m)
        assert.match(yield* verifies, allThere)
      }).pipe(Effect.scoped),
    60_000
  )

  it("ends with 4 when its store cannot be opened", async () => {
    const { status, stderr } = await run([oddPath], { ...environment, DATABASE_URL: "", DATA_DIR: oddPath })
    assert.strictEqual(status, 4)
    assert.match(stderr, /^Events cannot be kept in the folder .*: the folder holds files/m)
  })

  it("ends with 4 when DATABASE_URL names no server, or is no URL of one", async () => {
    const ends = async (url: string) => {
      const { status, stderr } = await run([oddPath], { ...environment, DATABASE_URL: url })
      return `${status} ${stderr.trim().split("\n").at(-1)}`
    }
    // No server listens on port 1.
    const [absent, wrong] = await Promise.all([ends("postgres://user:secret@127.0.0.1:1/none"), ends("localhost:5432")])
    assert.match(absent, /^4 Events cannot be kept on the server 127\.0\.0\.1:1\/none: .*cannot be reached/)
    assert.notInclude(absent, "secret")
    assert.strictEqual(wrong, "4 DATABASE_URL must look like postgres://user:password@host:5432/database")
  })

  it("ends with 1 when git lists something else than the events tell", async () => {
    const bin = join(home, "bin")
    mkdirSync(bin)
    writeFileSync(
      join(bin, "git"),
      `#!/bin/sh\ncase "$*" in *ls-tree*) '${realGit}' "$@" | sed s/100644/100755/ ;; *) exec '${realGit}' "$@" ;; esac\n`
    )
    chmodSync(join(bin, "git"), 0o755)
    const { status, stderr } = await run([oddPath, "--memory", "--verify"], {
      ...environment,
      PATH: `${bin}:${process.env["PATH"]}`
    })
    assert.strictEqual(status, 1)
    assert.match(stderr, /^commit [0-9a-f]{40}: path .*: the events have 100644 blob .*, git has 100755 blob/m)
  })

  it("ends with 2 for bad usage, no repository or no git, and with 3 for no commits, and makes no store for it", async () => {
    const none = join(home, "none")
    mkdirSync(none)
    const dataDir = join(home, "never-made")
    const ends = async (args: ReadonlyArray<string>, env: NodeJS.ProcessEnv = {}) => {
      const all = { ...environment, DATABASE_URL: "", DATA_DIR: dataDir, ...env }
      const { status, stderr } = await run(args, all)
      return `${status} ${stderr.trim().split("\n").at(-1)}`
    }
    const empty = repositoryOf("empty", "")
    const [usage, folder, git, commits] = await Promise.all([
      ends(["--sample=0"]),
      ends([none]),
      ends([oddPath], { PATH: none }),
      ends([empty])
    ])
    assert.match(usage, /^2 .*--sample/)
    assert.match(folder, /^2 no repository can be read at .*none: not a git repository/)
    assert.match(git, /^2 no repository can be read at .*: git is not installed, or not on the PATH$/)
    assert.match(commits, /^3 the repository at .* has no commits yet/)
    assert.isFalse(existsSync(dataDir))
  })
})
