/**
 * What a piece of work keeps in memory, garbage aside.
 */
import { Effect, Schedule } from "effect"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { summary } from "./measure.ts"
import type { Finding } from "./report.ts"

setFlagsFromString("--expose-gc")
const collect: () => void = runInNewContext("gc")

const used = (): number => {
  collect()
  const { arrayBuffers, heapUsed } = process.memoryUsage()
  return (heapUsed + arrayBuffers) / 1024 / 1024
}

/** The most that is in use during some work, above what was in use before it: in MB, looked at four times a second. */
export const heapOver = <E, R>(name: string, work: Effect.Effect<void, E, R>): Effect.Effect<Finding, E, R> =>
  Effect.gen(function* () {
    const before = used()
    const during: Array<number> = []
    const look = Effect.sync(() => during.push(used() - before))
    yield* Effect.raceFirst(work, Effect.andThen(Effect.repeat(look, Schedule.spaced("250 millis")), Effect.never))
    yield* look
    return { name: `heap while catching up, ${name}, at most`, value: summary([Math.max(...during)]), unit: "MB" }
  })
