/**
 * How fast rows come out of a table.
 */
import type pg from "pg"
import type { Running, Task } from "../../../bench/peers/contract.ts"
import { type Data, streamOf, sumOf } from "../../../bench/peers/payload.ts"
import { timed } from "../../../bench/peers/times.ts"
import { checkRead, type Read, reader, said, verdict } from "../plain/checks.ts"
import { columns, prepare } from "./table.ts"

/** A row as the driver gives it. */
interface Row {
  readonly position: number
  readonly stream: string
  readonly version: number
  readonly data: Data
}

/** A SELECT of a whole stream at a time. */
export const selecting = async (task: Task): Promise<Running> => {
  const db = await prepare(task)
  let loads = 0
  let wrong = 0
  const text = `SELECT ${columns} FROM events WHERE stream = $1 ORDER BY version`
  return {
    run: () =>
      timed(
        1,
        task.each,
        async (_, place) => {
          const { rows } = await db.query<Row>({
            name: "load",
            text,
            values: [streamOf("account", (place % task.streams) + 1)]
          })
          let sum = 0
          let isInOrder = true
          rows.forEach(({ data, version }, i) => {
            sum += data.amount
            isInOrder &&= version === i + 1
          })
          loads++
          if (rows.length !== task.length || sum !== sumOf(task.length) || !isInOrder) wrong++
        },
        task.length
      ),
    check: async () => verdict([wrong === 0 ? "" : `${said(wrong)} of ${said(loads)} loads gave something else`]),
    close: () => db.end()
  }
}

/** The fastest of 500, 1,000, 2,000, 5,000 and 10,000. */
const pageSize = 5000

const selectPage = async (db: pg.Pool, after: number): Promise<ReadonlyArray<Row>> => {
  const { rows } = await db.query<Row>({
    name: "page",
    text: `SELECT ${columns} FROM events WHERE position > $1 ORDER BY position LIMIT ${pageSize}`,
    values: [after]
  })
  return rows
}

/** SELECTs of pages, one after the other. */
export const selectingPages = async (task: Task): Promise<Running> => {
  const db = await prepare(task)
  const reads: Array<Read> = []
  return {
    run: () => {
      const { result, take } = reader()
      const readAll = async (): Promise<void> => {
        let after = 0
        for (;;) {
          const page = await selectPage(db, after)
          for (const { data, position, stream, version } of page) {
            take(stream, version, data.amount)
            after = position
          }
          if (page.length < pageSize) break
        }
        reads.push(result())
      }
      return timed(1, 1, readAll, task.streams * task.length)
    },
    check: async () => verdict([checkRead(task, reads)]),
    close: () => db.end()
  }
}
