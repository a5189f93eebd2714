/**
 * The function that stores events as they were recorded elsewhere.
 */
import { byIndex, indent, indexTags, takeCare } from "./append.ts"
import { inlineSetting } from "./log.ts"
import { channelOf, literal, logLock } from "./names.ts"

export const restoreEvents = (s: string, schema: string): string =>
  `-- Events with their times, after the head, in the order of the call: all of them, in one turn of the log's lock. What they write is
-- what append_events writes.
--
-- They are not stored when an id is known, nor when their times, which do not decrease, begin before that of the last event or
-- end after the one that an append would get now. An event is the nth of the call for its stream.
--
-- The answer: the head before, the time of its event, the time of an append, whether an id is known, and whether they are stored.
CREATE FUNCTION ${s}.restore_events(
  stream_name text[], event_stream integer[], event_nth integer[], event_id uuid[], event_type text[],
  event_schema_version integer[], event_recorded_at timestamptz[], event_tags text[], event_data jsonb, event_metadata jsonb,
  OUT head bigint, OUT last_recorded timestamptz, OUT now_recorded timestamptz, OUT is_known boolean,
  OUT is_stored boolean
) LANGUAGE plpgsql VOLATILE ${byIndex} AS $body$
DECLARE
  handled text := current_setting('${inlineSetting(schema)}', true);
  versions bigint[];
BEGIN
  PERFORM pg_advisory_xact_lock(${logLock(schema)});

  SELECT e.position, e.recorded_at INTO head, last_recorded FROM ${s}.events e ORDER BY e.position DESC LIMIT 1;
  head := coalesce(head, 0);
  now_recorded := greatest(date_trunc('milliseconds', clock_timestamp()), last_recorded);

${takeCare(s)}

  is_known := EXISTS (
    SELECT FROM unnest(event_id) AS i (id) WHERE (SELECT true FROM ${s}.events e WHERE e.id = i.id ORDER BY e.id LIMIT 1)
  );
  is_stored := NOT is_known AND event_recorded_at[1] >= coalesce(last_recorded, '-infinity')
    AND event_recorded_at[cardinality(event_recorded_at)] <= now_recorded;
  IF NOT is_stored THEN
    RETURN;
  END IF;

  versions := ARRAY(
    SELECT coalesce((
      SELECT e.version FROM ${s}.events e WHERE e.stream = stream_name[n] ORDER BY e.version DESC LIMIT 1
    ), 0)
    FROM generate_subscripts(stream_name, 1) AS n ORDER BY n
  );
  INSERT INTO ${s}.events (position, stream, version, id, type, schema_version, recorded_at, tags, data, metadata)
  SELECT
    head + e.n, stream_name[e.stream], versions[e.stream] + e.nth, e.id, e.type, e.schema_version, e.recorded_at,
    coalesce(event_tags[e.n], '{}')::text[], event_data -> e.n - 1, event_metadata -> e.n - 1
  FROM (
    SELECT generate_subscripts(event_id, 1) AS n, unnest(event_stream) AS stream, unnest(event_nth) AS nth, unnest(event_id) AS id,
      unnest(event_type) AS type, unnest(event_schema_version) AS schema_version, unnest(event_recorded_at) AS recorded_at
  ) AS e;
  IF event_tags IS NOT NULL THEN
${indent(indexTags(s, "head + 1", "head + cardinality(event_id)"), 4)}
  END IF;

  -- Says that something came, not what: a listener reads the log.
  PERFORM pg_notify(${literal(channelOf(schema))}, '');
END $body$`
