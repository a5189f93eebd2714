/**
 * The store's tables and functions, as the list of steps that made them. The list only ever grows: a step that has been released
 * is not changed.
 */

import { appendEvent, appendEvents } from "./schema/append.ts"
import { events, eventTags, immutable, inlineTurn, inlineTypes, refuse } from "./schema/log.ts"
import { literal, quoted } from "./schema/names.ts"
import {
  processDue,
  processEnded,
  processInstances,
  processReady,
  processRequests,
  processRequestsOrder,
  processStatus,
  processSteps
} from "./schema/processes.ts"
import {
  askedFor,
  checkInline,
  documents,
  generations,
  lockDocuments,
  parked,
  partitions,
  skipped
} from "./schema/projections.ts"
import { restoreEvents } from "./schema/restore.ts"
import { firstMatch, matching } from "./schema/search.ts"
import { saveSnapshot, snapshots } from "./schema/snapshots.ts"

/**
 * A step from one version of the store's schema to the next: statements in order, each with a sentence that says what it is for.
 */
export interface Migration {
  readonly id: number
  readonly name: string
  readonly statements: ReadonlyArray<string>
}

/**
 * The steps that make a store in a database schema.
 */
export const migrations = (schema: string): ReadonlyArray<Migration> => {
  const s = quoted(schema)
  return [
    {
      id: 1,
      name: "the log",
      statements: [
        events(s),
        `-- One event for each version of a stream.
CREATE UNIQUE INDEX events_stream_version ON ${s}.events (stream, version)`,
        `-- An event id is stored once.
CREATE UNIQUE INDEX events_id ON ${s}.events (id)`,
        eventTags(s),
        inlineTypes(s),
        inlineTurn(s),
        refuse(s),
        immutable(s, "events"),
        immutable(s, "event_tags"),
        firstMatch(s),
        matching(s),
        appendEvents(s, schema),
        appendEvent(s, schema),
        restoreEvents(s, schema)
      ]
    },
    {
      id: 2,
      name: "what projections keep",
      statements: [
        generations(s),
        `-- One generation of a projection is live.
CREATE UNIQUE INDEX projection_generations_live ON ${s}.projection_generations (name) WHERE role = 'live'`,
        `-- One generation of a projection is filling.
CREATE UNIQUE INDEX projection_generations_filling ON ${s}.projection_generations (name) WHERE role = 'filling'`,
        partitions(s),
        askedFor(s),
        documents(s),
        lockDocuments(s),
        parked(s),
        `-- A lane in order.
CREATE INDEX projection_parked_lane ON ${s}.projection_parked (generation, partition, lane, position)`,
        skipped(s),
        checkInline(s)
      ]
    },
    { id: 3, name: "snapshots", statements: [snapshots(s), saveSnapshot(s, schema)] },
    {
      id: 4,
      name: "what processes keep",
      statements: [
        processInstances(s),
        processReady(s),
        processDue(s),
        processStatus(s),
        processEnded(s),
        processSteps(s),
        processRequests(s),
        processRequestsOrder(s)
      ]
    }
  ]
}

const versionsTable = (s: string): string =>
  `-- Which steps have been taken.
CREATE TABLE IF NOT EXISTS ${s}.migrations (
  id integer PRIMARY KEY,
  name text NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT now()
)`

/** What has to be there before the first step can be taken. */
export const foundations = (schema: string): ReadonlyArray<string> => [
  `CREATE SCHEMA IF NOT EXISTS ${quoted(schema)}`,
  versionsTable(quoted(schema))
]

/** The statement that takes the lock under which processes that start together migrate one after the other. */
export const migrationLock = (schema: string): string =>
  `SELECT pg_advisory_xact_lock(hashtextextended(${literal(`eventfold:${schema}:migrations`)}, 0))`

/**
 * Everything as one SQL script, for those who review what runs in their database, and run it themselves.
 */
export const script = (schema: string): string =>
  [
    "BEGIN ISOLATION LEVEL READ COMMITTED",
    migrationLock(schema),
    ...foundations(schema),
    ...migrations(schema).flatMap(({ id, name, statements }) => [
      ...statements,
      `INSERT INTO ${quoted(schema)}.migrations (id, name) VALUES (${id}, ${literal(name)})`
    ]),
    "COMMIT"
  ]
    .map((statement) => `${statement};\n`)
    .join("\n")
