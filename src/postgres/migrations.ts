/**
 * The store's tables and functions, as the list of steps that made them. The list only ever grows: a step that has been released
 * is not changed.
 */

import { textProblem } from "../StreamName.ts"

/**
 * A step from one version of the store's schema to the next: statements in order, each with a sentence that says what it is for.
 */
export interface Migration {
  readonly id: number
  readonly name: string
  readonly statements: ReadonlyArray<string>
}

/** An identifier as SQL writes it. */
export const quoted = (identifier: string): string => `"${identifier.replaceAll('"', '""')}"`

/** A text as SQL writes it. */
export const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`

const bytes = (text: string): number => new TextEncoder().encode(text).length

/** PostgreSQL cuts longer names short, and two that are cut to the same would share a table. */
const maxNameBytes = 63

/** What is wrong with the name of a schema, or `undefined` when nothing is. */
export const schemaProblem = (schema: string): string | undefined =>
  schema === ""
    ? "is empty"
    : bytes(schema) > maxNameBytes
      ? `has ${bytes(schema)} bytes, more than ${maxNameBytes}`
      : schema.includes("$body$")
        ? "contains $body$, which ends the functions' text"
        : textProblem(schema)

/** The channel on which a store says that something was appended: its name, as far as a channel's name goes. */
export const channelOf = (schema: string): string => {
  const name = Array.from(`eventfold_${schema}`)
  while (bytes(name.join("")) > maxNameBytes) name.pop()
  return name.join("")
}

const events = (s: string): string =>
  `-- The log. A position is handed out under the log's lock, so it is the order of commits.
CREATE TABLE ${s}.events (
  position bigint PRIMARY KEY,
  stream text COLLATE "C" NOT NULL,
  version bigint NOT NULL,
  id uuid NOT NULL,
  type text COLLATE "C" NOT NULL,
  schema_version integer NOT NULL,
  recorded_at timestamptz NOT NULL,
  tags text[] COLLATE "C" NOT NULL,
  data jsonb NOT NULL,
  metadata jsonb NOT NULL
)`

const eventTags = (s: string): string =>
  `-- Which events have a tag, in the order of the log: what an append condition looks at.
CREATE TABLE ${s}.event_tags (
  tag text COLLATE "C" NOT NULL,
  position bigint NOT NULL,
  PRIMARY KEY (tag, position)
)`

const refuse = (s: string): string =>
  `-- What was recorded is not changed.
CREATE FUNCTION ${s}.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  RAISE EXCEPTION 'events are immutable: % on % is refused', TG_OP, TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $body$`

const immutable = (s: string, table: string): string =>
  `-- UPDATE, DELETE and TRUNCATE are refused by the database itself.
CREATE TRIGGER immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON ${s}.${table}
  FOR EACH STATEMENT EXECUTE FUNCTION ${s}.refuse_change()`

const firstMatch = (s: string): string =>
  `-- The first event after a position that matches a query, or null. Written so that every plan walks an index from that
-- position on: by the first tag of an item if it has one, and by position otherwise.
CREATE FUNCTION ${s}.first_match(query jsonb, after_position bigint) RETURNS bigint LANGUAGE plpgsql STABLE
  SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off
  SET max_parallel_workers_per_gather = 0 SET jit = off AS $body$
DECLARE
  item jsonb;
  item_types text[];
  item_categories text[];
  item_tags text[];
  found bigint;
  first_found bigint;
BEGIN
  FOR item IN SELECT jsonb_array_elements(query) LOOP
    item_types := CASE WHEN item ? 'types' THEN ARRAY(SELECT jsonb_array_elements_text(item->'types')) END;
    item_categories := CASE WHEN item ? 'categories' THEN ARRAY(SELECT jsonb_array_elements_text(item->'categories')) END;
    item_tags := CASE WHEN item ? 'tags' THEN ARRAY(SELECT jsonb_array_elements_text(item->'tags')) END;
    IF item_tags IS NULL THEN
      SELECT e.position INTO found FROM ${s}.events e
      WHERE e.position > after_position
        AND (item_types IS NULL OR e.type = ANY (item_types))
        AND (item_categories IS NULL OR split_part(e.stream, '-', 1) = ANY (item_categories))
      ORDER BY e.position LIMIT 1;
    ELSE
      SELECT t.position INTO found FROM ${s}.event_tags t JOIN ${s}.events e ON e.position = t.position
      WHERE t.tag = item_tags[1] AND t.position > after_position
        AND e.tags @> item_tags
        AND (item_types IS NULL OR e.type = ANY (item_types))
        AND (item_categories IS NULL OR split_part(e.stream, '-', 1) = ANY (item_categories))
      ORDER BY t.position LIMIT 1;
    END IF;
    first_found := least(first_found, found);
  END LOOP;
  RETURN first_found;
END $body$`

const matching = (s: string): string =>
  `CREATE FUNCTION ${s}.matching(query jsonb, lowest bigint, highest bigint, most bigint, backward boolean)
RETURNS SETOF ${s}.events LANGUAGE plpgsql STABLE
  SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off
  SET max_parallel_workers_per_gather = 0 SET jit = off AS $body$
DECLARE
  item jsonb;
  item_types text[];
  item_categories text[];
  item_tags text[];
  found bigint[] := '{}';
BEGIN
  FOR item IN SELECT jsonb_array_elements(query) LOOP
    item_types := CASE WHEN item ? 'types' THEN ARRAY(SELECT jsonb_array_elements_text(item->'types')) END;
    item_categories := CASE WHEN item ? 'categories' THEN ARRAY(SELECT jsonb_array_elements_text(item->'categories')) END;
    item_tags := CASE WHEN item ? 'tags' THEN ARRAY(SELECT jsonb_array_elements_text(item->'tags')) END;
    IF item_tags IS NULL AND backward THEN
      found := found || ARRAY(
        SELECT e.position FROM ${s}.events e
        WHERE e.position >= lowest AND e.position <= highest
          AND (item_types IS NULL OR e.type = ANY (item_types))
          AND (item_categories IS NULL OR split_part(e.stream, '-', 1) = ANY (item_categories))
        ORDER BY e.position DESC LIMIT most);
    ELSIF item_tags IS NULL THEN
      found := found || ARRAY(
        SELECT e.position FROM ${s}.events e
        WHERE e.position >= lowest AND e.position <= highest
          AND (item_types IS NULL OR e.type = ANY (item_types))
          AND (item_categories IS NULL OR split_part(e.stream, '-', 1) = ANY (item_categories))
        ORDER BY e.position ASC LIMIT most);
    ELSIF backward THEN
      found := found || ARRAY(
        SELECT t.position FROM ${s}.event_tags t JOIN ${s}.events e ON e.position = t.position
        WHERE t.tag = item_tags[1] AND t.position >= lowest AND t.position <= highest
          AND e.tags @> item_tags AND (item_types IS NULL OR e.type = ANY (item_types))
          AND (item_categories IS NULL OR split_part(e.stream, '-', 1) = ANY (item_categories))
        ORDER BY t.position DESC LIMIT most);
    ELSE
      found := found || ARRAY(
        SELECT t.position FROM ${s}.event_tags t JOIN ${s}.events e ON e.position = t.position
        WHERE t.tag = item_tags[1] AND t.position >= lowest AND t.position <= highest
          AND e.tags @> item_tags AND (item_types IS NULL OR e.type = ANY (item_types))
          AND (item_categories IS NULL OR split_part(e.stream, '-', 1) = ANY (item_categories))
        ORDER BY t.position ASC LIMIT most);
    END IF;
  END LOOP;
  RETURN QUERY
    SELECT e.* FROM (
      SELECT p.position FROM (SELECT DISTINCT unnest(found) AS position) p
      ORDER BY CASE WHEN backward THEN -p.position ELSE p.position END LIMIT most
    ) p CROSS JOIN LATERAL (SELECT * FROM ${s}.events o WHERE o.position = p.position ORDER BY o.position LIMIT 1) e;
END $body$`

const appendEvents = (s: string, schema: string): string =>
  `-- Many appends in one turn of the log's lock, each with a verdict of its own: one row for each write, in order.
--
-- The lock is taken in one statement and everything is checked in the next: under READ COMMITTED each statement sees what was
-- committed before it began, and nobody else can append until this transaction ends. An append is stored when none of its
-- writes has failed, none of its event ids is known, and nothing offends its condition; base is then the position before the
-- write's first event. What is not stored costs the others nothing. Ids are looked up only for appends that have failed,
-- which may be repetitions, and for all if check_ids says so; otherwise the unique index refuses the whole call.
--
-- Expected versions: -1 any, -2 no stream, -3 stream exists. An append without a condition is after -1.
CREATE FUNCTION ${s}.append_events(
  write_append integer[], write_stream text[], write_expected bigint[], write_count integer[],
  event_write integer[], event_ordinal integer[], event_id uuid[], event_type text[], event_schema_version integer[],
  event_tags jsonb[], event_data jsonb[], event_metadata jsonb[],
  append_query jsonb[], append_after bigint[], check_ids boolean
) RETURNS TABLE (actual bigint, failed boolean, known boolean, offended bigint, base bigint, recorded timestamptz)
LANGUAGE plpgsql VOLATILE AS $body$
DECLARE
  head bigint;
  recorded_now timestamptz;
  versions bigint[];
  failing integer[];
  knowns integer[] := '{}';
  offences bigint[] := array_fill(NULL::bigint, ARRAY[cardinality(append_after)]);
  bases bigint[] := array_fill(NULL::bigint, ARRAY[cardinality(write_append)]);
  turn integer;
  stored bigint;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended(${literal(`eventfold:${schema}`)}, 0));

  SELECT e.position, e.recorded_at INTO head, recorded_now FROM ${s}.events e ORDER BY e.position DESC LIMIT 1;
  head := coalesce(head, 0);
  recorded_now := greatest(date_trunc('milliseconds', clock_timestamp()), recorded_now);

  -- No two appends of a call write to one stream, so no write changes what another one is held against.
  versions := ARRAY(
    SELECT coalesce((SELECT e.version FROM ${s}.events e WHERE e.stream = w.stream ORDER BY e.version DESC LIMIT 1), 0)
    FROM unnest(write_stream) WITH ORDINALITY AS w (stream, n) ORDER BY w.n
  );
  failing := ARRAY(
    SELECT DISTINCT w.append FROM unnest(write_append, write_expected, versions) AS w (append, expected, actual)
    WHERE NOT CASE w.expected
      WHEN -1 THEN true WHEN -2 THEN w.actual = 0 WHEN -3 THEN w.actual > 0 ELSE w.actual = w.expected END
  );
  IF check_ids OR failing <> '{}' THEN
    knowns := ARRAY(
      SELECT DISTINCT w.append FROM unnest(event_id, event_write) AS v (id, write)
      JOIN unnest(write_append) WITH ORDINALITY AS w (append, n) ON w.n = v.write
      WHERE (check_ids OR w.append = ANY (failing))
        AND (SELECT true FROM ${s}.events e WHERE e.id = v.id ORDER BY e.id LIMIT 1)
    );
  END IF;

  -- All in one turn; one after the other only where conditions ask for it, for what one append stores may offend the next.
  FOR turn IN SELECT CASE WHEN append_query IS NOT NULL THEN t END
    FROM generate_series(1, CASE WHEN append_query IS NULL THEN 1 ELSE cardinality(append_after) END) AS t
  LOOP
    IF turn = ANY (failing || knowns) THEN CONTINUE; END IF;
    IF append_after[turn] >= 0 THEN
      offences[turn] := ${s}.first_match(append_query[turn], append_after[turn]);
      IF offences[turn] IS NOT NULL THEN
        -- What offends it may be the append itself, stored before.
        IF EXISTS (
          SELECT FROM unnest(event_id, event_write) AS v (id, write)
          WHERE write_append[v.write] = turn
            AND (SELECT true FROM ${s}.events e WHERE e.id = v.id ORDER BY e.id LIMIT 1)
        ) THEN
          knowns := knowns || turn;
        END IF;
        CONTINUE;
      END IF;
    END IF;

    WITH chosen AS (
      SELECT w.n, head + sum(w.count) OVER (ORDER BY w.n) - w.count AS base
      FROM unnest(write_append, write_count) WITH ORDINALITY AS w (append, count, n)
      WHERE CASE WHEN turn IS NULL THEN NOT w.append = ANY (failing || knowns) ELSE w.append = turn END
    )
    SELECT array_agg(coalesce(c.base, bases[w.n]) ORDER BY w.n) INTO bases
    FROM generate_subscripts(write_append, 1) AS w (n) LEFT JOIN chosen c ON c.n = w.n;

    WITH placed AS (
      SELECT w.base + v.ordinal AS position, w.stream, w.actual + v.ordinal AS version, v.*
      FROM unnest(
        event_write, event_ordinal, event_id, event_type, event_schema_version, event_tags, event_data, event_metadata
      ) AS v (write, ordinal, id, type, schema_version, tags, data, metadata)
      JOIN unnest(write_append, write_stream, versions, bases) WITH ORDINALITY AS w (append, stream, actual, base, n)
        ON w.n = v.write
      WHERE w.base IS NOT NULL AND (turn IS NULL OR w.append = turn)
    ), tagging AS (
      INSERT INTO ${s}.event_tags (tag, position)
      SELECT DISTINCT t.tag, p.position FROM placed p CROSS JOIN LATERAL jsonb_array_elements_text(p.tags) AS t (tag)
    ), storing AS (
      INSERT INTO ${s}.events
        (position, stream, version, id, type, schema_version, recorded_at, tags, data, metadata)
      SELECT p.position, p.stream, p.version, p.id, p.type, p.schema_version, recorded_now,
        CASE WHEN p.tags = '[]' THEN '{}'::text[] ELSE ARRAY(SELECT jsonb_array_elements_text(p.tags)) END,
        p.data, p.metadata
      FROM placed p ORDER BY p.position
      RETURNING 1
    )
    SELECT count(*) INTO stored FROM storing;
    head := head + stored;
  END LOOP;

  -- Says that something came, not what: a listener reads the log.
  IF array_remove(bases, NULL) <> '{}' THEN
    PERFORM pg_notify(${literal(channelOf(schema))}, '');
  END IF;

  RETURN QUERY
    SELECT w.actual, w.append = ANY (failing), w.append = ANY (knowns), offences[w.append], w.base, recorded_now
    FROM unnest(write_append, versions, bases) WITH ORDINALITY AS w (append, actual, base, n) ORDER BY w.n;
END $body$`

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
        refuse(s),
        immutable(s, "events"),
        immutable(s, "event_tags"),
        firstMatch(s),
        matching(s),
        appendEvents(s, schema)
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
    "BEGIN",
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
