/**
 * Projections of Emmett's consumers: documents of Pongo and rows, from the beginning of the log, and documents that are kept while others append.
 */
import { rawSql, sql } from "@event-driven-io/dumbo"
import type { Event } from "@event-driven-io/emmett"
import {
  pongoSingleStreamProjection,
  postgreSQLProjection,
  type PostgreSQLProjectionDefinition,
  postgreSQLRawBatchSQLProjection
} from "@event-driven-io/emmett-postgresql"
import { pongoClient } from "@event-driven-io/pongo"
import type { Sample } from "../../../bench/peers/contract.ts"
import { categoryOf, type Data, type Metadata, type } from "../../../bench/peers/payload.ts"
import { sampleOf } from "../../../bench/peers/times.ts"
import { documentsAreRight, rowsAreRight, streamsAreWhole } from "./checks.ts"
import { advance, lastPosition, notDone, type Progress, start, storedCheckpoint } from "./consuming.ts"
import {
  type Account,
  appendSingly,
  type Booked,
  evolve,
  type Ground,
  initialState,
  prefilled,
  type Prepared,
  type Pulling,
  upTo
} from "./setup.ts"

/** A document for each account. */
const balances = (collectionName: string, progress: Progress) =>
  pongoSingleStreamProjection<Account, Booked>({
    collectionName,
    canHandle: [type],
    initialState,
    evolve: (account: Account, event: Booked) => {
      advance(progress)
      return evolve(account, event)
    }
  })

/**
 * The same by a client of Pongo that takes the collection for granted: that of Emmett's own projection, which is another for each event, says
 * CREATE TABLE IF NOT EXISTS to each.
 */
const leanBalances = (collectionName: string, progress: Progress) =>
  postgreSQLProjection<Booked>({
    name: collectionName,
    kind: "balances",
    canHandle: [type],
    handle: async (events, { connection: { client, connectionString } }) => {
      const pongo = pongoClient(connectionString, { connectionOptions: { client }, schema: { autoMigration: "None" } })
      const collection = pongo.db().collection<Account>(collectionName)
      for (const event of events) {
        advance(progress)
        await collection.handle(event.metadata.streamName, (account) => evolve(account ?? initialState(), event))
      }
      await pongo.close()
    }
  })

/** Makes the collection, which Emmett's projection leaves to its first event. */
const createCollection = async ({ pool, task }: Ground, name: string): Promise<void> => {
  const pongo = pongoClient(task.url, { connectionOptions: { pool } })
  await pongo.db().collection<Account>(name).createCollection()
  await pongo.close()
}

/** An event as a projection gets it: where it is in the log is in its metadata. */
type Positioned = Event<typeof type, Data, Metadata & { readonly globalPosition: bigint }>

/** A row for each event. */
const bookings = (name: string, progress: Progress) =>
  postgreSQLRawBatchSQLProjection<Positioned>({
    name,
    canHandle: [type],
    init: () =>
      rawSql(
        `CREATE TABLE IF NOT EXISTS ${name} (position bigint PRIMARY KEY, account text NOT NULL, amount bigint NOT NULL)`
      ),
    evolve: (events) =>
      events.map(({ data, metadata }) => {
        advance(progress)
        return sql(`INSERT INTO ${name} VALUES (%L, %L, %L)`, metadata.globalPosition, data.account, data.amount)
      })
  })

const documentsOf = ({ variant }: Ground) => (variant.tuned ? leanBalances : balances)

const pullingOf = ({ variant }: Ground): Pulling => (variant.tuned ? { batchSize: 1000, pullingFrequencyInMs: 1 } : {})

/** Runs a projection from the beginning of the log until it has committed the last event. */
const caughtUp = async <E extends Event>(
  ground: Ground,
  name: string,
  projection: PostgreSQLProjectionDefinition<E>,
  progress: Progress,
  problems: Array<string>
): Promise<Sample> => {
  const { pool, store, task } = ground
  const events = task.streams * task.length
  const last = await lastPosition(pool)
  const consumer = store.consumer({ pulling: pullingOf(ground) })
  consumer.projector<E>({ processorId: name, projection })
  const began = performance.now()
  const consuming = start(consumer)
  const isStored = async () => progress.handled >= events && (await storedCheckpoint(pool, [name])) >= last
  const done = await consuming.until(progress, isStored)
  const millis = (done ? performance.now() : progress.at) - began
  problems.push(...notDone(name, done, progress.handled, events), ...(await consuming.stop()))
  return sampleOf(progress.handled, millis, [millis])
}

const nameOf = (what: string, { task }: Ground, round: number): string => `${what}_${task.process}_${round}`

/** A document for each account, each round anew. */
export const documents = async (ground: Ground): Promise<Prepared> => {
  const { server, task } = ground
  const names: Array<string> = []
  const problems: Array<string> = []
  return {
    run: async (round) => {
      const name = nameOf("balances", ground, round)
      names.push(name)
      await createCollection(ground, name)
      const progress: Progress = { handled: 0, at: 0 }
      return caughtUp(ground, name, documentsOf(ground)(name, progress), progress, problems)
    },
    check: async () => {
      const found: Array<string> = [...(await streamsAreWhole(server, prefilled, task.streams, task.length))]
      for (const name of names) found.push(...(await documentsAreRight(server, name)))
      return [...found, ...problems]
    }
  }
}

/** A row for each event, each round anew. */
export const table = async (ground: Ground): Promise<Prepared> => {
  const { server, task } = ground
  const names: Array<string> = []
  const problems: Array<string> = []
  return {
    run: async (round) => {
      const name = nameOf("bookings", ground, round)
      names.push(name)
      const progress: Progress = { handled: 0, at: 0 }
      return caughtUp(ground, name, bookings(name, progress), progress, problems)
    },
    check: async () => {
      const found: Array<string> = [...(await streamsAreWhole(server, prefilled, task.streams, task.length))]
      for (const name of names) found.push(...(await rowsAreRight(server, name)))
      return [...found, ...problems]
    }
  }
}

/** Single appends, while five projections of one consumer keep up with them. */
export const beside = async (ground: Ground): Promise<Prepared> => {
  const { pool, server, store, task } = ground
  const balancesOf = documentsOf(ground)
  const names = upTo(5).map((number) => `balances_${task.process}_${number}`)
  const rounds: Array<number> = []
  const problems: Array<string> = []
  const progress: Progress = { handled: 0, at: 0 }
  for (const name of names) await createCollection(ground, name)
  return {
    run: async (round): Promise<Sample> => {
      rounds.push(round)
      const consumer = store.consumer({ pulling: pullingOf(ground) })
      for (const name of names)
        consumer.projector<Booked>({ processorId: name, projection: balancesOf(name, progress) })
      const consuming = start(consumer)
      const caughtUpWith = (position: bigint) =>
        consuming.until(progress, async () => (await storedCheckpoint(pool, names)) >= position)
      await caughtUpWith(await lastPosition(pool))
      const sample = await appendSingly(ground, categoryOf(task.process, round))
      const since = performance.now()
      const done = await caughtUpWith(await lastPosition(pool))
      const behind = (done ? performance.now() : progress.at) - since
      if (!done) problems.push(`round ${round}: the projections did not come to the end of the log`)
      problems.push(...(await consuming.stop()))
      return { ...sample, others: { "behind, ms": behind } }
    },
    check: async () => {
      const found: Array<string> = []
      for (const round of rounds)
        found.push(...(await streamsAreWhole(server, categoryOf(task.process, round), task.fibers, task.each)))
      for (const name of names) found.push(...(await documentsAreRight(server, name)))
      return [...found, ...problems]
    }
  }
}
