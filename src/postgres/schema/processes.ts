/**
 * The tables of what processes keep.
 */

export const processInstances = (s: string): string =>
  `-- The instances of processes. The document is JSON, and kept as the text that it is: nobody looks into it. Fields of the state are looked for.
-- ended_at is when it was updated last, of an instance that has ended or was cancelled. With it those that may be removed have an index,
-- and updated_at, which every save changes, has none: a save that changes nothing that is looked up leaves the indexes alone, and
-- with room on the page old versions of a row are cleared away in passing.
CREATE TABLE ${s}.process_instances (
  process text COLLATE "C" NOT NULL,
  instance text COLLATE "C" NOT NULL,
  partition integer NOT NULL,
  status text COLLATE "C" NOT NULL CHECK (status IN ('running', 'stuck', 'ended', 'cancelled')),
  is_ready boolean NOT NULL,
  due_at timestamptz,
  waiting_for text[] COLLATE "C" NOT NULL,
  started_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  ended_at timestamptz,
  steps bigint NOT NULL,
  state jsonb NOT NULL,
  document text NOT NULL,
  PRIMARY KEY (process, instance)
) WITH (fillfactor = 75)`

export const processReady = (s: string): string =>
  `-- Who has something to do now.
CREATE INDEX process_instances_ready ON ${s}.process_instances (process, partition, instance) WHERE is_ready`

export const processDue = (s: string): string =>
  `-- Who waits for a timer, the first one first.
CREATE INDEX process_instances_due ON ${s}.process_instances (process, partition, due_at, instance) WHERE due_at IS NOT NULL`

export const processStatus = (s: string): string =>
  `-- Who is stuck among many that are not, and how many there are.
CREATE INDEX process_instances_status ON ${s}.process_instances (process, status, instance)`

export const processEnded = (s: string): string =>
  `-- Who may be removed, the oldest first.
CREATE INDEX process_instances_ended ON ${s}.process_instances (process, ended_at, instance) WHERE ended_at IS NOT NULL`

export const processSteps = (s: string): string =>
  `-- What instances have been through, as JSON, kept as the text that it is.
CREATE TABLE ${s}.process_steps (
  process text COLLATE "C" NOT NULL,
  instance text COLLATE "C" NOT NULL,
  number bigint NOT NULL,
  at timestamptz NOT NULL,
  step text NOT NULL,
  PRIMARY KEY (process, instance, number)
)`

export const processRequests = (s: string): string =>
  `-- What is asked of instances, until it is done. Numbers may be committed in another order than they are given: who looks for requests looks
-- for all of them, and after none.
CREATE TABLE ${s}.process_requests (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  process text COLLATE "C" NOT NULL,
  partition integer NOT NULL,
  instance text COLLATE "C" NOT NULL,
  request text NOT NULL,
  requested_at timestamptz NOT NULL DEFAULT clock_timestamp()
)`

export const processRequestsOrder = (s: string): string =>
  `-- The requests of a partition in order.
CREATE INDEX process_requests_partition ON ${s}.process_requests (process, partition, id)`
