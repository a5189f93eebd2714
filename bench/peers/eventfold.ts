/**
 * Eventfold, as its guide tells to use it.
 */
import { contend } from "./contend.ts"
import { append, load, longLog } from "./eventfold/appends.ts"
import { distinct, hot } from "./eventfold/commands.ts"
import { catchUp, latency } from "./eventfold/following.ts"
import { beside, documents, table } from "./eventfold/projections.ts"
import { running } from "./eventfold/setup.ts"

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
