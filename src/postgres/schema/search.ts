/**
 * The functions that find what a query matches.
 */

/**
 * What makes every plan walk an index in the order of the log, whatever the planner knows of the log, and makes it once: planning
 * takes longer than looking near the head does.
 */
const settings = `SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off
  SET max_parallel_workers_per_gather = 0 SET jit = off SET plan_cache_mode = force_generic_plan`

/** A query as rows. What an item leaves out is null. */
const items = "SELECT * FROM jsonb_to_recordset(query) AS i (types text[], categories text[], tags text[])"

/** Whether an event is of an item's types and categories. */
const fits = `(item.types IS NULL OR e.type = ANY (item.types))
          AND (item.categories IS NULL OR split_part(e.stream, '-', 1) = ANY (item.categories))`

export const firstMatch = (s: string): string =>
  `-- The first event after a position that matches a query, or null: the check of an append condition, which sees all there is. It
-- walks the index of an item's first tag if it has one, and positions otherwise.
CREATE FUNCTION ${s}.first_match(query jsonb, after_position bigint) RETURNS bigint LANGUAGE plpgsql STABLE
  ${settings} AS $body$
DECLARE
  item record;
  found bigint;
  first_found bigint;
BEGIN
  FOR item IN ${items} LOOP
    IF item.tags IS NULL THEN
      SELECT e.position INTO found FROM ${s}.events e
      WHERE e.position > after_position
        AND ${fits}
      ORDER BY e.position LIMIT 1;
    ELSE
      SELECT t.position INTO found FROM ${s}.event_tags t JOIN ${s}.events e ON e.position = t.position
      WHERE t.tag = item.tags[1] AND t.position > after_position
        AND e.tags @> item.tags
        AND ${fits}
      ORDER BY t.position LIMIT 1;
    END IF;
    first_found := least(first_found, found);
  END LOOP;
  RETURN first_found;
END $body$`

/** The statements of matching that walk in one direction. */
const walking = (s: string, backward: boolean): string => {
  const order = backward ? "DESC" : "ASC"
  const found = backward ? "lowest" : "highest"
  return `IF item.tags IS NULL THEN
        ${backward ? "lowest := greatest(lowest, highest - walk + 1)" : "highest := least(highest, lowest + walk - 1)"};
        found := ARRAY(
          SELECT e.position FROM ${s}.events e
          WHERE e.position >= lowest AND e.position <= highest
          AND ${fits}
          ORDER BY e.position ${order} LIMIT most);
      ELSE
        found := ARRAY(
          SELECT t.position FROM (
            SELECT w.position FROM ${s}.event_tags w
            WHERE w.tag = item.tags[1] AND w.position >= lowest AND w.position <= highest
            ORDER BY w.position ${order} LIMIT walk
          ) t JOIN ${s}.events e ON e.position = t.position
          WHERE e.tags @> item.tags
          AND ${fits}
          ORDER BY t.position ${order} LIMIT most);
        IF cardinality(found) < most THEN
          -- Where the walk ended, if it did before the window does.
          SELECT w.position INTO edge FROM ${s}.event_tags w
          WHERE w.tag = item.tags[1] AND w.position >= lowest AND w.position <= highest
          ORDER BY w.position ${order} OFFSET walk - 1 LIMIT 1;
          ${found} := coalesce(edge, ${found});
        END IF;
      END IF;
      IF cardinality(found) >= most THEN ${found} := found[most]; END IF;`
}

const columns = `"position" bigint, stream text, version bigint, id uuid, type text, schema_version integer, recorded_at timestamptz,
  tags text[], data jsonb, metadata jsonb`

export const matching = (s: string): string =>
  `-- The events from lowest to highest that match a query, at most so many of them, and a row without an event that says how far they
-- were looked for, and where the log ends. For each item it walks at most so many entries of an index, so that what one call
-- costs is bounded however rare a match is: the events up to "reach" are all there are.
CREATE FUNCTION ${s}.matching(query jsonb, lowest bigint, highest bigint, most bigint, walk bigint, backward boolean)
RETURNS TABLE (reach bigint, last bigint, ${columns}) LANGUAGE plpgsql STABLE
  ${settings} AS $body$
#variable_conflict use_column
DECLARE
  item record;
  found bigint[];
  all_found bigint[] := '{}';
  edge bigint;
BEGIN
  last := coalesce((SELECT e.position FROM ${s}.events e ORDER BY e.position DESC LIMIT 1), 0);
  highest := least(highest, last);
  -- From item to item the window can only become smaller: what is beyond its edge is for another call to find.
  FOR item IN ${items} LOOP
    IF backward THEN
      ${walking(s, true)}
    ELSE
      ${walking(s, false)}
    END IF;
    all_found := all_found || found;
  END LOOP;
  reach := CASE WHEN backward THEN lowest ELSE highest END;
  RETURN NEXT;
  RETURN QUERY
    SELECT NULL::bigint, NULL::bigint, e.* FROM (
      SELECT p.position FROM (SELECT DISTINCT unnest(all_found) AS position) p
      WHERE p.position >= lowest AND p.position <= highest
      ORDER BY CASE WHEN backward THEN -p.position ELSE p.position END LIMIT most
    ) p CROSS JOIN LATERAL (SELECT * FROM ${s}.events o WHERE o.position = p.position ORDER BY o.position LIMIT 1) e;
END $body$`
