/**
 * The function that appends.
 */

import { inlineSetting } from "./log.ts"
import { channelOf, literal, logLock } from "./names.ts"

/**
 * How the functions that append look things up, whatever the planner thinks: by an index. A table that was vacuumed while it was empty is known to
 * have no pages, and a plan to walk all of it would be kept by the session while it grows. Plans are generic, as each is for any values.
 */
export const byIndex = "SET enable_seqscan = off SET enable_bitmapscan = off SET plan_cache_mode = force_generic_plan"

/** The last change of what is projected inline: 0 when nothing is. */
const lastInline = (s: string): string =>
  `(SELECT i.generation FROM ${s}.inline_types i WHERE i.type = '' ORDER BY i.generation DESC LIMIT 1)`

/** What has to be known before events of some types are stored: that somebody takes care of what is projected inline. */
export const takeCare = (s: string, types = "event_type", last = lastInline(s)): string =>
  `  -- What live inline generations handle is stored only by who takes care of it. Who looks with an old snapshot is told by the lock.
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    PERFORM FROM ${s}.inline_types i WHERE i.type = '' AND i.generation = 0 FOR SHARE;
  END IF;
  IF handled <> '' OR 0 < ${last} THEN
    PERFORM ${s}.check_inline(${types}, string_to_array(handled, ',')::integer[]);
  END IF;`

/** Says which of the events at these positions have a tag. */
export const indexTags = (s: string, from: string, to: string): string =>
  `INSERT INTO ${s}.event_tags (tag, position)
SELECT DISTINCT t.tag, p.position
FROM generate_series(${from}, ${to}) AS p (position), LATERAL unnest((
  SELECT e.tags FROM ${s}.events e WHERE e.position = p.position ORDER BY e.position LIMIT 1
)) AS t (tag);`

export const indent = (text: string, spaces: number): string => text.replaceAll(/^/gm, " ".repeat(spaces))

export const appendEvents = (s: string, schema: string): string =>
  `-- Many appends in one turn of the log's lock, each with a verdict of its own.
--
-- The lock is taken in one statement and everything is checked in the next: under READ COMMITTED each statement sees what was
-- committed before it began, and nobody else can append until this transaction ends. An append is stored when none of its
-- writes has failed, none of its event ids is known, and nothing offends its condition. What is not stored costs the others
-- nothing; what is stored comes right after the head, in the order of the call. Ids are looked up only for appends that have
-- failed, which may be repetitions, and for all if check_ids says so; otherwise the unique index refuses the whole call.
--
-- Writes and events come in the order of their appends; write_before is the number of events before a write's first. Expected
-- versions: -1 any, -2 stream exists. An append without a condition is after -1. Tags are null when no event has any, queries when
-- no append has a condition. Where what one append stores may offend the condition of another the caller says in_turn, and then each is
-- looked at when those before it are stored.
--
-- The answer: the head before, the version before each write, the appends that are not stored, those of them of which an id
-- is known, and the position that offends each append's condition.
--
-- Lists of functions that give rows, side by side, and subscripts cost less than joins of unnested arrays. Plans are generic: each
-- is a walk down an index whatever the arrays hold, and to make a plan costs a small call more than to run it.
CREATE FUNCTION ${s}.append_events(
  write_append integer[], write_stream text[], write_expected bigint[], write_before integer[],
  event_write integer[], event_id uuid[], event_type text[], event_schema_version integer[],
  event_tags text[], event_data jsonb, event_metadata jsonb,
  append_query jsonb, append_after bigint[], in_turn boolean, check_ids boolean,
  OUT head bigint, OUT recorded timestamptz, OUT versions bigint[], OUT rejected integer[], OUT knowns integer[],
  OUT offences bigint[]
) LANGUAGE plpgsql VOLATILE ${byIndex} AS $body$
DECLARE
  handled text := current_setting('${inlineSetting(schema)}', true);
  ignored text;
  last bigint;
  offending integer[];
  turn integer;
  places integer[];
  stored integer;
BEGIN
  -- An assignment costs less than a statement.
  ignored := pg_advisory_xact_lock(${logLock(schema)});

  SELECT e.position, e.recorded_at INTO head, recorded FROM ${s}.events e ORDER BY e.position DESC LIMIT 1;
  head := coalesce(head, 0);
  recorded := greatest(date_trunc('milliseconds', clock_timestamp()), recorded);
  last := head;

${takeCare(s)}

  knowns := '{}';
  IF in_turn THEN
    offences := array_fill(NULL::bigint, ARRAY[cardinality(append_after)]);
  END IF;

  -- No two appends of a call write to one stream, so no write changes what another one is held against. A stream is looked
  -- through from its expected version on, which finds nothing but that version when all is well.
  versions := ARRAY(
    SELECT coalesce((
      SELECT e.version FROM ${s}.events e WHERE e.stream = w.stream AND e.version >= w.expected ORDER BY e.version DESC LIMIT 1
    ), 0)
    FROM (SELECT generate_subscripts(write_stream, 1) AS n, unnest(write_stream) AS stream, unnest(write_expected) AS expected) AS w
    ORDER BY w.n
  );
  rejected := '{}';
  IF versions <> write_expected THEN
    rejected := ARRAY(
      SELECT write_append[n] FROM generate_subscripts(write_append, 1) AS n
      WHERE NOT CASE write_expected[n] WHEN -1 THEN true WHEN -2 THEN versions[n] > 0 ELSE versions[n] = write_expected[n] END
    );
  END IF;
  IF rejected <> '{}' THEN
    versions := ARRAY(
      SELECT coalesce((
        SELECT e.version FROM ${s}.events e WHERE e.stream = write_stream[n] ORDER BY e.version DESC LIMIT 1
      ), 0)
      FROM generate_subscripts(write_stream, 1) AS n ORDER BY n
    );
  END IF;
  IF check_ids OR rejected <> '{}' THEN
    knowns := ARRAY(
      SELECT DISTINCT write_append[event_write[n]] FROM generate_subscripts(event_id, 1) AS n
      WHERE (check_ids OR write_append[event_write[n]] = ANY (rejected))
        AND (SELECT true FROM ${s}.events e WHERE e.id = event_id[n] ORDER BY e.id LIMIT 1)
    );
    rejected := rejected || knowns;
  END IF;

  IF append_query IS NOT NULL AND NOT in_turn THEN
    offences := ARRAY(
      SELECT CASE WHEN append_after[n] >= 0 AND NOT n = ANY (rejected) THEN ${s}.first_match(append_query -> n - 1, append_after[n]) END
      FROM generate_subscripts(append_after, 1) AS n ORDER BY n
    );
    offending := ARRAY(SELECT n FROM generate_subscripts(offences, 1) AS n WHERE offences[n] IS NOT NULL);
    IF offending <> '{}' THEN
      rejected := rejected || offending;
      -- What offends it may be the append itself, stored before.
      knowns := knowns || ARRAY(
        SELECT DISTINCT write_append[event_write[n]] FROM generate_subscripts(event_id, 1) AS n
        WHERE write_append[event_write[n]] = ANY (offending)
          AND (SELECT true FROM ${s}.events e WHERE e.id = event_id[n] ORDER BY e.id LIMIT 1)
      );
    END IF;
  END IF;

  -- All in one turn, or one after the other.
  FOR i IN 1 .. CASE WHEN in_turn THEN cardinality(append_after) ELSE 1 END LOOP
    IF in_turn THEN
      turn := i;
      IF turn = ANY (rejected) THEN CONTINUE; END IF;
      IF append_after[turn] >= 0 THEN
        offences[turn] := ${s}.first_match(append_query -> turn - 1, append_after[turn]);
        IF offences[turn] IS NOT NULL THEN
          rejected := rejected || turn;
          -- What offends it may be the append itself, stored before.
          IF EXISTS (
            SELECT FROM generate_subscripts(event_id, 1) AS n
            WHERE write_append[event_write[n]] = turn
              AND (SELECT true FROM ${s}.events e WHERE e.id = event_id[n] ORDER BY e.id LIMIT 1)
          ) THEN
            knowns := knowns || turn;
          END IF;
          CONTINUE;
        END IF;
      END IF;
    END IF;

    IF turn IS NOT NULL OR rejected <> '{}' THEN
      places := ARRAY(
        SELECT CASE WHEN e.is_chosen THEN count(*) FILTER (WHERE e.is_chosen) OVER (ORDER BY e.n) END
        FROM (
          SELECT n, CASE WHEN turn IS NULL THEN NOT write_append[event_write[n]] = ANY (rejected)
            ELSE write_append[event_write[n]] = turn END AS is_chosen
          FROM generate_subscripts(event_write, 1) AS n
        ) AS e ORDER BY e.n
      );
    END IF;
    INSERT INTO ${s}.events (position, stream, version, id, type, schema_version, recorded_at, tags, data, metadata)
    SELECT
      last + coalesce(places[e.n], e.n), write_stream[e.write], versions[e.write] + e.n - write_before[e.write],
      e.id, e.type, e.schema_version, recorded, coalesce(event_tags[e.n], '{}')::text[],
      event_data -> e.n - 1, event_metadata -> e.n - 1
    FROM (
      SELECT generate_subscripts(event_write, 1) AS n, unnest(event_write) AS write, unnest(event_id) AS id,
        unnest(event_type) AS type, unnest(event_schema_version) AS schema_version
    ) AS e
    WHERE places IS NULL OR places[e.n] IS NOT NULL;
    GET DIAGNOSTICS stored = ROW_COUNT;
    IF event_tags IS NOT NULL THEN
${indent(indexTags(s, "last + 1", "last + stored"), 6)}
    END IF;
    last := last + stored;
  END LOOP;

  -- Says that something came, not what: a listener reads the log.
  IF last > head THEN
    ignored := pg_notify(${literal(channelOf(schema))}, '');
  END IF;
END $body$`

export const appendEvent = (s: string, schema: string): string =>
  `-- One event without tags, to a stream that is expected to have a version, or any (-1): what a program appends that does one thing
-- at a time. It does just what append_events does with it when all is well, in half of the time; where the stream has another version it
-- does nothing and its head is null, for append_events to find out why.
CREATE FUNCTION ${s}.append_event(
  write_stream text, write_expected bigint, event_id uuid, event_type text, event_schema_version integer,
  event_data jsonb, event_metadata jsonb,
  OUT head bigint, OUT recorded timestamptz, OUT before bigint
) LANGUAGE plpgsql VOLATILE ${byIndex} AS $body$
DECLARE
  handled text := current_setting('${inlineSetting(schema)}', true);
  inline integer;
  ignored text;
BEGIN
  -- An assignment costs less than a statement.
  ignored := pg_advisory_xact_lock(${logLock(schema)});

  SELECT log.position, log.recorded_at, stream.version, ${lastInline(s)} INTO head, recorded, before, inline
  FROM (VALUES (true)) AS one
  LEFT JOIN LATERAL (
    SELECT e.position, e.recorded_at FROM ${s}.events e ORDER BY e.position DESC LIMIT 1
  ) AS log ON true
  LEFT JOIN LATERAL (
    SELECT e.version FROM ${s}.events e
    WHERE e.stream = write_stream AND e.version >= write_expected ORDER BY e.version DESC LIMIT 1
  ) AS stream ON true;
  head := coalesce(head, 0);
  before := coalesce(before, 0);
  recorded := greatest(date_trunc('milliseconds', clock_timestamp()), recorded);
  IF write_expected <> -1 AND before <> write_expected THEN
    head := NULL;
    RETURN;
  END IF;

${takeCare(s, "ARRAY[event_type]", "inline")}

  INSERT INTO ${s}.events (position, stream, version, id, type, schema_version, recorded_at, tags, data, metadata)
  VALUES (
    head + 1, write_stream, before + 1, event_id, event_type, event_schema_version, recorded, '{}', event_data, event_metadata
  );
  ignored := pg_notify(${literal(channelOf(schema))}, '');
END $body$`
