/**
 * The instances of a partition, as they are kept and in memory, and how they are changed: what inputs make of them, and how far the log was
 * handled, in one transaction under the claim.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import { StoreError, type StoreReason } from "../../../EventStore.ts"
import * as Metrics from "../../../Metrics.ts"
import type { Instance, Request, Step } from "../../../ProcessStore.ts"
import { type Claim, ClaimLost } from "../../../ProjectionStore.ts"
import { makeBounded } from "../bounded.ts"
import { makeMeter } from "../projection/meter.ts"
import { weightOf } from "../projection/pace.ts"
import { complain, warn } from "../logs.ts"
import { observed } from "../projection/observed.ts"
import { together, untraced } from "../eventTraces.ts"
import { dueOf, fresh, fromInstance, type Live, type Stuck, tagOf, toInstance } from "./model.ts"
import type { Plan, Stores } from "./plan.ts"
import { giveUp, type Input, turn, type Turned, type Turning } from "./turn.ts"

/** Instances that are kept in memory, and what they weigh, about, in characters. */
const mostInMemory = { entries: 5000, weight: 8 * 1024 * 1024 }

/** What a store refuses for what it is given. All else lies in the store. */
const ofWhatIsKept: ReadonlySet<StoreReason> = new Set(["InvalidRequest", "DuplicateEvent", "Unexpected"])

/** Inputs by instance, each in order. */
export type Inputs = Map<string, Array<Input>>

/** What is to be kept together. */
export interface Turns {
  readonly inputs: Inputs
  readonly done: ReadonlyArray<Request["id"]>
  /** Up to where the log is handled then, and how many events that took. */
  readonly to: number
  readonly events: number
}

export interface Keeping {
  readonly claim: () => Claim
  /** Those of some instances that are there. */
  readonly load: (names: ReadonlyArray<string>) => Effect.Effect<ReadonlyMap<string, Live>, StoreError>
  /** An instance that was just read. */
  readonly know: (kept: Instance) => Effect.Effect<Live, StoreError>
  /** Has instances handle inputs, and keeps what they come to. Gives those that are there, as they are now. */
  readonly handle: (turns: Turns) => Effect.Effect<ReadonlyArray<Live>, StoreError | ClaimLost>
  /** Says that the partition cannot go on, and lets go of it. */
  readonly stop: (position: number, problem: string) => Effect.Effect<never, StoreError | ClaimLost>
}

/** What inputs make of one instance. */
interface Item extends Turned {
  readonly before: Live
  readonly inputs: ReadonlyArray<Input>
  readonly kept: Instance
}

/** What an instance is stuck at, in words. */
const at = (stuck: Stuck): string => {
  switch (stuck._tag) {
    case "Command":
      return `command ${tagOf(stuck.command)} for ${stuck.to} ${stuck.target}`
    case "Event":
      return `event at position ${stuck.position}`
    case "Timer":
      return `timer ${stuck.timer}`
    case "Resume":
      return "question what its state calls for"
  }
}

export const makeKeeping = (plan: Plan, { processes, projections }: Stores, first: Claim): Keeping => {
  const { manager, maxDepth, rules } = plan
  const { generation, name: projection, partition } = first
  const { name } = manager
  let claim = first
  const inMemory = makeBounded<Live>(mostInMemory)
  const measure = makeMeter()
  const { passed, timed } = observed(first)
  const timerDelay = Metric.withAttributes(Metrics.processTimerDelaySeconds, { process: name })

  const lost = Effect.suspend(() => Effect.fail(new ClaimLost({ projection, generation, partition })))

  /** For as long as the store is not there. Whether something was kept meanwhile, only who claims anew can tell. */
  const persistently = <A, E>(effect: Effect.Effect<A, E | StoreError>): Effect.Effect<A, E | StoreError | ClaimLost> =>
    Effect.suspend(() => {
      let isKnown = false
      const isUnknown = (error: E | StoreError) => error instanceof StoreError && error.reason === "OutcomeUnknown"
      const isWorthWaiting = (error: E | StoreError) =>
        error instanceof StoreError && !ofWhatIsKept.has(error.reason) && !isUnknown(error)
      const say = (error: E | StoreError) => {
        if (isKnown || !isWorthWaiting(error)) return Effect.void
        isKnown = true
        return warn("process waits for its store", { process: name, problem: String(error) })
      }
      return effect.pipe(
        Effect.tapError(say),
        Effect.retry({ schedule: Schedule.spaced("200 millis"), while: isWorthWaiting }),
        Effect.catchIf(isUnknown, () => lost)
      )
    })

  const remember = (live: Live, { document, state }: Instance): void => {
    // Anybody may remove it.
    if (live.status === "ended" || live.status === "cancelled") return inMemory.remove(live.instance)
    inMemory.set(live.instance, live, weightOf(state) + weightOf(document))
    inMemory.trim()
  }

  const know: Keeping["know"] = (kept) =>
    Effect.map(Effect.fromResult(fromInstance(name, kept, rules.decodeState)), (live) => {
      remember(live, kept)
      return live
    })

  const load: Keeping["load"] = Effect.fnUntraced(function* (names) {
    const found = new Map<string, Live>()
    const others: Array<string> = []
    for (const one of names) {
      const live = inMemory.get(one)
      if (live === undefined) {
        others.push(one)
        continue
      }
      inMemory.touch(one)
      found.set(one, live)
    }
    if (others.length > 0) {
      for (const kept of yield* processes.load(name, others)) found.set(kept.instance, yield* know(kept))
    }
    return found
  })

  const itemOf = (before: Live, inputs: ReadonlyArray<Input>, turned: Turned): Item => {
    // What cannot be encoded was given up before, so this was kept before, or is the beginning.
    const state = Result.getOrThrow(rules.encodeState(turned.live.state))
    return { ...turned, before, inputs, kept: toInstance(turned.live, state) }
  }

  /** `isChecked`: whether the state is held against its schema after each input, and not only after all. */
  const handleAll = (turning: Turning, before: Live, inputs: ReadonlyArray<Input>, isChecked: boolean): Item => {
    let live = before
    const steps: Array<Step> = []
    for (const input of inputs) {
      let turned = turn(turning, live, input)
      const refused = isChecked ? Result.getFailure(rules.encodeState(turned.live.state)) : Option.none()
      if (Option.isSome(refused)) turned = giveUp(turning, live, input, refused.value.problem)
      live = turned.live
      for (const step of turned.steps) steps.push(step)
    }
    if (!isChecked && live !== before && Result.isFailure(rules.encodeState(live.state))) {
      return handleAll(turning, before, inputs, true)
    }
    return itemOf(before, inputs, { live, steps })
  }

  const commitOnce = Effect.fnUntraced(function* (
    items: ReadonlyArray<Item>,
    done: Turns["done"],
    { events, to }: { readonly events: number; readonly to: number }
  ) {
    const rate = measure(yield* Clock.currentTimeMillis, events)
    const instances = items.map(({ kept }) => kept)
    const steps = items.flatMap((item) => item.steps)
    const save =
      items.length === 0 && done.length === 0 ? Effect.void : processes.save(name, { instances, steps, done })
    claim = yield* persistently(projections.commit(claim, { to, rate }, save))
    for (const { before, kept, live } of items) {
      remember(live, kept)
      const { instance, stuck } = live
      if (stuck === null || stuck === before.stuck) continue
      const { problem, reason } = stuck
      yield* complain("process instance is stuck", { process: name, instance, at: at(stuck), reason, problem })
    }
    const now = yield* Clock.currentTimeMillis
    for (const step of steps) {
      const due = dueOf(step)
      if (due !== undefined) yield* Metric.update(timerDelay, Math.max(0, now - due) / 1000)
    }
    yield* passed(events)
    return items.map(({ live }) => live)
  })

  /** By halves where the store refuses, down to the input that it refuses: its instance gets stuck there, and all else is kept. */
  const commit = (
    turning: Turning,
    items: ReadonlyArray<Item>,
    turns: Omit<Turns, "inputs">
  ): Effect.Effect<ReadonlyArray<Live>, StoreError | ClaimLost> =>
    Effect.catchIf(
      commitOnce(items, turns.done, turns),
      (error): error is StoreError => error._tag === "StoreError" && items.length > 0,
      (error) => {
        const [item] = items
        if (items.length === 1 && item !== undefined) return commitOne(turning, item, turns, error)
        const half = items.length >> 1
        return Effect.flatMap(
          commit(turning, items.slice(0, half), { done: [], events: 0, to: claim.position }),
          (first) => Effect.map(commit(turning, items.slice(half), turns), (second) => [...first, ...second])
        )
      }
    )

  /** What the store has refused of one instance, input by input. */
  const commitOne = Effect.fnUntraced(function* (
    turning: Turning,
    { before, inputs }: Item,
    turns: Omit<Turns, "inputs">,
    { message }: StoreError
  ): Effect.fn.Return<ReadonlyArray<Live>, StoreError | ClaimLost> {
    const [input, ...rest] = inputs
    if (input === undefined || rest.length === 0) {
      const given = input === undefined ? [] : [itemOf(before, inputs, giveUp(turning, before, input, message))]
      return yield* commitOnce(given, turns.done, turns)
    }
    const first = handleAll(turning, before, [input], true)
    const [live = before] =
      first.live === before ? [] : yield* commit(turning, [first], { done: [], events: 0, to: claim.position })
    const second = handleAll(turning, live, rest, true)
    return yield* commit(turning, second.live === live ? [] : [second], turns)
  })

  const handleTurns = Effect.fnUntraced(function* ({ inputs, ...turns }: Turns) {
    // What is kept is in whole milliseconds.
    const now = Math.floor(yield* Clock.currentTimeMillis)
    const turning: Turning = { manager, rules, maxDepth, now }
    const found = yield* load(Array.from(inputs.keys()))
    const changed: Array<Item> = []
    const same: Array<Live> = []
    for (const [instance, its] of inputs) {
      const known = found.get(instance)
      // Only an event begins one.
      if (known === undefined && its.every(({ _tag }) => _tag !== "Event")) continue
      const before = known ?? fresh(instance, partition, manager.initial, now)
      const item = handleAll(turning, before, its, false)
      if (item.live !== before) changed.push(item)
      else if (known !== undefined) same.push(known)
    }
    if (changed.length === 0 && turns.done.length === 0 && turns.to === claim.position) return same
    return [...(yield* commit(turning, changed, turns)), ...same]
  })

  const handle: Keeping["handle"] = (turns) => {
    const { inputs, to } = turns
    const handled = handleTurns(turns)
    if (inputs.size === 0) return untraced(handled)
    const events = () =>
      Array.from(inputs.values()).flatMap((its) =>
        its.flatMap((input) => (input._tag === "Event" ? [input.recorded] : []))
      )
    const about = { from: claim.position, to, events: turns.events, instances: inputs.size }
    return together(
      "eventfold.process",
      events,
      () => ({ process: name, partition, ...about }),
      timed("process turn", handled, about)
    )
  }

  const stop: Keeping["stop"] = Effect.fnUntraced(function* (position, problem) {
    yield* complain("process has failed", { process: name, position, problem })
    yield* persistently(projections.fail(claim, { position, problem }))
    return yield* lost
  })

  return { claim: () => claim, load, know, handle, stop }
}
