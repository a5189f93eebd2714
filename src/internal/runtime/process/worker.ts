/**
 * What runs one partition of a process: in turns it takes what there is of answers to commands, of requests, events and due timers, has
 * the instances that they concern handle them, keeps what came of it in one transaction, and then sends what is to be sent.
 *
 * Invariants, for each instance: it is changed by this worker alone, for as long as its claim stands, and the claim fences every change; one
 * command of it is under way at a time, the first that is kept as pending; a command is pending until its answer is kept, and so is executed
 * again, with the same id, whenever that did not come to be. No timer is taken before every event has been handled that was recorded before
 * it was due: when it is, the head of the log is looked up as it is when all appends that were under way have ended, and come to first.
 *
 * In memory are the commands under way, of `mostUnderWay` instances and a batch, some pages of events, and as many instances as are
 * worth keeping.
 */
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { isWaitedFor, type Page, type StoreError } from "../../../EventStore.ts"
import type { ClaimLost } from "../../../ProjectionStore.ts"
import type { RecordedEvent } from "../../../RecordedEvent.ts"
import { warn } from "../logs.ts"
import type { Held } from "../projection/supervisor.ts"
import { untraced } from "../eventTraces.ts"
import { makeDispatcher } from "./dispatch.ts"
import { belongsTo, concernedBy, makeIntake } from "./intake.ts"
import { type Inputs, makeKeeping } from "./keeping.ts"
import { dueAt, isReady, type Live, Request } from "./model.ts"
import type { Plan, Stores } from "./plan.ts"
import type { Answer, Input } from "./turn.ts"

/** Instances with a command under way, about: beyond that nothing new is taken in. */
const mostUnderWay = 1000
/** Events that are handled in one turn. */
const mostEvents = 500
/** Instances, or requests, that are looked up at a time. */
const mostAtATime = 200
/** Events that have been waiting, and are handled in one turn: twice as many at most. */
const mostWaiting = 100
/** How long a position may be behind, in milliseconds, when there was nothing to handle. */
const idleCommitMillis = 200
/** How often to look for requests from elsewhere. */
const lookEvery = Duration.seconds(1)

const isRequest = Schema.is(Request)

/** Timers that are due, in milliseconds, and what has to be handled before: it is not known at once. */
interface Due {
  readonly until: number
  head: number | undefined
}

/**
 * Runs a claim until it is lost.
 */
export const runPartition = (
  plan: Plan,
  stores: Stores,
  { claim: first, until }: Held
): Effect.Effect<never, StoreError | ClaimLost, Scope.Scope> =>
  Effect.gen(function* () {
    const { events: eventStore, processes } = stores
    const { manager } = plan
    const { name } = manager
    const { partition, partitions, skipped, standing } = first
    const keeping = makeKeeping(plan, stores, first)
    if (standing._tag !== "Live") return yield* keeping.stop(first.position, "a process cannot be rebuilt")
    /** What was recorded before there was this process: it is folded, and nobody reacts. */
    const replayedTo = Math.max(0, ...standing.replayedTo.flat())
    const isMine = belongsTo(partition, partitions)

    const wakes = yield* Queue.sliding<void>(1)
    const wake = Queue.offer(wakes, undefined)

    // Commands.

    const dispatcher = yield* makeDispatcher({ ...plan, name, until })
    const underWay = new Set<string>()
    let answers: Array<{ readonly instance: string; readonly commandId: string; readonly answer: Answer }> = []

    /** Has the next command of an instance executed, if none of it is under way. */
    const send = ({ instance, pending: [next], status }: Live): void => {
      if (next === undefined || status !== "running" || underWay.has(instance)) return
      underWay.add(instance)
      dispatcher.send(instance, next, (answer) => {
        answers.push({ instance, commandId: next.id, answer })
        return wake
      })
    }

    // Requests.

    let isAsked = true
    yield* Stream.merge(processes.requested, Stream.tick(lookEvery)).pipe(
      Stream.runForEach(() => {
        isAsked = true
        return wake
      }),
      Effect.forkScoped
    )

    // Events.

    const intake = yield* makeIntake(manager, eventStore, first.position, wake)
    let page: Page | undefined
    let next = 0
    let handledTo = first.position

    // What was to be done when the claim was taken.

    let lookAfter: string | undefined
    let isKnown = false
    /** Instances with events that have been waiting, and need not any more, or that are to do what their state calls for. */
    const draining = new Set<string>()

    // Timers.

    let nextDue = 0
    let due: Due | undefined

    let committedAt = 0
    const isReplaying = (): boolean => handledTo < replayedTo
    const hasRoom = (): boolean => underWay.size < mostUnderWay
    const isLooking = (): boolean => !isKnown && !isReplaying() && underWay.size <= mostUnderWay / 2

    /** What concerns which instance, with the inputs that there are already. */
    const add = (inputs: Inputs, instance: string, input: Input): void => {
      const its = inputs.get(instance)
      if (its === undefined) inputs.set(instance, [input])
      else its.push(input)
    }

    const addAnswers = (inputs: Inputs): ReadonlyArray<string> => {
      const answered = answers
      answers = []
      for (const { answer, commandId, instance } of answered)
        add(inputs, instance, { _tag: "Answer", commandId, answer })
      return answered.map(({ instance }) => instance)
    }

    const addRequests = Effect.fnUntraced(function* (inputs: Inputs) {
      if (!isAsked || isReplaying()) return []
      isAsked = false
      const requests = yield* processes.requests(name, partition, mostAtATime)
      isAsked = requests.length === mostAtATime
      for (const { instance, request } of requests) {
        if (isRequest(request)) add(inputs, instance, { _tag: "Request", request })
        else yield* warn("process does not know what is asked of an instance", { process: name, instance })
      }
      return requests.map(({ id }) => id)
    })

    /** What is ready was found so by the claim, or is by what was handled since. */
    const addReady = Effect.fnUntraced(function* (inputs: Inputs) {
      if (!isLooking()) return
      const found = yield* processes.ready(name, partition, { after: lookAfter, limit: mostAtATime })
      const lives = yield* keeping.load(found.map(({ instance }) => instance))
      for (const live of lives.values()) {
        if (live.toResume) add(inputs, live.instance, { _tag: "Resume" })
        if (live.waiting.length > 0) draining.add(live.instance)
        send(live)
      }
      lookAfter = found.at(-1)?.instance
      isKnown = found.length < mostAtATime
    })

    /** Events of some instances, or the first ones of one that has many. */
    const addWaiting = Effect.fnUntraced(function* (inputs: Inputs) {
      let left = mostWaiting
      while (left > 0) {
        const [instance] = draining
        if (instance === undefined) return
        draining.delete(instance)
        const live = (yield* keeping.load([instance])).get(instance)
        if (live === undefined) continue
        if (live.toResume) add(inputs, instance, { _tag: "Resume" })
        const positions = live.waiting.slice(0, mostWaiting)
        left -= Math.max(1, positions.length)
        for (const position of positions) {
          const [recorded] = yield* Stream.runCollect(eventStore.readLog({ from: position, to: position }))
          if (recorded === undefined) continue
          const concerned = concernedBy(manager, recorded, (one) => one === instance)
          const [events, problem] = Result.isSuccess(concerned)
            ? [concerned.success.get(instance) ?? [], undefined]
            : [[], concerned.failure.message]
          const isReplayed = position <= replayedTo
          add(inputs, instance, { _tag: "Event", recorded, events, isReplayed, isWaiting: true, problem })
        }
      }
    })

    const addEvent = (inputs: Inputs, recorded: RecordedEvent): Result.Result<void, { readonly message: string }> => {
      if (skipped.has(recorded.position)) return Result.void
      const isReplayed = recorded.position <= replayedTo
      return Result.map(concernedBy(manager, recorded, isMine), (concerned) => {
        for (const [instance, events] of concerned) {
          add(inputs, instance, { _tag: "Event", recorded, events, isReplayed, isWaiting: false, problem: undefined })
        }
      })
    }

    /** Gives how many events there were, and what one of them cannot be handled for. */
    const addEvents = Effect.fnUntraced(function* (inputs: Inputs) {
      const none = { count: 0, to: handledTo, isPage: false, failure: undefined }
      if (!hasRoom()) return none
      page ??= yield* intake.take
      if (page === undefined) return none
      const { events, upTo } = page
      const end = Math.min(events.length, next + mostEvents)
      for (let index = next; index < end; index++) {
        const recorded = events[index]!
        const added = addEvent(inputs, recorded)
        if (Result.isFailure(added)) {
          const to = index === 0 ? handledTo : events[index - 1]!.position
          const failure = { position: recorded.position, problem: added.failure.message }
          return { count: index - next, to: Math.max(to, handledTo), isPage: true, failure }
        }
      }
      const count = end - next
      const isLast = end === events.length
      const to = isLast ? upTo : events[end - 1]!.position
      page = isLast ? undefined : page
      next = isLast ? 0 : end
      return { count, to, isPage: true, failure: undefined }
    })

    const addDue = Effect.fnUntraced(function* (inputs: Inputs) {
      const now = yield* Clock.currentTimeMillis
      if (nextDue > now || isReplaying() || !hasRoom()) return
      if (due === undefined) {
        const asked: Due = { until: Math.floor(now), head: undefined }
        due = asked
        // It may wait for a transaction that somebody has open.
        yield* Effect.forkScoped(
          Effect.flatMap(Effect.retry(eventStore.settledHead, Schedule.spaced(lookEvery)), (head) => {
            asked.head = head
            return wake
          })
        )
      }
      if (due.head === undefined || handledTo < due.head) return
      const until = DateTime.makeUnsafe(due.until)
      const found = yield* processes.due(name, partition, { until, limit: mostAtATime })
      for (const { instance } of found.instances) add(inputs, instance, { _tag: "Due", until: due.until })
      if (found.instances.length > 0) return
      due = undefined
      nextDue = found.next === undefined ? Infinity : found.next.epochMilliseconds
    })

    /** What is to be done for instances as they are now. */
    const goOn = (lives: ReadonlyArray<Live>): void => {
      for (const live of lives) {
        nextDue = Math.min(nextDue, dueAt(live) ?? Infinity)
        if (!isReady(live) || isReplaying()) continue
        if (live.toResume || live.waiting.length > 0) draining.add(live.instance)
        send(live)
      }
    }

    /** What there is to be handled now. */
    const gather = Effect.fnUntraced(function* (inputs: Inputs) {
      const done = yield* addRequests(inputs)
      yield* addReady(inputs)
      yield* addWaiting(inputs)
      const added = yield* addEvents(inputs)
      yield* addDue(inputs)
      return { ...added, done }
    })

    /** Gives whether there may be more to do at once. */
    const takeTurn = Effect.gen(function* () {
      const inputs: Inputs = new Map()
      const answered = addAnswers(inputs)
      const { count, done, failure, isPage, to } = yield* untraced(gather(inputs))
      const now = yield* Clock.currentTimeMillis
      // A position alone is not worth a transaction each time.
      const isWorthIt = inputs.size > 0 || done.length > 0 || now - committedAt >= idleCommitMillis
      if (isWorthIt) {
        committedAt = now
        const lives = yield* Effect.catchTag(
          keeping.handle({ inputs, done, to, events: count }),
          "StoreError",
          // What may pass was waited for. To go on would come to the same.
          (error): Effect.Effect<never, StoreError | ClaimLost> =>
            isWaitedFor(error) ? Effect.fail(error) : keeping.stop(keeping.claim().position, error.message)
        )
        for (const instance of answered) underWay.delete(instance)
        handledTo = to
        goOn(lives)
      } else {
        handledTo = to
      }
      if (failure !== undefined) return yield* keeping.stop(failure.position, failure.problem)
      return inputs.size > 0 || isPage || draining.size > 0 || isLooking()
    })

    /** Until something comes, or is due. */
    const wait = Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      const isBehind = handledTo > keeping.claim().position
      const most = Math.min(
        isBehind ? idleCommitMillis : Infinity,
        due === undefined && !isReplaying() && hasRoom() ? Math.max(0, nextDue - now) : Infinity
      )
      const take = Queue.take(wakes)
      return yield* most === Infinity ? take : Effect.timeoutOption(take, most)
    })

    return yield* Effect.forever(Effect.flatMap(takeTurn, (isMore) => (isMore ? Effect.void : wait)))
  })
