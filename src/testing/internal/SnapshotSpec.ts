/**
 * That a state can be put aside anywhere in a history and be taken up again: what follows then leads where it leads without.
 */
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Decider from "../../Decider.ts"
import { encode, type Tagged } from "../../Event.ts"
import { compare, SpecFailure } from "../SpecFailure.ts"
import { encodeEvent, encodeValue, readBack, specTime } from "./stored.ts"
import { RunnableSpec } from "./RunnableSpec.ts"

/**
 * Which histories are tried.
 */
export interface SnapshotOptions<E> {
  /** Histories that are to be among them: those that commands at random do not come to. */
  readonly histories?: ReadonlyArray<ReadonlyArray<E>>
  /** How many histories are made of commands at random. 100 by default. */
  readonly runs?: number
  /** How many commands each of them has. 20 by default. */
  readonly length?: number
  /** Where the commands come from: another one each time by default, which a failure says. */
  readonly seed?: string
}

/** A history as it is read. */
type History = ReadonlyArray<Tagged>

const read = (decider: Decider.Any, event: Tagged, where: string): Effect.Effect<History, SpecFailure> =>
  Effect.flatMap(
    encodeEvent<Tagged>((one) => encode(decider.reads, one), where, event),
    (encoded) => readBack<Tagged>(decider.reads, where, encoded, true)
  )

/**
 * What becomes of commands, one after the other: the events of those that are not rejected. Of commands at random some are of text that no
 * store takes: these are passed over as well, and the first such problem is given.
 */
const decided = Effect.fnUntraced(function* (decider: Decider.Any, commands: ReadonlyArray<Tagged>, seed: string) {
  const events: Array<Tagged> = []
  let refused: string | undefined
  let state: unknown = decider.initial
  for (const [index, command] of commands.entries()) {
    const context = Decider.context({ now: specTime, commandId: `${seed} ${index}` })
    const decision: Result.Result<History, unknown> = decider.decide(command, state, context)
    if (Result.isFailure(decision)) continue
    const where = `an event of command ${index} (${command._tag}) of ${seed}`
    const stored = yield* Effect.result(Effect.forEach(decision.success, (event) => read(decider, event, where)))
    if (Result.isFailure(stored)) {
      refused ??= stored.failure.problem
      continue
    }
    for (const event of stored.success.flat()) {
      events.push(event)
      state = decider.evolve(state, event)
    }
  }
  return { events, refused }
})

const fold = (decider: Decider.Any, events: History, from: unknown): unknown =>
  events.reduce((state: unknown, event) => decider.evolve(state, event), from)

/** Puts the state aside before each event of a history. */
const check = Effect.fnUntraced(function* (decider: Decider.Any, history: History, which: string) {
  const codec = Schema.toCodecJson(decider.state)
  const whole = yield* encodeValue(decider.state, "the state", fold(decider, history, decider.initial))
  let state: unknown = decider.initial
  for (let at = 0; at <= history.length; at++) {
    if (at > 0) state = decider.evolve(state, history[at - 1]!)
    const json = yield* encodeValue(decider.state, `the state after ${at} events of ${which}`, state)
    const taken = yield* Schema.decodeUnknownEffect(codec)(JSON.parse(JSON.stringify(json))).pipe(
      Effect.mapError(
        ({ message }) =>
          new SpecFailure({
            problem: `the state after ${at} events of ${which} does not decode as it was encoded: ${message}`
          })
      )
    )
    const end = fold(decider, history.slice(at), taken)
    const difference = compare(
      `a snapshot after ${at} of ${history.length} events of ${which} leads to another state`,
      "state",
      whole,
      yield* encodeValue(decider.state, "the state from a snapshot", end)
    )
    if (difference !== undefined) return yield* difference
  }
})

/** The histories that are given, and those that commands at random come to, as they are read; each with what it is called. */
export const historiesOf = Effect.fnUntraced(function* (
  decider: Decider.Any,
  { histories = [], length = 20, runs = 100, seed: given }: SnapshotOptions<Tagged>
) {
  const all: Array<{ readonly events: History; readonly which: string }> = []
  for (const [index, history] of histories.entries()) {
    const events = yield* Effect.forEach(history, (event, n) => read(decider, event, `event ${n} of history ${index}`))
    all.push({ events: events.flat(), which: `history ${index}` })
  }
  let problem: string | undefined
  const seed = given ?? String(yield* Random.nextIntBetween(0, 2 ** 31))
  for (let run = 0; run < runs; run++) {
    const which = `seed "${seed}", history ${run}`
    const commands = yield* Arbitrary.sampleEffect(Arbitrary.schema(decider.commands), {
      count: length,
      seed: `${seed} ${run}`
    }).pipe(Effect.mapError((error) => new SpecFailure({ problem: `no commands at random: ${String(error)}` })))
    const { events, refused } = yield* decided(decider, commands, which)
    all.push({ events, which })
    problem ??= refused
  }
  if (all.every(({ events }) => events.length === 0)) {
    const none = "no command at random came to an event, so nothing was tried: give histories"
    return yield* new SpecFailure({ problem: problem === undefined ? none : `${none} (${problem})` })
  }
  return all
})

/** The spec of a decider's snapshots. It needs no store, and is the same over any. */
export class SnapshotSpec extends RunnableSpec {
  constructor(decider: Decider.Any, options: SnapshotOptions<Tagged>) {
    const checked = Effect.flatMap(
      Effect.suspend(() => historiesOf(decider, options)),
      Effect.forEach(({ events, which }) => check(decider, events, which), { discard: true })
    )
    super(checked, checked)
  }
}
