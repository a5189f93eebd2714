/**
 * The document of what is stored names all that the migrations make, each under its table: columns with their types, indexes with their
 * columns, functions with the settings that they have, triggers and locks.
 */
import { assert, describe, it, layer } from "@effect/vitest"
import { Effect } from "effect"
import { connect, storeOn } from "../postgres/support/stores.ts"
import { files, read } from "../support/project.ts"
import { freshDatabase, TestServer } from "../support/server.ts"

/** The cells of the tables of a text, without their heads. */
const rowsOf = (text: string): ReadonlyArray<ReadonlyArray<string>> =>
  text
    .split("\n")
    .filter((line) => line.startsWith("|") && !/^\| (?:column|index|function|setting|text) |^\| -/.test(line))
    .map((line) =>
      line
        .slice(1, -1)
        .split("|")
        .map((cell) => cell.trim())
    )

const namesIn = (cell = ""): ReadonlyArray<string> => Array.from(cell.matchAll(/`([^`]+)`/g), ([, name]) => name!)

/** The sections of the document by their headings. */
const sections = new Map(
  read("docs/storage.md")
    .split(/^#+ /m)
    .map((section) => {
      const [heading = "", ...lines] = section.split("\n")
      return [heading.replaceAll("\\", ""), lines.join("\n")] as const
    })
)

const section = (heading: string): string => sections.get(heading) ?? ""

const short = (type: string): string => type.replace("timestamp with time zone", "timestamptz")

layer(TestServer.layer({ settings: { fsync: "off" } }), { excludeTestServices: true })(
  "the document of what is stored",
  (it) => {
    const database = Effect.gen(function* () {
      const sql = yield* connect(yield* Effect.flatMap(TestServer, freshDatabase))
      yield* storeOn(sql, {})
      return sql
    })

    it.effect("has every table, and every column with its type", () =>
      Effect.gen(function* () {
        const sql = yield* database
        const there = yield* sql<{ readonly table: string; readonly column: string; readonly type: string }>`
          SELECT c.relname::text AS table, a.attname::text AS column, format_type(a.atttypid, a.atttypmod) AS type
          FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
          WHERE n.nspname = 'eventfold' AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped`
        assert.isAbove(there.length, 50)
        const found = Array.from(new Set(there.map(({ table }) => table))).flatMap((table) =>
          rowsOf(section(table)).flatMap(([names, type]) =>
            namesIn(names).flatMap((name) => namesIn(type).map((type) => `${table}.${name} ${type}`))
          )
        )
        const columns = there.map(({ column, table, type }) => `${table}.${column} ${short(type)}`)
        assert.deepStrictEqual(
          columns.filter((column) => !found.includes(column)),
          []
        )
      })
    )

    it.effect("has every index with its columns, and none that is not there", () =>
      Effect.gen(function* () {
        const sql = yield* database
        const there = yield* sql<{ readonly table: string; readonly index: string; readonly definition: string }>`
          SELECT tablename::text AS table, indexname::text AS index, indexdef AS definition
          FROM pg_indexes WHERE schemaname = 'eventfold'`
        const actual = there.map(({ definition, index, table }) => {
          const columns = /\(([^)]*)\)/.exec(definition)?.[1]?.split(", ") ?? []
          return `${table}: ${index} on ${columns.map((column) => column.replaceAll('"', "")).join()}`
        })
        const tables = Array.from(new Set(there.map(({ table }) => table)))
        const written = tables.flatMap((table) =>
          rowsOf(section(table)).flatMap(([name, columns]) =>
            namesIn(name)
              .filter((one) => one.startsWith(`${table}_`))
              .map((one) => `${table}: ${one} on ${namesIn(columns).join()}`)
          )
        )
        assert.deepStrictEqual(written.toSorted(), actual.toSorted())
      })
    )

    it.effect("has every function, and the settings of each", () =>
      Effect.gen(function* () {
        const sql = yield* database
        const there = yield* sql<{ readonly name: string; readonly settings: ReadonlyArray<string> | null }>`
          SELECT p.proname::text AS name, p.proconfig AS settings
          FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = 'eventfold'`
        const rows = rowsOf(section("Functions"))
        const functions = there.map(({ name }) => name)
        assert.deepStrictEqual(
          rows.flatMap(([name]) => namesIn(name).filter((one) => functions.includes(one))).toSorted(),
          functions.toSorted()
        )
        const actual = there.flatMap(({ name, settings }) =>
          (settings ?? []).map((setting) => `${name} ${setting.split("=")[0]}`)
        )
        let before: ReadonlyArray<string> = []
        const written = rows
          .filter(([first]) => !functions.includes(namesIn(first)[0] ?? ""))
          .flatMap(([settings, of]) => {
            before = of === "the same" ? before : namesIn(of)
            const its = namesIn(settings).filter((name) => name !== "force_generic_plan")
            return before.flatMap((name) => its.map((setting) => `${name} ${setting}`))
          })
        assert.deepStrictEqual(written.toSorted(), actual.toSorted())
      })
    )

    it.effect("has every trigger, with its tables", () =>
      Effect.gen(function* () {
        const sql = yield* database
        const there = yield* sql<{ readonly trigger: string; readonly table: string }>`
          SELECT t.tgname::text AS trigger, c.relname::text AS table
          FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
          WHERE n.nspname = 'eventfold' AND NOT t.tgisinternal`
        const [said = ""] = /^The trigger .*$/m.exec(section("Functions")) ?? []
        const names = new Set(there.flatMap(({ table, trigger }) => [trigger, table]))
        assert.deepStrictEqual(namesIn(said).toSorted(), Array.from(names).toSorted())
      })
    )
  }
)

/** The text that is hashed to the number of a lock, as the code writes it. */
const locks = /`eventfold:\$\{schema\}([^`]*)`/g

describe("the document of what is stored, beside the code", () => {
  it("has every advisory lock", () => {
    const taken = files("src/postgres/**/*.ts").flatMap((file) =>
      Array.from(read(file).matchAll(locks), ([, rest = ""]) => `eventfold:schema${rest}`)
    )
    const written = rowsOf(section("Locks")).flatMap(([text]) =>
      namesIn(text).map((name) => name.replace(/:(?:NAME|CODE STREAM)$/, ":"))
    )
    assert.deepStrictEqual(Array.from(new Set(written)).toSorted(), Array.from(new Set(taken)).toSorted())
  })
})
