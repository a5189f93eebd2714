/**
 * The changes to a projection: each looks at it first, and says what came of it.
 */
import * as Effect from "effect/Effect"
import { ProjectionStore, type Status } from "../../ProjectionStore.ts"
import { confirm } from "../output/confirm.ts"
import { count, counted } from "../output/format.ts"
import * as Output from "../output/Output.ts"
import { printable } from "../output/table.ts"
import { changeable, failuresOf, refused, refusing, runnable, waitsText } from "./changing.ts"
import { overviewJson, overviewsOf } from "./overview.ts"

/** Says what was done, and how the projection is doing now. Nothing was changed where it was as it was asked to be. */
const done = Effect.fn(function* (name: string, change: string, said: string, hasChanged = true) {
  const store = yield* ProjectionStore
  const generations = overviewsOf(yield* store.status(name))
  yield* Output.answer({ name, change, changed: hasChanged, generations: generations.map(overviewJson) }, () =>
    printable(said)
  )
})

export const pause = Effect.fn(function* (name: string) {
  const statuses = yield* changeable(name, "pause")
  const store = yield* ProjectionStore
  const its = runnable(statuses)
  if (its.length === 0) return yield* refused(`${name} is kept by the appends themselves, and cannot be paused`)
  if (its.some(({ state }) => state === "running")) {
    yield* refusing(store.pause(name))
    return yield* done(name, "pause", `${name} is paused, until it is resumed`)
  }
  if (its.every(({ state }) => state === "failed")) {
    return yield* refused(
      `${name} has failed: it does not run`,
      `To let it go on: eventfold projections resume ${name}`
    )
  }
  yield* done(name, "pause", `${name} was paused already`, false)
})

export const resume = Effect.fn(function* (name: string) {
  const statuses = yield* changeable(name, "resume")
  const store = yield* ProjectionStore
  if (runnable(statuses).every(({ state }) => state === "running")) {
    return yield* done(name, "resume", `${name} was running already`, false)
  }
  yield* refusing(store.resume(name))
  yield* done(name, "resume", `${name} goes on${waitsText(statuses)}`)
})

const inRole = (statuses: ReadonlyArray<Status>, role: Status["role"]): ReadonlyArray<Status> =>
  statuses.filter((status) => status.role === role)

export const reset = Effect.fn(function* (name: string, options: { readonly yes: boolean }) {
  const statuses = yield* changeable(name, "reset")
  const store = yield* ProjectionStore
  const [live] = inRole(statuses, "live")
  if (live === undefined) return yield* refused(`${name} is not live yet: what fills has no readers`)
  const what = printable(`empty the projection ${name} and fill it anew: readers see it empty until then`)
  yield* confirm(what, options)
  yield* refusing(store.reset(name))
  yield* done(name, "reset", `${name} was emptied, and fills anew${waitsText(statuses)}`)
})

export const rebuild = Effect.fn(function* (name: string, options: { readonly yes: boolean }) {
  const statuses = yield* changeable(name, "rebuild")
  const store = yield* ProjectionStore
  const filling = inRole(statuses, "filling")
  if (filling.length > 0) {
    const position = count(Math.min(...filling.map((one) => one.position)))
    yield* confirm(`begin anew what fills already, and has come to position ${position}`, options)
  }
  yield* refusing(store.rebuild(name))
  const said = `${name} fills anew beside what is read, and takes over when it has come as far`
  yield* done(name, "rebuild", `${said}${waitsText(statuses)}`)
})

export const removeRetired = Effect.fn(function* (name: string, options: { readonly yes: boolean }) {
  const statuses = yield* changeable(name, "removeRetired")
  const store = yield* ProjectionStore
  const retired = overviewsOf(inRole(statuses, "retired"))
  if (retired.length === 0) return yield* done(name, "remove-retired", `${name} has no retired generation`, false)
  const what = counted(retired.length, "retired generation")
  yield* confirm(printable(`delete ${what} of ${name}, with documents and tables`), options)
  yield* refusing(store.removeRetired(name))
  yield* done(name, "remove-retired", `${what} of ${name} was deleted`)
})

export interface Given {
  readonly name: string
  readonly position: number
  readonly reason: string
  readonly yes: boolean
}

export const skip = Effect.fn(function* ({ name, position, reason, yes }: Given) {
  const statuses = yield* changeable(name, "skip")
  const store = yield* ProjectionStore
  const failures = failuresOf(statuses)
  if (!failures.some((failure) => failure.position === position)) {
    const places = Array.from(new Set(failures.map((failure) => failure.position))).join(", ")
    return yield* refused(
      `${name} has not failed at position ${position}`,
      places === "" ? "It has not failed at all" : `It has failed at ${places}`
    )
  }
  yield* confirm(printable(`have ${name} pass over the event at position ${position} for good`), { yes })
  yield* refusing(store.skip(name, { position, reason }))
  yield* done(name, "skip", `${name} passes over position ${position} and goes on${waitsText(statuses)}`)
})
