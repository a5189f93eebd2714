/**
 * The table of snapshots.
 */
import { literal } from "./names.ts"

export const snapshots = (s: string): string =>
  `-- What the states of streams had come to. The state is JSON, and kept as the text that it is: nobody looks into it, and so it comes back
-- byte for byte, with all that JSON can say and a jsonb cannot.
CREATE TABLE ${s}.snapshots (
  code text COLLATE "C" NOT NULL,
  stream text COLLATE "C" NOT NULL,
  version bigint NOT NULL,
  position bigint NOT NULL,
  taken_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  state text NOT NULL,
  PRIMARY KEY (code, stream, version)
)`

export const saveSnapshot = (s: string, schema: string): string =>
  `-- Keeps a snapshot, and of those of its code and stream the newest so many.
--
-- The lock lets one after the other change what is kept of a code and stream, and each statement sees what was committed before: so
-- there are never too many, and never too few. Nobody waits in a circle: who has a lock takes no other one, and then locks rows of this stream
-- by version, as those do who remove them.
CREATE FUNCTION ${s}.save_snapshot(
  of_code text, of_stream text, at_version bigint, at_position bigint, new_state text, keep bigint
) RETURNS void LANGUAGE plpgsql VOLATILE AS $body$
DECLARE
  oldest bigint;
BEGIN
  PERFORM pg_advisory_xact_lock(
    hashtextextended(${literal(`eventfold:${schema}:snapshots:`)} || of_code || ' ' || of_stream, 0));
  SELECT min(newest.version) INTO oldest FROM (
    SELECT k.version FROM ${s}.snapshots k WHERE k.code = of_code AND k.stream = of_stream
    UNION SELECT at_version ORDER BY version DESC LIMIT keep
  ) AS newest;
  DELETE FROM ${s}.snapshots k USING (
    SELECT l.version FROM ${s}.snapshots l WHERE l.code = of_code AND l.stream = of_stream AND l.version < oldest
    ORDER BY l.version FOR UPDATE
  ) AS l
  WHERE k.code = of_code AND k.stream = of_stream AND k.version = l.version;
  IF at_version >= oldest THEN
    INSERT INTO ${s}.snapshots (code, stream, version, position, state)
    VALUES (of_code, of_stream, at_version, at_position, new_state)
    ON CONFLICT (code, stream, version)
    DO UPDATE SET position = EXCLUDED.position, taken_at = EXCLUDED.taken_at, state = EXCLUDED.state;
  END IF;
END $body$`
