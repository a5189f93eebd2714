/**
 * The tables of the log, and what keeps them as they were written.
 */

export const events = (s: string): string =>
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

export const eventTags = (s: string): string =>
  `-- Which events have a tag, in the order of the log: what an append condition looks at.
CREATE TABLE ${s}.event_tags (
  tag text COLLATE "C" NOT NULL,
  position bigint NOT NULL,
  PRIMARY KEY (tag, position)
)`

export const refuse = (s: string): string =>
  `-- What was recorded is not changed.
CREATE FUNCTION ${s}.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  RAISE EXCEPTION 'events are immutable: % on % is refused', TG_OP, TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $body$`

export const immutable = (s: string, table: string): string =>
  `-- UPDATE, DELETE and TRUNCATE are refused by the database itself.
CREATE TRIGGER immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON ${s}.${table}
  FOR EACH STATEMENT EXECUTE FUNCTION ${s}.refuse_change()`
