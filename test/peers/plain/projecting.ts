/**
 * Projections of a log that is there, and of one that grows.
 */
import type pg from "pg"
import type { Running, Task } from "../../../bench/peers/contract.ts"
import { streamOf, sumOf } from "../../../bench/peers/payload.ts"
import { timed } from "../../../bench/peers/times.ts"
import { appendRound, checkAppended } from "./appending.ts"
import { said, streamsOf, verdict } from "./checks.ts"
import { prepare } from "./database.ts"
import { head } from "./events.ts"
import { balances, entries, project, projectionTables } from "./projection.ts"

/** Says so if the documents of projections are not those of these accounts, each with so many entries. */
const checkDocuments = async (
  db: pg.Pool,
  projections: ReadonlyArray<string>,
  accounts: ReadonlyArray<string>,
  length: number
): Promise<string> => {
  const { rows } = await db.query<{ wrong: number; handled: number; documents: number }>(
    `SELECT
  count(*) FILTER (
    WHERE (b.balance, b.entries) IS DISTINCT FROM ($3::bigint, $4::bigint)
  ) AS wrong,
  coalesce(sum(b.entries), 0)::bigint AS handled,
  (SELECT count(*) FROM balances) AS documents
FROM unnest($1::text[]) AS p (name) CROSS JOIN unnest($2::text[]) AS a (name)
LEFT JOIN balances b ON b.projection = p.name AND b.account = a.name`,
    [projections, accounts, sumOf(length), length]
  )
  const { documents: found, handled, wrong } = rows[0] ?? { wrong: Number.NaN, handled: 0, documents: 0 }
  const wanted = projections.length * accounts.length
  if (wrong === 0 && found === wanted) return ""
  const lost = wanted * length - handled
  const strangers = found > wanted ? `; ${said(found - wanted)} documents too many` : ""
  return `${said(wrong)} of ${said(wanted)} documents are wrong: lost ${said(lost)} of ${said(wanted * length)} events${strangers}`
}

const accountsOf = (task: Task): ReadonlyArray<string> =>
  Array.from({ length: task.streams }, (_, i) => streamOf("account", i + 1))

const atEnd = (_: number, isFull: boolean): boolean => !isFull

export const projectingDocuments = async (task: Task): Promise<Running> => {
  const db = await prepare(task, projectionTables)
  const names: Array<string> = []
  return {
    run: (round) => {
      const name = `balances ${task.process} ${round}`
      names.push(name)
      return timed(1, 1, () => project(db, balances(name), atEnd), task.streams * task.length)
    },
    check: async () => verdict([await checkDocuments(db, names, accountsOf(task), task.length)]),
    close: () => db.end()
  }
}

/** Says so if a table has not one row for each event. */
const checkTable = async (db: pg.Pool, table: string, task: Task): Promise<string> => {
  const { rows } = await db.query<{ rows: number; wrong: number }>(
    `SELECT count(t.position) AS rows, count(*) FILTER (
  WHERE t.position IS NULL OR e.position IS NULL OR t.account <> e.stream OR t.amount <> e.version
) AS wrong
FROM ${table} t FULL JOIN events e ON e.position = t.position`
  )
  const wanted = task.streams * task.length
  const found = rows[0]?.rows ?? 0
  const wrong = rows[0]?.wrong ?? Number.NaN
  return wrong === 0 && found === wanted
    ? ""
    : `${table} has ${said(found)} rows of ${said(wanted)} events, ${said(wrong)} are wrong or missing`
}

export const projectingTable = async (task: Task): Promise<Running> => {
  const db = await prepare(task, projectionTables)
  const tables: Array<string> = []
  return {
    run: async (round) => {
      const table = `entries_${task.process}_${round}`
      await db.query(
        `CREATE TABLE ${table} (position bigint PRIMARY KEY, account text NOT NULL, amount bigint NOT NULL)`
      )
      tables.push(table)
      return timed(1, 1, () => project(db, entries(table, table), atEnd), task.streams * task.length)
    },
    check: async () => {
      const problems: Array<string> = []
      for (const table of tables) problems.push(await checkTable(db, table, task))
      return verdict(problems)
    },
    close: () => db.end()
  }
}

const beside = 5

/** Five projections, each with a poller of its own, on the same connections as the appends. */
export const besideProjections = async (task: Task): Promise<Running> => {
  const db = await prepare(task, projectionTables)
  const names = Array.from({ length: beside }, (_, i) => `balances ${task.process} ${i}`)
  const rounds: Array<number> = []
  return {
    run: async (round) => {
      rounds.push(round)
      let end = Number.POSITIVE_INFINITY
      const running = Promise.all(names.map((name) => project(db, balances(name), (position) => position >= end)))
      const sample = await appendRound(db, task, round)
      const appended = performance.now()
      end = await head(db)
      await running
      return { ...sample, others: { "behind, ms": performance.now() - appended } }
    },
    check: async () =>
      verdict([
        await checkAppended(db, task, rounds),
        await checkDocuments(db, names, streamsOf(task, rounds), task.each)
      ]),
    close: () => db.end()
  }
}
