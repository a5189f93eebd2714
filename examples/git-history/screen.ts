/**
 * 10. What a person sees while it works, on standard error: one line that is written over where there is a terminal, now and
 * then a line where there is none. The answers go to standard output and are printed by `main.ts`.
 */
import { Clock, Effect, Stdio, Stream } from "effect"

/** The most that the heap was seen to hold, garbage included, in bytes. */
let peak = 0

/** Looks at the heap, and gives the peak so far. */
export const peakHeap = Effect.sync(() => {
  peak = Math.max(peak, process.memoryUsage().heapUsed)
  return peak
})

const everyMillis = { terminal: 100, plain: 5_000 }

/** Shows how far something has come. `show` may be called as often as one likes. */
export const progress = Effect.gen(function* () {
  const stdio = yield* Stdio.Stdio
  const isTerminal = yield* stdio.stderrIsTerminal
  const write = (text: string) => Stream.run(Stream.make(text), stdio.stderr({ endOnDone: false }))
  let shown = yield* Clock.currentTimeMillis
  let width = 0

  const show = (line: string) =>
    Effect.gen(function* () {
      yield* peakHeap
      const now = yield* Clock.currentTimeMillis
      if (now - shown < (isTerminal ? everyMillis.terminal : everyMillis.plain)) return
      shown = now
      yield* write(isTerminal ? `\r${line.padEnd(width)}` : `${line}\n`)
      width = line.length
    })

  const clear = Effect.suspend(() => {
    if (!isTerminal || width === 0) return Effect.void
    const blank = `\r${" ".repeat(width)}\r`
    width = 0
    return write(blank)
  })
  return { show, clear }
})
