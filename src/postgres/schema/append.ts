/**
 * The function that appends.
 */

import { channelOf, literal } from "./names.ts"

export const appendEvents = (s: string, schema: string): string =>
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
