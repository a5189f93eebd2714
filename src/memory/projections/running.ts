/**
 * Generations, who runs them, and how they go on.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { withStood } from "../../internal/adapter/replayed.ts"
import { StoreError } from "../../EventStore.ts"
import type { Claim, Definition, ProjectionStore } from "../../ProjectionStore.ts"
import type { Database } from "../database.ts"
import { toAskFor } from "./sharing.ts"
import {
  add,
  askerOf,
  claimed,
  claimLost,
  claimOf,
  find,
  type Generation,
  invalid,
  leaseUntil,
  liveOf,
  ofProjection,
  ownerOf,
  positionsOf,
  positionOf,
  remove,
  standing,
  standingOf,
  type State,
  update,
  updatePartition
} from "./State.ts"

type Running = Pick<
  ProjectionStore["Service"],
  "register" | "claim" | "renew" | "release" | "standing" | "commit" | "takeOver" | "fail" | "withInline"
>

const misconfigured = (problem: string) => Result.fail(new StoreError({ reason: "Misconfigured", problem }))

/** What a definition differs in from the one that a generation was made with. */
const difference = (made: Definition, now: Definition): string | undefined =>
  made.mode !== now.mode
    ? `${made.mode}, not ${now.mode}`
    : made.partitions !== now.partitions
      ? `in ${made.partitions} partitions, not in ${now.partitions}`
      : undefined

/** Under the same version other types may be handled than before: what one process handles, no other may pass by. */
const addTypes = (state: State, same: ReadonlyArray<Generation>, types: ReadonlyArray<string>): State =>
  update(
    state,
    (generation) => same.includes(generation),
    (generation) => ({
      ...generation,
      definition: {
        ...generation.definition,
        types: Array.from(new Set([...generation.definition.types, ...types]))
      }
    })
  )

export const running = ({ change, holdLog, look, transaction }: Database): Running => ({
  register: (definition) =>
    change(({ head, state }) => {
      const { mode, name, tables, types, version } = definition
      const [table] = Object.keys(tables)
      if (table !== undefined) {
        return misconfigured(`the memory store keeps no tables, and projection ${name} has table ${table}`)
      }
      const generations = ofProjection(state, name).filter(({ role }) => role !== "retired")
      const same = generations.filter((generation) => generation.definition.version === version)
      for (const there of same) {
        const different = difference(there.definition, definition)
        if (different === undefined) continue
        return misconfigured(
          `version ${version} of projection ${name} is there already, ${different}: give it another version`
        )
      }
      if (same.length > 0) return Result.succeed([undefined, addTypes(state, same, types)])
      if (generations.some((generation) => version < generation.definition.version)) {
        return Result.succeed([undefined, state])
      }
      // One that is filling is not going to be needed any more.
      const others = remove(state, ({ definition, role }) => definition.name === name && role === "filling")
      // What is to be live inline has to be filled first, while nothing is appended at the end.
      const role = liveOf(state, name) === undefined && mode === "async" ? "live" : "filling"
      return Result.succeed([undefined, add(others, definition, role, head)])
    }),

  claim: ({ lease, most, name, owner, version }) =>
    change(({ head, now, state }) => {
      const claims: Array<Claim> = []
      let after = state
      const held = { owner, until: leaseUntil(now, lease) }
      // What is live and inline is run by the appends.
      const generations = ofProjection(state, name).filter(
        ({ definition, role }) =>
          definition.version === version && (role === "filling" || (role === "live" && definition.mode === "async"))
      )
      for (const { id, partitions } of generations) {
        for (const [partition, its] of partitions.entries()) {
          const isFree = ownerOf(its, now) === undefined && (askerOf(its, now) ?? owner) === owner
          if (claims.length >= most || its.state !== "running" || !isFree) continue
          after = updatePartition(after, { generation: id, partition }, (free) => ({
            ...free,
            epoch: free.epoch + 1,
            lease: held,
            asked: undefined
          }))
          claims.push(claimOf(after, find(after, id)!, partition, head))
        }
      }
      const wanted = claims.length === 0 && most > 0 ? toAskFor(generations, owner, now) : undefined
      if (wanted !== undefined) after = updatePartition(after, wanted, (theirs) => ({ ...theirs, asked: held }))
      return Result.succeed([claims, after])
    }),

  renew: (claims, lease) =>
    change(({ head, now, state }) => {
      const standing = claims.flatMap((claim) =>
        Result.getOrElse(
          Result.map(claimed(state, claim), (generation) => [{ claim, generation }]),
          () => []
        )
      )
      const renewed = standing.map(({ claim, generation }) => ({
        claim: claimOf(state, generation, claim.partition, head),
        retry: Array.from(generation.partitions[claim.partition]!.retry),
        isAskedFor: askerOf(generation.partitions[claim.partition]!, now) !== undefined
      }))
      const after = renewed.reduce(
        (state, { claim }) =>
          updatePartition(state, claim, (partition) => ({
            ...partition,
            lease: partition.lease && { ...partition.lease, until: leaseUntil(now, lease) }
          })),
        state
      )
      return Result.succeed([renewed, after])
    }),

  release: (claims) =>
    change(({ state }) =>
      Result.succeed([
        undefined,
        claims.reduce(
          (state, claim) =>
            Result.isSuccess(claimed(state, claim)) ? updatePartition(state, claim, claimLost) : state,
          state
        )
      ])
    ),

  standing: ({ generation }) => look(({ head, state }) => standingOf(state, find(state, generation), head)),

  commit: (claim, { rate, to }, work) =>
    transaction(
      Effect.gen(function* () {
        if (to < claim.position) {
          return yield* invalid(
            `partition ${claim.partition} of ${claim.name} is at position ${claim.position} already`
          )
        }
        yield* Effect.flatMap(
          look(({ state }) => standing(state, claim)),
          Effect.fromResult
        )
        yield* work
        return yield* change(({ head, state }) => {
          const after = updatePartition(state, claim, (partition) => ({ ...partition, position: to, rate }))
          return Result.succeed([claimOf(after, find(after, claim.generation)!, claim.partition, head), after])
        })
      })
    ),

  takeOver: (claim, most, finish) =>
    transaction(
      Effect.gen(function* () {
        const generation = yield* Effect.flatMap(
          look(({ state }) => standing(state, claim)),
          Effect.fromResult
        )
        if (generation.role === "live") return true
        const { mode, name } = generation.definition
        const before = yield* look(({ state }) => liveOf(state, name))
        // Where either stands at the head of the log, the head must not move.
        if (mode === "inline" || before?.definition.mode === "inline") yield* holdLog
        const { head, replayedTo, upTo } = yield* look(({ head }) => ({
          head,
          replayedTo:
            before === undefined ? generation.replayedTo : withStood(before.replayedTo, positionsOf(before, head)),
          upTo: mode === "inline" || before === undefined ? head : positionOf(before, head)
        }))
        const rest = generation.partitions.flatMap(({ position }, partition) =>
          position < upTo ? [{ partition, after: position, upTo }] : []
        )
        if (rest.some(({ after }) => upTo - after > most)) return false
        yield* finish(rest)
        yield* change(({ state }) => {
          const retired = update(
            state,
            ({ definition, role }) => definition.name === name && role === "live",
            (old) => ({
              ...old,
              role: "retired",
              partitions: old.partitions.map((partition, i) => ({
                ...claimLost(partition),
                position: positionsOf(old, head)[i]!
              }))
            })
          )
          const live = update(
            retired,
            ({ id }) => id === generation.id,
            (next) => ({
              ...next,
              role: "live",
              replayedTo,
              partitions: next.partitions.map((partition) => ({
                ...claimLost(partition),
                position: Math.max(partition.position, upTo)
              }))
            })
          )
          return Result.succeed([undefined, live])
        })
        return true
      })
    ),

  fail: (claim, failure) =>
    change(({ state }) =>
      Result.map(claimed(state, claim), () => [
        undefined,
        updatePartition(state, claim, (partition) => ({ ...claimLost(partition), state: "failed", failure }))
      ])
    ),

  withInline: (generations, work) => transaction(work, generations)
})
