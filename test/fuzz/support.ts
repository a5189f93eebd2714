/**
 * Seeds, cases, and what every case is asked: whatever becomes of a row, the answer is the oracle's.
 */
import { assert } from "@effect/vitest"
import { Cause, Effect, Exit, Result } from "effect"
import { Event, EventStore, type RecordedEvent } from "eventfold"
import { OrderEvent, samples } from "./domain.ts"
import { isPlausible, judge, type Row } from "./oracle.ts"
import { Random, short } from "./mutations.ts"

/** Another one with each run, unless `FUZZ_SEED` says which. */
export const seed = Number(process.env["FUZZ_SEED"] ?? Math.floor(Math.random() * 2 ** 31))
const onlyCase = process.env["FUZZ_CASE"]

/** What one case is about, so that a failure can tell: set as soon as it is known. */
export interface Case {
  readonly random: Random
  readonly index: number
  did: string
}

/**
 * Runs a case from a seed of its own. Its failure says how to run it again, by itself, and what was done to the data.
 */
export const inCase = <E, R>(
  index: number,
  run: (one: Case) => Effect.Effect<void, E, R>
): Effect.Effect<void, never, R> => {
  const one: Case = { random: new Random(seed * 31 + index * 7919), index, did: "nothing" }
  return Effect.catchCause(
    Effect.suspend(() => run(one)),
    (cause) =>
      Effect.die(new Error(`FUZZ_SEED=${seed} FUZZ_CASE=${index}, ${JSON.stringify(one.did)}: ${Cause.pretty(cause)}`))
  )
}

/** Runs so many cases, one after the other; `FUZZ_CASE` alone, if it is given. */
export const cases = <E, R>(
  count: number,
  run: (one: Case) => Effect.Effect<void, E, R>
): Effect.Effect<void, never, R> => {
  const all = onlyCase === undefined ? Array.from({ length: count }, (_, index) => index) : [Number(onlyCase)]
  return Effect.forEach(all, (index) => inCase(index, run), { discard: true })
}

/** What a failure says of itself, if it is one and no defect. */
export const failureOf = (exit: Exit.Exit<unknown, unknown>): unknown => {
  if (Exit.isSuccess(exit)) return undefined
  const fail = exit.cause.reasons.find(Cause.isFailReason)
  if (fail === undefined) throw new Error(`a defect: ${Cause.pretty(exit.cause)}`)
  return fail.error
}

/** Holds a decoding against the oracle. */
export const checkDecode = (recorded: RecordedEvent.RecordedEvent): void => {
  const verdict = judge(recorded)
  const decoded = Event.decode(OrderEvent, recorded)
  if (Result.isFailure(decoded)) checkError(decoded.failure, recorded)
  else if (!verdict.isValid) throw new Error(`it is read as ${short(decoded.success)}, and ${verdict.reason}`)
}

/** Holds an error against the row that it is to be about. */
export const checkError = (error: unknown, recorded: RecordedEvent.RecordedEvent): void => {
  const verdict = judge(recorded)
  assert.instanceOf(error, Event.DecodeError)
  const { eventId, path, position, problem, reason, schemaVersion, stream, type, version } = error as Event.DecodeError
  assert.deepStrictEqual(
    { eventId, position, reason, schemaVersion, stream, type, version },
    {
      eventId: recorded.id,
      position: recorded.position,
      // Of a valid row there is to be no error.
      reason: verdict.isValid ? (undefined as never) : verdict.reason,
      schemaVersion: recorded.schemaVersion,
      stream: recorded.stream,
      type: recorded.type,
      version: recorded.version
    }
  )
  const paths = verdict.isValid ? [] : verdict.paths
  assert.isTrue(isPlausible(path, paths), `it is at "${path}", and wrong is ${JSON.stringify(paths).slice(0, 300)}`)
  assert.notStrictEqual(problem, "")
  // It says all that in words as well.
  for (const part of [stream, String(version), String(position), String(schemaVersion), path, reason]) {
    assert.include(String((error as Event.DecodeError).message), part)
  }
}

/** Says of a store's error that it tells what is missing where. */
export const checkDamage = (error: unknown, stream: string, after: number): void => {
  assert.instanceOf(error, EventStore.StoreError)
  const { problem, reason } = error as EventStore.StoreError
  assert.strictEqual(reason, "Unexpected")
  assert.include(problem, `after version ${after} of stream ${stream} comes version`)
}

/** Events as other code would have stored them. */
export const toAppend = ({ data, schemaVersion, type }: Row, id: string = crypto.randomUUID()) => ({
  id,
  type,
  schemaVersion,
  data: data as EventStore.EventToAppend["data"],
  tags: [],
  metadata: {}
})

export const someRows = (random: Random, least: number, most: number): ReadonlyArray<Row> =>
  Array.from({ length: least + random.int(most - least + 1) }, () => random.pick(samples))
