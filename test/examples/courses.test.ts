/**
 * The courses as a process: a term begins, and it means what it tells.
 */
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import { audit, rules } from "../../examples/courses/audit.ts"
import type { CourseEvent } from "../../examples/courses/events.ts"
import { makeEmbeddedFolder } from "../support/embeddedFolder.ts"
import { freshDatabase, startServer } from "../support/server.ts"
import { startExample } from "./support/program.ts"

const run = (flags: ReadonlyArray<string>, env?: Record<string, string>) =>
  Effect.flatMap(startExample("courses/main.ts", flags, env), ({ end }) => end)

const isRight = (said: string) => Object.values(rules).every((rule) => said.includes(`      ok  ${rule}\n`))

describe("the begin of a term", () => {
  it.live(
    "comes out right in memory, whoever comes first",
    () =>
      Effect.gen(function* () {
        const all = yield* Effect.forEach([1, 2], (seed) => run(["--memory", "--seed", String(seed)]))
        for (const { code, said } of all) {
          assert.strictEqual(code, 0, said)
          assert.isTrue(isRight(said), said)
          assert.include(said, "  and 70 were told that it is full\n")
          assert.include(said, "At the end 35 of 35 seats are taken, and 5 wait.")
          assert.match(said, /^ {2}100 students want into a course of 30 seats +100 +[1-9]\d*$/m)
          assert.match(said, /^ {2}40 students want a course each, all of which are being renamed +80 +0$/m)
        }
      }).pipe(Effect.provide(NodeServices.layer)),
    120_000
  )

  it.live(
    "comes out wrong where nothing is appended on a condition, and is found out",
    () =>
      Effect.gen(function* () {
        const { code, said } = yield* run(["--memory", "--careless"])
        assert.strictEqual(code, 1, said)
        assert.include(said, `  BROKEN  ${rules.seats}\n`)
        assert.include(said, `  BROKEN  ${rules.courses}\n`)
        assert.notInclude(said, "    at ")
      }).pipe(Effect.provide(NodeServices.layer)),
    120_000
  )

  it.live(
    "can be followed by another one in the same folder",
    () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const dataDir = `${yield* fs.makeTempDirectoryScoped({ prefix: "courses-" })}/data`
        yield* Effect.promise(() => makeEmbeddedFolder(dataDir))
        const small = run(["--students", "12", "--seats", "4"], { DATABASE_URL: "", DATA_DIR: dataDir })
        for (let time = 0; time < 2; time++) {
          const { code, said } = yield* small
          assert.strictEqual(code, 0, said)
          assert.isTrue(isRight(said), said)
          assert.include(said, "  and 8 were told that it is full\n")
        }
      }).pipe(Effect.provide(NodeServices.layer)),
    180_000
  )

  it.live(
    "comes out right on a server",
    () =>
      Effect.gen(function* () {
        const url = yield* Effect.flatMap(startServer({ settings: { fsync: "off" } }), freshDatabase)
        const { code, said } = yield* run([], { DATABASE_URL: url })
        assert.strictEqual(code, 0, said)
        assert.isTrue(isRight(said), said)
      }).pipe(Effect.provide(NodeServices.layer)),
    180_000
  )

  it.live("says what is wrong with what it is asked for", () =>
    Effect.gen(function* () {
      const { code, said } = yield* run(["--memory", "--seats", "0"])
      assert.strictEqual(code, 1)
      assert.include(said, "seats")
    }).pipe(Effect.provide(NodeServices.layer))
  )
})

describe("the audit", () => {
  const defined = (course: string, seats: number): CourseEvent => ({ _tag: "CourseDefined", course, title: "x", seats })
  const enrolled = (course: string, student: string): CourseEvent => ({ _tag: "StudentEnrolled", course, student })
  const rulesBroken = (events: ReadonlyArray<CourseEvent>) => audit(events).problems.map(({ rule }) => rule)

  it("finds a course that was too full for a moment", () => {
    const full = [defined("a", 1), enrolled("a", "ada")]
    assert.deepStrictEqual(rulesBroken(full), [])
    const left: CourseEvent = { _tag: "StudentWithdrew", course: "a", student: "bob" }
    assert.deepStrictEqual(rulesBroken([...full, enrolled("a", "bob"), left]), ["seats"])
  })

  it("finds a student who had too many courses for a moment", () => {
    const courses = ["a", "b", "c", "d", "e"]
    const busy = courses.flatMap((course) => [defined(course, 1), enrolled(course, "ada")])
    assert.deepStrictEqual(rulesBroken(busy), [])
    const waits: CourseEvent = { _tag: "StudentWaitlisted", course: "f", student: "ada" }
    assert.deepStrictEqual(rulesBroken([...busy, defined("f", 0), waits]), ["courses"])
  })

  it("finds somebody who waits in vain", () => {
    const waits: CourseEvent = { _tag: "StudentWaitlisted", course: "a", student: "ada" }
    assert.deepStrictEqual(rulesBroken([defined("a", 0), waits]), [])
    assert.deepStrictEqual(rulesBroken([defined("a", 1), waits]), ["waiting"])
    const moves: CourseEvent = { _tag: "SeatsChanged", course: "a", seats: 1 }
    assert.deepStrictEqual(rulesBroken([defined("a", 0), waits, moves, enrolled("a", "ada")]), [])
    assert.deepStrictEqual(rulesBroken([defined("a", 0), waits, moves, moves, enrolled("a", "ada")]), ["waiting"])
  })
})
