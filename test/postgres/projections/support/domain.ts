/**
 * Projections that show what went wrong: documents that tell whether each event was folded once and in order, and tables in which an event that is
 * handled twice stands twice.
 */
import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { Event, type EventStore, Projection, type StreamName, View } from "eventfold"

export const events = Event.define({ Put: { key: Schema.String } })

/** An event to append under a key. */
export const put = (key: string): EventStore.EventToAppend => ({
  id: crypto.randomUUID(),
  type: "Put",
  schemaVersion: 1,
  data: { key },
  tags: [],
  metadata: {}
})

export const boxOf = (n: number): StreamName.StreamName => `box-${n}`

/** Appends an event to a box, under a key: the same one when it is tried again. */
export const appendTo = (store: EventStore.EventStore["Service"], box: number, key = `k${box}`) =>
  store
    .append([{ stream: boxOf(box), expected: "any", events: [put(key)] }])
    .pipe(Effect.catchTag(["ConcurrencyConflict", "ConditionConflict"], Effect.die))

/** What a document tells: how many events were folded, and a digest of which, in which order. */
export const Tally = Schema.Struct({ version: Schema.Int, count: Schema.Int, digest: Schema.Int })
export type Tally = typeof Tally.Type

export const nothing = (version: number): Tally => ({ version, count: 0, digest: 0 })

/** Adds an event, by its id. */
export const tallied = ({ version, count, digest }: Tally, id: string): Tally => ({
  version,
  count: count + 1,
  digest: (digest * 31 + Number.parseInt(id.slice(0, 8), 16)) % 2_147_483_647
})

export const Kind = Schema.Literals(["streams", "keys", "lines"])
export type Kind = typeof Kind.Type

/** Which projection, and how it is run. */
export const Variant = Schema.Struct({
  kind: Kind,
  version: Schema.Int,
  partitions: Schema.Int,
  /** Another code, that does the same. The name is that of the kind otherwise. */
  name: Schema.optionalKey(Schema.String)
})
export type Variant = typeof Variant.Type

type Settings<M extends Projection.Mode> = Omit<Variant, "kind"> & { readonly mode: M }

/** The key of the events at which a process may be told to stay. */
export const trap = "trap"

/** Tallies by stream: told in order, for each stream belongs to one partition. */
export const byStream = <M extends Projection.Mode>(
  { version, partitions, mode, name = "streams" }: Settings<M>,
  atTrap: () => void = () => {}
) =>
  Projection.make({
    name,
    version,
    partitions,
    mode,
    view: View.keyed({
      name: "streams",
      events,
      key: (_, { stream }) => stream,
      model: Tally,
      initial: nothing(version)
    }).evolve({
      Put: (tally, { key }, { id }) => {
        if (key === trap) atTrap()
        return tallied(tally, id)
      }
    })
  })

/** Counts by key: the events of a key are in many streams, and so in all partitions. */
export const byKey = <M extends Projection.Mode>({ version, partitions, mode, name = "keys" }: Settings<M>) =>
  Projection.make({
    name,
    version,
    partitions,
    mode,
    view: View.keyed({ name: "keys", events, key: ({ key }) => key, model: Schema.Int, initial: 0 }).evolve({
      Put: (count) => count + 1
    })
  })

/** Writes a line for each event, and a counter for each key: an event that is handled again is seen in both. */
export const writeLines = (
  batch: ReadonlyArray<Event.Decoded<typeof events.Type>>,
  { phase, table }: Projection.HandlerContext<"lines" | "counters">
) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const ids = batch.map(({ recorded }) => recorded.id)
    const keys = batch.map(({ event }) => event.key)
    yield* sql`INSERT INTO ${sql.literal(table("lines"))} SELECT id::uuid, ${phase} FROM unnest(${ids}::text[]) AS id`
    yield* sql`INSERT INTO ${sql.literal(table("counters"))} AS c (key, n)
      SELECT key, count(*) FROM unnest(${keys}::text[]) AS key GROUP BY key ORDER BY key
      ON CONFLICT (key) DO UPDATE SET n = c.n + EXCLUDED.n`
  })

export const tables = {
  lines: "(event uuid NOT NULL, phase text NOT NULL)",
  counters: "(key text PRIMARY KEY, n bigint NOT NULL)"
}

/** A handler that writes lines and counters. */
export const lines = <M extends Projection.Mode, E = never, R = never>(
  { version, partitions, mode, name = "lines" }: Settings<M>,
  atTrap: Effect.Effect<unknown, E, R | SqlClient.SqlClient> = Effect.void
) =>
  Projection.handler({
    name,
    version,
    partitions,
    mode,
    events,
    tables,
    handle: (batch, context) =>
      Effect.andThen(writeLines(batch, context), batch.some(({ event }) => event.key === trap) ? atTrap : Effect.void)
  })
