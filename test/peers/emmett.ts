/**
 * Emmett 0.42.0 on PostgreSQL, as its documentation tells to use it.
 */
import { contend } from "../../bench/peers/contend.ts"
import { distinct, hot } from "./emmett/commands.ts"
import { catchUp, latency } from "./emmett/following.ts"
import { beside, documents, table } from "./emmett/projections.ts"
import { running } from "./emmett/setup.ts"
import { append, load, longLog } from "./emmett/streams.ts"

contend({
  append: running(append),
  "command, distinct streams": running(distinct),
  "command, hot streams": running(hot),
  load: running(load),
  "catch-up": running(catchUp),
  documents: running(documents),
  table: running(table),
  latency: running(latency),
  "append beside projections": running(beside),
  "long log": running(longLog)
})
