/**
 * Stepping through a stream on a terminal.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import * as Terminal from "effect/Terminal"
import type { EventStore } from "../../EventStore.ts"
import type { StreamName } from "../../StreamName.ts"
import type { Folding } from "./folding.ts"
import { help, press, type Stepper } from "./stepper.ts"
import * as text from "./text.ts"
import { type Reached, reach, start, stepOf } from "./trail.ts"

/** So many versions apart states are kept, to get back to what is before without folding all again. */
const every = 200

/** What there is to see of a stream at any version. */
const makeLook = (store: EventStore["Service"], folding: Folding, stream: StreamName) => {
  const kept = new Map<number, Reached>([[0, start(folding)]])

  const before = Effect.fnUntraced(function* (version: number) {
    let nearest = Math.floor(version / every) * every
    while (!kept.has(nearest)) nearest -= every
    let reached = kept.get(nearest)!
    while (reached.version < version) {
      const to = Math.min(version, (Math.floor(reached.version / every) + 1) * every)
      const next = yield* reach(folding, reached, store.readStream(stream, { from: reached.version + 1, to }))
      if (next.version < to) return next
      if (to % every === 0) kept.set(to, next)
      reached = next
    }
    return reached
  })

  return Effect.fnUntraced(function* (version: number) {
    if (version === 0) {
      const state = yield* Effect.fromResult(folding.json(folding.initial))
      return `before the first event\n\n${text.full(state)}`
    }
    const [recorded] = yield* Stream.runCollect(store.readStream(stream, { from: version, to: version }))
    if (recorded === undefined) return "there is no event"
    const [, step] = yield* Effect.fromResult(stepOf(folding, yield* before(version - 1), recorded))
    return `${text.event(step)}\n\n${text.full(step.state)}`
  })
}

const clear = "\u001B[2J\u001B[H"
const [enter, leave] = ["\u001B[?1049h", "\u001B[?1049l"]

/** As many lines as there is room for. */
const fitted = (lines: ReadonlyArray<string>, rows: number): ReadonlyArray<string> =>
  lines.length <= rows ? lines : [...lines.slice(0, rows - 1), `… ${lines.length - rows + 1} lines more`]

/** Shows a stream at one version after the other, as keys say. Ends where they do, and at `q`. */
export const stepThrough = Effect.fnUntraced(function* (
  store: EventStore["Service"],
  folding: Folding,
  stream: StreamName,
  range: { readonly from: number; readonly last: number }
) {
  const terminal = yield* Terminal.Terminal
  const look = makeLook(store, folding, stream)
  const show = Effect.fnUntraced(function* (stepper: Stepper) {
    const head = text.line(`${stream}  version ${stepper.version} of ${stepper.last}  (${folding.name})`)
    const seen = (yield* look(stepper.version)).split("\n")
    // A terminal that does not know how large it is has no rows.
    const rows = (yield* terminal.rows) || 24
    const lines = fitted(seen, Math.max(4, rows - 4))
    yield* terminal.display(`${clear}${[head, "", ...lines, "", help(stepper)].join("\n")}`)
  })
  const keys = yield* terminal.readInput
  yield* Effect.acquireRelease(terminal.display(enter), () => Effect.ignore(terminal.display(leave)))
  let stepper: Stepper | undefined = { version: range.from, last: range.last, typed: "" }
  while (stepper !== undefined) {
    yield* show(stepper)
    const pressed = yield* Effect.option(Queue.take(keys))
    if (Option.isNone(pressed)) return
    const { input, key } = pressed.value
    stepper = press(stepper, { name: key.name, ctrl: key.ctrl, input: Option.getOrElse(input, () => "") })
  }
}, Effect.scoped)
