/**
 * Doing things and taking the time, for contenders that speak in promises.
 */
import type { Sample } from "./contract.ts"

const quantile = (sorted: Float64Array, share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN

/** The sample of times, in milliseconds. */
export const sampleOf = (events: number, millis: number, latencies: ReadonlyArray<number>): Sample => {
  const sorted = Float64Array.from(latencies).sort()
  return { events, millis, p50: quantile(sorted, 0.5), p99: quantile(sorted, 0.99) }
}

/** Runs so many fibers at once, each of which does so many steps one after the other; a step stands for so many events. */
export const timed = async (
  fibers: number,
  each: number,
  step: (fiber: number, place: number) => Promise<unknown>,
  eventsOfStep = 1
): Promise<Sample> => {
  const latencies: Array<number> = []
  const fiber = async (number: number): Promise<void> => {
    for (let place = 0; place < each; place++) {
      const since = performance.now()
      await step(number, place)
      latencies.push(performance.now() - since)
    }
  }
  const began = performance.now()
  await Promise.all(Array.from({ length: fibers }, (_, number) => fiber(number)))
  return sampleOf(fibers * each * eventsOfStep, performance.now() - began, latencies)
}
