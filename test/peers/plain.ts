/**
 * The plain way: a repository on `pg` as a good team writes it itself, in an afternoon. A table, a unique key as the expectation, prepared
 * statements, and readers that poll by position.
 */
import { contend } from "../../bench/peers/contend.ts"
import { appending, longLog } from "./plain/appending.ts"
import { distinctStreams, hotStreams } from "./plain/commands.ts"
import { latency } from "./plain/latency.ts"
import { besideProjections, projectingDocuments, projectingTable } from "./plain/projecting.ts"
import { catchingUp, loading } from "./plain/reading.ts"

contend({
  append: appending,
  "command, distinct streams": distinctStreams,
  "command, hot streams": hotStreams,
  load: loading,
  "catch-up": catchingUp,
  documents: projectingDocuments,
  table: projectingTable,
  latency,
  "append beside projections": besideProjections,
  "long log": longLog
})
