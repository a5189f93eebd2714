/**
 * What may be done to a projection: what is not there is not found, and what does not apply is refused before anything is changed.
 */
import * as Effect from "effect/Effect"
import type { StoreError } from "../../EventStore.ts"
import { ProjectionStore, type Status } from "../../ProjectionStore.ts"
import { CliFailure, notFound } from "../failure.ts"
import { printable } from "../output/table.ts"
import { isKeptByAppends, type Kind, kindOf } from "./overview.ts"

/** The names in a sentence. */
const listed = (names: ReadonlyArray<string>): string =>
  names.length > 10 ? `${names.slice(0, 10).join(", ")} and ${names.length - 10} others` : names.join(", ")

/** How a projection that has to be there is doing. */
export const known = (name: string): Effect.Effect<ReadonlyArray<Status>, StoreError | CliFailure, ProjectionStore> =>
  Effect.gen(function* () {
    const store = yield* ProjectionStore
    const statuses = yield* store.status(name)
    if (statuses.length > 0) return statuses
    const names = Array.from(new Set((yield* store.status()).map((one) => one.name)))
    return yield* notFound(
      printable(`there is no projection ${name}`),
      names.length === 0
        ? "There are none: an application registers them when it runs"
        : printable(`There ${names.length === 1 ? "is" : "are"} ${listed(names)}`)
    )
  })

export const refused = (problem: string, advice?: string): CliFailure =>
  new CliFailure({ kind: "refused", problem: printable(problem), advice })

/** What can be done to a projection. */
export type Action = "pause" | "resume" | "reset" | "rebuild" | "skip" | "removeRetired" | "retry" | "discard"

const allowed: { readonly [K in Kind]: ReadonlySet<Action> } = {
  projection: new Set(["pause", "resume", "reset", "rebuild", "skip", "removeRetired", "retry", "discard"]),
  process: new Set(["pause", "resume", "skip"]),
  // To begin anew would be to do again what was done outside.
  reaction: new Set(["pause", "resume", "skip", "removeRetired", "retry", "discard"]),
  publication: new Set(["pause", "resume", "skip", "removeRetired", "retry", "discard"]),
  copy: new Set()
}

const why: { readonly [K in Kind]: string } = {
  projection: "",
  process: "it is a process: its instances are looked after by eventfold processes",
  reaction: "it is a reaction: what it did outside would be done again",
  publication: "it is a publication: what it published would be published again",
  copy: "it keeps how far a copy has come, which is for the copy alone to change"
}

/** A projection that has to be there, and to which this may be done. */
export const changeable = (
  name: string,
  action: Action
): Effect.Effect<ReadonlyArray<Status>, StoreError | CliFailure, ProjectionStore> =>
  Effect.flatMap(known(name), (statuses) => {
    const kind = kindOf(name)
    return allowed[kind].has(action)
      ? Effect.succeed(statuses)
      : Effect.fail(refused(`this cannot be done to ${name}: ${why[kind]}`))
  })

/** What the store refuses does not apply: something has changed since it was looked at. */
export const refusing = <A, R>(change: Effect.Effect<A, StoreError, R>): Effect.Effect<A, StoreError | CliFailure, R> =>
  Effect.mapError(change, (error) =>
    error.reason === "InvalidRequest" ? refused(error.problem, "Look at it again: eventfold projections list") : error
  )

/** The partitions that somebody has to run. */
export const runnable = (statuses: ReadonlyArray<Status>): ReadonlyArray<Status> =>
  statuses.filter((status) => status.role !== "retired" && !isKeptByAppends(status))

/** Where a projection has failed. */
export const failuresOf = (statuses: ReadonlyArray<Status>): ReadonlyArray<NonNullable<Status["failure"]>> =>
  statuses.flatMap(({ failure, role }) => (failure === undefined || role === "retired" ? [] : [failure]))

/** What is to be said where nobody runs it, so that nothing comes of what was asked for the time being. */
export const waitsText = (statuses: ReadonlyArray<Status>): string =>
  runnable(statuses).every(({ owner }) => owner === undefined) ? ": it does so when an application runs it" : ""
