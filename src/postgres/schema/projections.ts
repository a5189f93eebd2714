/**
 * The tables of what projections keep.
 *
 * None refers to another by a foreign key: to check one takes a lock on the row of the generation for each document that is written.
 */

/** The SQLSTATE of an append that does not take care of what is projected inline. */
export const inlineRefusal = "ZF001"

export const generations = (s: string): string =>
  `-- Every generation of a projection. replayed_to says what was handled before it: the head of the log when it was
-- made, and once it has taken over how far those before it had come, as lists of positions by partition.
CREATE TABLE ${s}.projection_generations (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text COLLATE "C" NOT NULL,
  version integer NOT NULL,
  mode text NOT NULL CHECK (mode IN ('async', 'inline')),
  role text NOT NULL CHECK (role IN ('live', 'filling', 'retired')),
  partitions integer NOT NULL CHECK (partitions > 0),
  types text[] COLLATE "C" NOT NULL,
  tables jsonb NOT NULL,
  replayed_to jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp()
)`

export const partitions = (s: string): string =>
  `-- How far each partition has come, and who runs it. Every commit updates a row, and no column that changes has an index: with
-- room on the page, old versions of a row are cleared away in passing. A partition is not claimable when its generation is retired, nor
-- while appends themselves keep it.
CREATE TABLE ${s}.projection_partitions (
  generation integer NOT NULL,
  partition integer NOT NULL,
  position bigint NOT NULL DEFAULT 0,
  epoch bigint NOT NULL DEFAULT 0,
  claimable boolean NOT NULL DEFAULT true,
  state text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'paused', 'failed')),
  owner text,
  lease interval,
  lease_until timestamptz,
  failure_position bigint,
  failure_problem text,
  rate double precision NOT NULL DEFAULT 0,
  PRIMARY KEY (generation, partition)
) WITH (fillfactor = 20)`

export const askedFor = (s: string): string =>
  `-- Who asks for a partition that another one holds, and until when that counts. Not in the partition's row, which a commit locks to its
-- end: where most is to be done, nobody would get to ask.
CREATE TABLE ${s}.projection_asked_for (
  generation integer NOT NULL,
  partition integer NOT NULL,
  owner text NOT NULL,
  until timestamptz NOT NULL,
  PRIMARY KEY (generation, partition)
)`

export const documents = (s: string): string =>
  `-- The documents of each generation. One that is null is there to be locked, and seen by nobody.
CREATE TABLE ${s}.projection_documents (
  generation integer NOT NULL,
  key text COLLATE "C" NOT NULL,
  document jsonb,
  PRIMARY KEY (generation, key)
) WITH (fillfactor = 85)`

export const lockDocuments = (s: string): string =>
  `-- Locks documents, those that are there and those that are not, and gives what they are.
--
-- Keys that are missing are put in first, in their order, and then all are locked in theirs, by a statement that sees what was committed
-- meanwhile. Who waits for a missing key holds only missing keys before it; who waits for another holds others before it, and
-- missing ones that nobody else sees: so transactions that lock once each never wait in a circle. A document that was deleted while it was
-- waited for has to be put in again, out of order: then everything is let go first.
CREATE FUNCTION ${s}.lock_documents(of_generation integer, keys text[])
RETURNS TABLE (key text, document jsonb, is_there boolean) LANGUAGE plpgsql VOLATILE AS $body$
#variable_conflict use_column
DECLARE
  locked bigint;
BEGIN
  LOOP
    BEGIN
      INSERT INTO ${s}.projection_documents (generation, key)
      SELECT of_generation, k.key FROM unnest(keys) AS k (key) ORDER BY k.key COLLATE "C"
      ON CONFLICT (generation, key) DO NOTHING;
      PERFORM 1 FROM ${s}.projection_documents d
      WHERE d.generation = of_generation AND d.key = ANY (keys) ORDER BY d.key FOR UPDATE;
      GET DIAGNOSTICS locked = ROW_COUNT;
      IF locked = cardinality(keys) THEN EXIT; END IF;
      RAISE EXCEPTION 'a document was deleted' USING ERRCODE = 'EF001';
    EXCEPTION WHEN SQLSTATE 'EF001' THEN
      -- The locks are let go: they were taken within this block.
    END;
  END LOOP;
  RETURN QUERY SELECT d.key, d.document, d.document IS NOT NULL FROM ${s}.projection_documents d
  WHERE d.generation = of_generation AND d.key = ANY (keys);
END $body$`

export const parked = (s: string): string =>
  `-- Events that could not be handled, and those that came behind them in their lane.
CREATE TABLE ${s}.projection_parked (
  generation integer NOT NULL,
  partition integer NOT NULL,
  position bigint NOT NULL,
  lane text COLLATE "C" NOT NULL,
  problem text NOT NULL,
  attempts integer NOT NULL,
  retry boolean NOT NULL DEFAULT false,
  parked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (generation, partition, position)
)`

export const skipped = (s: string): string =>
  `-- Events that were passed over, and why.
CREATE TABLE ${s}.projection_skipped (
  generation integer NOT NULL,
  partition integer NOT NULL,
  position bigint NOT NULL,
  reason text NOT NULL,
  skipped_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (generation, partition, position)
)`

export const checkInline = (s: string): string =>
  `-- Refuses events that a live inline generation handles, unless it is one of those that are taken care of; and refuses to take care of a
-- generation that is not live any more.
CREATE FUNCTION ${s}.check_inline(event_type text[], handled integer[]) RETURNS void LANGUAGE plpgsql STABLE AS $body$
DECLARE
  refused record;
  gone integer;
BEGIN
  SELECT i.type, g.name, g.version INTO refused
  FROM ${s}.inline_types i JOIN ${s}.projection_generations g ON g.id = i.generation
  WHERE i.type = ANY (event_type) AND i.type <> '' AND NOT i.generation = ANY (coalesce(handled, '{}'))
  ORDER BY i.type, i.generation LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'events of type % are projected inline by %, version %, which this append does not run',
      refused.type, refused.name, refused.version USING ERRCODE = '${inlineRefusal}';
  END IF;
  SELECT h INTO gone FROM unnest(handled) AS h
  WHERE NOT EXISTS (SELECT FROM ${s}.inline_types i WHERE i.type = '' AND i.generation = h) LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'generation % of an inline projection is not live any more', gone USING ERRCODE = '${inlineRefusal}';
  END IF;
END $body$`
