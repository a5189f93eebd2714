/**
 * Plays four releases on one store: `npm run example:evolution -- --memory`. Where the events are kept, `../store.ts` says.
 */
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Console, Effect, Exit, Layer, Option, Stream } from "effect"
import { Command } from "effect/cli"
import { Copy, EventStore, type RecordedEvent, StreamName, Subscription } from "eventfold"
import { MemoryEventStore } from "eventfold/memory"
import * as Store from "../store.ts"
import { freshStart } from "./fresh.ts"
import { deployments, type Ids, idsOf, releases } from "./releases.ts"
import { Accounts, CustomerEvent } from "./v4.ts"

const nameOf = (ids: Ids, stream: StreamName.StreamName) =>
  Object.entries(ids).find(([, id]) => id === StreamName.id(stream))?.[0]

/** What was recorded after a position, of the customers that are told of. */
const recordedAfter = Effect.fnUntraced(function* (ids: Ids, position: number) {
  const store = yield* EventStore.EventStore
  const all = yield* Stream.runCollect(store.readLog({ from: position + 1 }))
  return all.filter(({ stream }) => nameOf(ids, stream) !== undefined)
})

const say = (...lines: ReadonlyArray<string>) => Console.log(lines.join("\n"))

/** By name, as a store keeps the fields of JSON in an order of its own. */
const show = (fields: unknown) =>
  Object.entries(fields ?? {})
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([field, value]) => `${field} ${JSON.stringify(value)}`)
    .join(", ")

const line = (who: string | undefined, what: string, fields: unknown) =>
  `    ${(who ?? "").padEnd(5)} ${what.padEnd(24)} ${show(fields)}`

const storedLine = (ids: Ids, { data, schemaVersion, stream, type }: RecordedEvent.RecordedEvent) =>
  line(nameOf(ids, stream), `${type}, version ${schemaVersion}`, data)

/** The releases one after the other, each with what is still running of the one before. */
const play = Effect.fnUntraced(function* (ids: Ids) {
  const store = yield* EventStore.EventStore
  for (const [index, { before, days, state, title }] of releases.entries()) {
    const position = yield* store.head
    yield* days(ids)
    const recorded = yield* recordedAfter(ids, position)
    const ada = yield* state(ids.ada)
    yield* say(
      `Release ${index + 1}: ${title}`,
      "  It stores",
      ...recorded.map((one) => storedLine(ids, one)),
      "  It reads all there is of Ada as",
      `    ${show(ada.state)}`
    )
    if (before !== undefined) {
      const answer = yield* before.sell(ids[before.to]).pipe(
        Effect.as("sold, over a history that it cannot read"),
        Effect.catchTag("DecodeError", ({ message }) => Effect.succeed(`DecodeError: ${message}`))
      )
      yield* say(
        `  Release ${index} is still running, and is to sell a box to ${before.to}. It does not:`,
        `    ${answer}`
      )
    }
    yield* say("")
  }
})

/** What the other readers of release 4 are given: events of today, whenever they were written. */
const readWithTheOthers = Effect.fnUntraced(function* (ids: Ids, before: number, last: number) {
  const events = yield* Subscription.stream({ events: CustomerEvent, categories: ["customer"], after: before }).pipe(
    Stream.takeUntil(({ recorded }) => recorded.position >= last),
    Stream.filter(({ recorded }) => nameOf(ids, recorded.stream) !== undefined),
    Stream.runCollect
  )
  yield* say(
    "A subscription of release 4 is given",
    ...events.map(({ event: { _tag, ...fields }, recorded }) => line(nameOf(ids, recorded.stream), _tag, fields)),
    ""
  )
  const accounts = yield* Accounts
  yield* accounts.awaitPosition(last, "1 minute")
  yield* say("A projection of release 4 keeps")
  for (const [name, id] of Object.entries(ids)) {
    yield* say(line(name, "account", Option.getOrNull(yield* accounts.get(id))))
  }
  yield* say("")
})

/** The last resort: the same history in another store, as if release 4 had been the first. */
const copy = Effect.fnUntraced(function* (ids: Ids) {
  const from = yield* Effect.context<EventStore.EventStore>()
  const to = yield* Layer.build(Layer.fresh(MemoryEventStore.layer))
  const streams = Object.values(ids).map((id) => StreamName.make("customer", id))
  const { dropped, read, written } = yield* Copy.run(freshStart(streams), { from, to })
  const copied = yield* Effect.provide(recordedAfter(ids, 0), to)
  yield* say(
    `A copy, in a store of its own: ${read} events read, ${written} written, ${dropped} left out`,
    ...copied.map((one) => storedLine(ids, one)),
    ""
  )
}, Effect.scoped)

const tell = Effect.gen(function* () {
  const store = yield* EventStore.EventStore
  const before = yield* store.head
  const ids = idsOf(String(before))
  yield* play(ids)
  const recorded = yield* recordedAfter(ids, before)
  const last = Math.max(...recorded.map(({ position }) => position))
  yield* readWithTheOthers(ids, before, last)
  yield* copy(ids)
  const [first] = recorded.map((one) => storedLine(ids, one))
  yield* say("And what was stored is what it was:", ...(first === undefined ? [] : [first]))
})

const evolution = Command.make("schema-evolution", { memory: Store.memory }, ({ memory }) =>
  tell.pipe(
    Effect.provide(
      Layer.mergeAll(deployments, Accounts.layer).pipe(Layer.provideMerge(Store.layer("schema-evolution", memory)))
    )
  )
).pipe(Command.withDescription("Plays four releases of one program on one store, each with other events"))

evolution.pipe(
  Command.run({ version: "1.0.0" }),
  Effect.tapError((error) => (error._tag === "ShowHelp" ? Effect.void : Console.error(error.message))),
  Effect.tapDefect(Console.error),
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain({
    disableErrorReporting: true,
    // To be told to stop is no failure.
    teardown: (exit, onExit) => onExit(Exit.isSuccess(exit) || Exit.hasInterrupts(exit) ? 0 : 1)
  })
)
