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

export const inlineTypes = (s: string): string =>
  `-- The types whose events live inline generations handle: an append of them has to say that it takes care of those generations. A row
-- without a type for each such generation: of others nobody may say that.
CREATE TABLE ${s}.inline_types (
  type text COLLATE "C" NOT NULL,
  generation integer NOT NULL,
  PRIMARY KEY (type, generation)
)`

export const inlineTurn = (s: string): string =>
  `-- A row of no generation, which is updated whenever others come or go: who looks with an old snapshot can lock it, and is
-- then told.
INSERT INTO ${s}.inline_types (type, generation) VALUES ('', 0)`

/**
 * The setting in which a transaction says which inline generations it takes care of: their numbers, with commas in between. Each
 * schema has its own, for generations of different schemas have the same numbers; the schema is written in hexadecimal digits, for
 * the names of settings are identifiers and know no case.
 */
export const inlineSetting = (schema: string): string =>
  `eventfold.inline_${Array.from(new TextEncoder().encode(schema), (byte) => byte.toString(16).padStart(2, "0")).join("")}`
