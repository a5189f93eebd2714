/**
 * The functions that find what a query matches.
 */

export const firstMatch = (s: string): string =>
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

export const matching = (s: string): string =>
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
