/**
 * How fast events come into a table.
 */
import { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"
import { from } from "pg-copy-streams"
import type { Running, Task } from "../../../bench/peers/contract.ts"
import { categoryOf, dataOf, freshId, someMetadata, streamOf, type } from "../../../bench/peers/payload.ts"
import { timed } from "../../../bench/peers/times.ts"
import { checkAppended } from "../plain/appending.ts"
import { verdict } from "../plain/checks.ts"
import { columns, prepare } from "./table.ts"

/** Positions of a process begin here: they are counted by the clients. */
const firstOf = (task: Task): number => task.process * 1e12 + task.streams * task.length

type Parameters = [stream: string, version: number, id: string, data: string, metadata: string]

/** What a round writes, ready to be sent. */
const parametersOf = (task: Task, round: number, fiber: number): ReadonlyArray<Parameters> => {
  const stream = streamOf(categoryOf(task.process, round), fiber)
  return Array.from({ length: task.each }, (_, i) => [
    stream,
    i + 1,
    freshId(),
    JSON.stringify(dataOf(stream, i + 1)),
    JSON.stringify(someMetadata())
  ])
}

const insert = `INSERT INTO events (${columns}) VALUES ($1, $2, $3, $4, '${type}', 1, clock_timestamp(), '{}', $5, $6)`

/** A prepared INSERT of one event after the other, each of which commits by itself. It expects nothing but what the indexes refuse. */
export const inserting = async (task: Task): Promise<Running> => {
  const db = await prepare(task)
  const rounds: Array<number> = []
  let position = firstOf(task)
  return {
    run: (round) => {
      rounds.push(round)
      const ready = Array.from({ length: task.fibers }, (_, fiber) => parametersOf(task, round, fiber))
      return timed(task.fibers, task.each, (fiber, place) =>
        db.query({ name: "insert", text: insert, values: [++position, ...(ready[fiber]?.[place] ?? [])] })
      )
    },
    check: async () => verdict([await checkAppended(db, task, rounds)]),
    close: () => db.end()
  }
}

const chunkBytes = 64 * 1024

/** Rows in the format of COPY, in chunks. Nothing in them needs an escape. Streams take turns. */
const chunksOf = (task: Task, round: number, after: number): ReadonlyArray<Buffer> => {
  const fibers = Array.from({ length: task.fibers }, (_, fiber) => parametersOf(task, round, fiber))
  const recorded = new Date().toISOString()
  const chunks: Array<Buffer> = []
  let chunk = ""
  let position = after
  for (let place = 0; place < task.each; place++) {
    for (const fiber of fibers) {
      const [stream, version, id, data, metadata] = fiber[place]!
      chunk += `${[++position, stream, version, id, type, 1, recorded, "{}", data, metadata].join("\t")}\n`
      if (chunk.length < chunkBytes) continue
      chunks.push(Buffer.from(chunk))
      chunk = ""
    }
  }
  return chunk === "" ? chunks : [...chunks, Buffer.from(chunk)]
}

/** One COPY of all that a round writes, in one transaction. */
export const copying = async (task: Task): Promise<Running> => {
  const db = await prepare(task)
  const rounds: Array<number> = []
  let position = firstOf(task)
  return {
    run: async (round) => {
      rounds.push(round)
      const events = task.fibers * task.each
      const chunks = chunksOf(task, round, position)
      position += events
      const client = await db.connect()
      try {
        const copy = (): Promise<void> =>
          pipeline(Readable.from(chunks), client.query(from(`COPY events (${columns}) FROM STDIN`)))
        return await timed(1, 1, copy, events)
      } finally {
        client.release()
      }
    },
    check: async () => verdict([await checkAppended(db, task, rounds)]),
    close: () => db.end()
  }
}
