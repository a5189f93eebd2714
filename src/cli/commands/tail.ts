/**
 * `eventfold tail`: the last events, and those that come.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { EventStore, type StoreError } from "../../EventStore.ts"
import { Inspection } from "../../Inspection.ts"
import type { RecordedEvent } from "../../RecordedEvent.ts"
import { CliFailure } from "../failure.ts"
import { lineOf } from "../file/line.ts"
import { filterFlags, searchOf } from "../filters.ts"
import { countFlag } from "../flags.ts"
import { columnsOf, eventLine, fullFlag } from "../output/eventLine.ts"
import * as Output from "../output/Output.ts"
import { printable } from "../output/table.ts"
import { hasMetadata, metadataFlag } from "../search/metadata.ts"
import { layerEvents, source } from "../Source.ts"

const none = Option.none()

export const tail = Command.make(
  "tail",
  {
    lines: countFlag("lines", "How many of the last events to show").pipe(Flag.withAlias("n"), Flag.withDefault(20)),
    follow: Flag.Boolean("follow").pipe(
      Flag.withAlias("f"),
      Flag.withDescription("Go on with the events that come to a server, until it is interrupted"),
      Flag.withDefault(false)
    ),
    types: filterFlags.types,
    categories: filterFlags.categories,
    tags: filterFlags.tags,
    metadata: metadataFlag,
    full: fullFlag
  },
  Effect.fn(function* ({ categories, follow, full, lines, metadata, tags, types }) {
    const where = follow ? yield* source : undefined
    if (where !== undefined && where._tag !== "Server") {
      return yield* new CliFailure({
        kind: "usage",
        problem:
          where._tag === "File"
            ? `${printable(where.path)} is a file of events, and it is read once: nothing comes to it`
            : "nothing comes here while it is looked into: a folder is opened by one process at a time",
        advice: "Follow the log of a server, or leave out --follow"
      })
    }
    const inspection = yield* Inspection
    const store = yield* EventStore
    const columns = yield* columnsOf(full)
    const { query } = yield* searchOf({ types, categories, tags, since: none, until: none, from: none, to: none })
    const head = yield* store.head
    const last = inspection.search({
      query,
      metadata: Object.fromEntries(metadata),
      to: head,
      limit: lines,
      direction: "backward"
    })
    const found = Stream.unwrap(Effect.map(Stream.runCollect(last), (all) => Stream.fromIterable(all.toReversed())))
    const coming: Stream.Stream<RecordedEvent, StoreError> = follow
      ? Stream.filter(store.subscribe({ after: head, ...(query && { query }) }), hasMetadata(metadata))
      : Stream.empty
    yield* Output.items(Stream.concat(found, coming), lineOf, (event) => eventLine(event, columns))
  })
).pipe(
  Command.provide(layerEvents),
  Command.withDescription(
    "Show the last events, and with --follow those that come, through lost connections as well. Interrupted, it exits 130"
  ),
  Command.withShortDescription("Show the last events, and those that come"),
  Command.withExamples([
    { command: "eventfold tail --store postgres://localhost/orders --follow", description: "What happens now" },
    {
      command: "eventfold tail --store events.jsonl -n 5 --category account --json",
      description: "The last five events of a category, as JSON"
    }
  ])
)
