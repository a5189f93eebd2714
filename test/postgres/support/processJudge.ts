/**
 * What must hold of the shop at the end, whatever its processes went through.
 */
import { assert } from "@effect/vitest"
import { Context, DateTime, Effect, Layer, Stream } from "effect"
import { Event, EventStore, type RecordedEvent, StreamName } from "eventfold"
import { audit, type Fact } from "../../../examples/shop/audit.ts"
import { ShopEvent } from "../../../examples/shop/events.ts"
import { deadline, Fulfilments } from "./processDomain.ts"
import { fateOf, fates } from "./processOutside.ts"

/** Looks after the process, and does not run it. */
export const readerOf = (stores: Context.Context<Layer.Services<typeof Fulfilments.layerReader>>) =>
  Effect.map(Layer.build(Fulfilments.layerReader).pipe(Effect.provide(stores)), Context.get(Fulfilments))

export type Reader = Effect.Success<ReturnType<typeof readerOf>>

const endOf = ({ data, type }: RecordedEvent.RecordedEvent): string =>
  [type, ...Object.values(typeof data === "object" && data !== null ? data : {})].join(" ")

const answers = new Set(["PaymentCaptured", "PaymentDeclined", "CancellationRequested"])

/** The orders that nobody has said anything about before it was too late. */
const lateOnes = (log: ReadonlyArray<RecordedEvent.RecordedEvent>): ReadonlySet<string> => {
  const dues = new Map<string, DateTime.Utc>()
  const answered = new Map<string, DateTime.Utc>()
  for (const { data, recordedAt, stream, type } of log) {
    const id = StreamName.id(stream)
    if (type === "StockReserved" && typeof data === "object" && data !== null) {
      dues.set(String(Reflect.get(data, "orderId")), DateTime.addDuration(recordedAt, deadline))
    }
    if (answers.has(type) && !answered.has(id)) answered.set(id, recordedAt)
  }
  const isLate = ([id, due]: readonly [string, DateTime.Utc]): boolean => {
    const at = answered.get(id)
    return at === undefined || DateTime.isGreaterThan(at, due)
  }
  return new Set(Array.from(dues).flatMap((one) => (isLate(one) ? [one[0]] : [])))
}

/** What the log says. Gives it. */
export const judgeLog = Effect.fnUntraced(function* (store: EventStore.EventStore["Service"]) {
  const log = yield* Stream.runCollect(store.readLog())
  const facts: Array<Fact> = []
  const ends = new Map<string, string>()
  /** Where the events of a command are. */
  const commands = new Map<string, Array<RecordedEvent.RecordedEvent>>()
  for (const recorded of log) {
    const { metadata, position, recordedAt, stream, type } = recorded
    const id = StreamName.id(stream)
    for (const { event } of yield* Effect.fromResult(Event.decodeRecorded(ShopEvent, recorded))) {
      facts.push({ event, id, position, at: recordedAt })
    }
    if (type === "OrderCancelled" || type === "OrderFulfilled") ends.set(id, endOf(recorded))
    if (metadata.commandId === undefined) continue
    const its = commands.get(metadata.commandId)
    if (its === undefined) commands.set(metadata.commandId, [recorded])
    else its.push(recorded)
  }
  const { pending, problems } = audit(facts, { until: log.at(-1)!.recordedAt, paymentDeadline: deadline })
  assert.deepStrictEqual(problems, [])
  assert.deepStrictEqual(pending, [])
  const orders = log.filter(({ type }) => type === "OrderPlaced").map(({ stream }) => StreamName.id(stream))
  const late = lateOnes(log)
  for (const id of orders) {
    const fate = fateOf(id)
    const end = ends.get(id)
    // Where nobody was at work for so long that it was too late, it was too late.
    if (late.has(id) && end === fates.overdue) continue
    assert.strictEqual(end, fate === undefined ? undefined : fates[fate], id)
  }
  // What a command comes to is stored at once.
  for (const [id, its] of commands) {
    const [first] = its
    for (const [index, { position }] of its.entries()) assert.strictEqual(position, first!.position + index, id)
  }
  return { log, orders, commands, ends, late }
})

/** What the stories of some orders say, beside the log. */
export const judgeStories = Effect.fnUntraced(function* (
  reader: Reader,
  { commands, ends, late, log, orders }: Effect.Success<ReturnType<typeof judgeLog>>
) {
  const types = new Map(log.map(({ position, type }) => [position, type]))
  const told = new Set<string>()
  let elapsed = 0
  for (const id of orders) {
    const story = yield* Stream.runCollect(reader.story(id))
    const sent = story.flatMap((step) => step.commands.map((command) => command.id))
    const answered: Array<string> = []
    const positions: Array<number> = []
    const timers: Array<string> = []
    for (const { at, input } of story) {
      if (input._tag === "Event") positions.push(input.position)
      if (input._tag === "Elapsed") {
        timers.push(input.timer)
        assert.isTrue(DateTime.isLessThanOrEqualTo(input.at, at), `${id}: ${input.timer} elapsed before it was due`)
      }
      if (input._tag === "Executed" || input._tag === "Rejected") answered.push(input.id)
      // It came to what is recorded of it, once.
      const events = input._tag === "Executed" ? input.events : 0
      if (events > 0) assert.lengthOf(commands.get(input._tag === "Executed" ? input.id : "") ?? [], events, id)
      if (input._tag === "Rejected") assert.isFalse(commands.has(input.id), `${id}: ${input.id} was rejected`)
      if (input._tag === "Event") assert.strictEqual(input.type, types.get(input.position), id)
      if (input._tag === "Failed" || input._tag === "Resumed") assert.fail(`${id}: ${JSON.stringify(input)}`)
    }
    assert.deepStrictEqual(answered, sent, `${id}: each command is answered once, in order`)
    const ascending = Array.from(new Set(positions)).toSorted((a, b) => a - b)
    assert.deepStrictEqual(positions, ascending, `${id}: in the order of the log`)
    if (ends.get(id) === fates.overdue) assert.deepStrictEqual(timers, ["payment"], id)
    else if (late.has(id)) assert.isAtMost(timers.length, 1, id)
    else assert.deepStrictEqual(timers, [], id)
    elapsed += timers.length
    assert.deepStrictEqual(
      story.map(({ number }) => number),
      story.map((_, index) => index + 1),
      id
    )
    for (const one of sent) {
      assert.isFalse(told.has(one), `${id}: ${one} is the id of two commands`)
      told.add(one)
    }
  }
  return { commands: told.size, elapsed }
})
