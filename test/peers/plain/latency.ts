/**
 * How long it takes until an event that was acknowledged comes to a reader which polls, while others write.
 */
import { setTimeout } from "node:timers/promises"
import type pg from "pg"
import type { Running, Task } from "../../../bench/peers/contract.ts"
import { categoryOf, dataOf, streamOf } from "../../../bench/peers/payload.ts"
import { sampleOf } from "../../../bench/peers/times.ts"
import { checkStreams, said, verdict } from "./checks.ts"
import { poolOf, prepare } from "./database.ts"
import { append, head, pageSize, readPage, type Stored } from "./events.ts"
import { pollEvery } from "./projection.ts"

const pause = 5

/** Reads from a position to the end, again and again, until it has come to where it is told to stop. Gives where it is then. */
const subscribe = async (
  db: pg.Pool,
  from: number,
  take: (event: Stored) => void,
  end: () => number
): Promise<number> => {
  let position = from
  while (position < end()) {
    const page = await readPage(db, position)
    for (const event of page) take(event)
    position = page.at(-1)?.position ?? position
    if (page.length < pageSize) await setTimeout(pollEvery)
  }
  return position
}

const countBetween = async (db: pg.Pool, after: number, to: number): Promise<number> => {
  const { rows } = await db.query<{ events: number }>(
    "SELECT count(*) AS events FROM events WHERE position > $1 AND position <= $2",
    [after, to]
  )
  return rows[0]?.events ?? 0
}

export const latency = async (task: Task): Promise<Running> => {
  const db = await prepare(task)
  // One of the connections is the reader's, so that it never waits for the writers.
  await db.end()
  const writing = poolOf(task, task.connections - 1)
  const reading = poolOf(task, 1)
  const lengths = new Map<string, number>()
  const all = { written: 0, seen: 0 }
  const probes = { written: 0, seen: 0, twice: 0 }

  const run: Running["run"] = async (round) => {
    const category = categoryOf(task.process, round)
    const probe = streamOf(category, task.fibers)
    const after = await head(reading)
    let end = Number.POSITIVE_INFINITY
    const acknowledged = new Map<number, number>()
    const delivered = new Map<number, number>()
    let seen = 0
    const subscription = subscribe(
      reading,
      after,
      ({ stream, version }) => {
        seen++
        if (stream !== probe) return
        if (delivered.has(version)) probes.twice++
        else delivered.set(version, performance.now())
      },
      () => end
    )
    let isBusy = true
    let busy = 0
    const write = async (fiber: number): Promise<void> => {
      const stream = streamOf(category, fiber)
      let version = 0
      while (isBusy) {
        await append(writing, stream, version, dataOf(stream, version + 1))
        version++
      }
      lengths.set(stream, version)
      busy += version
    }
    const began = performance.now()
    const writers = Promise.all(Array.from({ length: task.fibers }, (_, fiber) => write(fiber)))
    for (let version = 1; version <= task.each; version++) {
      await setTimeout(pause)
      await append(writing, probe, version - 1, dataOf(probe, version))
      acknowledged.set(version, performance.now())
    }
    lengths.set(probe, task.each)
    isBusy = false
    await writers
    const millis = performance.now() - began
    // Nobody writes any more: once the reader is there, what it has not seen it will never see.
    end = await head(writing)
    const reached = await subscription

    all.written += await countBetween(writing, after, reached)
    all.seen += seen
    probes.written += task.each
    probes.seen += delivered.size
    // A delivery may overtake the acknowledgement.
    const waits = [...delivered].map(([version, at]) => Math.max(0, at - (acknowledged.get(version) ?? Number.NaN)))
    return { ...sampleOf(task.each, millis, waits), others: { "writes per second": (busy / millis) * 1000 } }
  }

  return {
    run,
    check: async () => {
      const lost = probes.written - probes.seen
      const lostOfAll = all.written - all.seen
      return verdict([
        await checkStreams(writing, lengths),
        lost === 0 ? "" : `lost ${said(lost)} of ${said(probes.written)} events of the probe`,
        probes.twice === 0 ? "" : `${said(probes.twice)} events of the probe came twice`,
        lostOfAll === 0
          ? ""
          : `the reader passed over ${said(lostOfAll)} of all ${said(all.written)} events, which were committed after a higher position`
      ])
    },
    close: async () => {
      await writing.end()
      await reading.end()
    }
  }
}
