/**
 * `eventfold`: the commands under one name.
 */
import * as Command from "effect/cli/Command"
import { bench } from "./commands/bench.ts"
import { doctor } from "./commands/doctor.ts"
import { event } from "./commands/event.ts"
import { exportCommand } from "./commands/export.ts"
import { importCommand } from "./commands/import.ts"
import { init } from "./commands/init.ts"
import { migrate } from "./commands/migrate.ts"
import { processes } from "./commands/processes.ts"
import { projections } from "./commands/projections.ts"
import { replay } from "./commands/replay.ts"
import { search } from "./commands/search.ts"
import { stats } from "./commands/stats.ts"
import { stream } from "./commands/stream.ts"
import { tail } from "./commands/tail.ts"
import { trace } from "./commands/trace.ts"
import { validate } from "./commands/validate.ts"
import { globalFlags } from "./flags.ts"

export const eventfold = Command.make("eventfold").pipe(
  Command.withDescription("Looks into logs of events, and after what is made of them"),
  Command.withSubcommands([
    init,
    stats,
    stream,
    event,
    search,
    tail,
    trace,
    exportCommand,
    importCommand,
    replay,
    projections,
    processes,
    validate,
    doctor,
    migrate,
    bench
  ]),
  Command.withGlobalFlags(globalFlags)
)
