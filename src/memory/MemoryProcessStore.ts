/**
 * The reference of the store of processes: the whole contract of its port over maps, beside the log of the memory store. It lives as
 * long as its process of the operating system.
 */
import * as Effect from "effect/Effect"
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import {
  type CheckedInstance,
  type CheckedStep,
  checkInstances,
  checkList,
  checkPartition,
  checkProcess,
  checkRemove,
  checkRequest,
  checkSave,
  checkSteps,
  invalid,
  isOver,
  statuses
} from "../internal/adapter/process.ts"
import { type Filter, type Instance, ProcessStore, type Status, type Step } from "../ProcessStore.ts"
import { byCodePoints, hasFields } from "./comparing.ts"
import type { Database } from "./database.ts"
import * as State from "./processes/State.ts"

const toInstance = ({ documentJson, stateJson, waitingFor, ...rest }: CheckedInstance): Instance => ({
  ...rest,
  waitingFor: [...waitingFor],
  state: JSON.parse(stateJson),
  document: JSON.parse(documentJson)
})

const toStep = ({ json, ...rest }: CheckedStep): Step => ({ ...rest, step: JSON.parse(json) })

const instancesOf = (process: State.Process, names: Iterable<string>): ReadonlyArray<CheckedInstance> =>
  Array.from(names).flatMap((name) => Option.toArray(HashMap.get(process.instances, name)))

const isAfter = (name: string, after: string | undefined): boolean =>
  after === undefined || byCodePoints(name, after) > 0

/** Whether an instance is one of those that are looked for. */
const matches =
  ({ startedBefore, status, updatedBefore, waitingFor, where }: Filter) =>
  (instance: CheckedInstance): boolean =>
    (status === undefined || instance.status === status) &&
    (startedBefore === undefined || instance.startedAt.epochMilliseconds < startedBefore.epochMilliseconds) &&
    (updatedBefore === undefined || instance.updatedAt.epochMilliseconds < updatedBefore.epochMilliseconds) &&
    (waitingFor === undefined || instance.waitingFor.includes(waitingFor)) &&
    (where === undefined || Object.keys(where).length === 0 || hasFields(JSON.parse(instance.stateJson), where))

/** What processes keep beside a log in memory. */
export const over = ({ change, inTransaction, look, requested }: Database): ProcessStore["Service"] => {
  const lookAt = <A>(process: string, see: (process: State.Process) => A): Effect.Effect<A> =>
    look(({ state }) => see(State.processOf(state.processes, process)))

  return ProcessStore.of({
    save: Effect.fnUntraced(function* (process, changes) {
      const checked = yield* Effect.fromResult(checkSave(process, changes))
      if (!(yield* inTransaction)) return yield* invalid("what processes come to is saved in a transaction only")
      return yield* change(({ state }) => {
        const there = State.stepThere(state.processes, process, checked.steps)
        if (there === undefined) {
          return Result.succeed([undefined, { ...state, processes: State.save(state.processes, process, checked) }])
        }
        const step = `step ${there.number} of instance ${there.instance} of ${process}`
        return Result.fail(invalid(`${step} is there already: somebody else has written the instance`))
      })
    }),

    load: Effect.fnUntraced(function* (process, instances) {
      yield* Effect.fromResult(checkInstances(process, instances))
      return yield* lookAt(process, (its) => instancesOf(its, new Set(instances)).map(toInstance))
    }),

    ready: Effect.fnUntraced(function* (process, partition, { after, limit }) {
      yield* Effect.fromResult(checkPartition(process, partition, { after, limit }))
      return yield* lookAt(process, (its) => {
        const names = State.listed(its.ready, partition).map(([name]) => name)
        const following = names.filter((name) => isAfter(name, after)).toSorted(byCodePoints)
        return instancesOf(its, following.slice(0, limit)).map(toInstance)
      })
    }),

    due: Effect.fnUntraced(function* (process, partition, { limit, until }) {
      yield* Effect.fromResult(checkPartition(process, partition, { until, limit }))
      return yield* lookAt(process, (its) => {
        const timers = State.listed(its.due, partition).toSorted(
          ([a, at], [b, other]) => at.epochMilliseconds - other.epochMilliseconds || byCodePoints(a, b)
        )
        const isDue = timers.filter(([, at]) => at.epochMilliseconds <= until.epochMilliseconds)
        const names = isDue.slice(0, limit).map(([name]) => name)
        return { instances: instancesOf(its, names).map(toInstance), next: timers[isDue.length]?.[1] }
      })
    }),

    requests: Effect.fnUntraced(function* (process, partition, limit) {
      yield* Effect.fromResult(checkPartition(process, partition, { limit }))
      return yield* lookAt(process, ({ requests }) =>
        HashMap.toValues(requests)
          .filter((request) => request.partition === partition)
          .toSorted((a, b) => a.id - b.id)
          .slice(0, limit)
          .map(({ id, instance, json }) => ({ id, instance, request: JSON.parse(json) }))
      )
    }),

    request: Effect.fnUntraced(function* (process, asked) {
      const json = yield* Effect.fromResult(checkRequest(process, asked))
      const { instance, partition } = asked
      yield* change(({ state }) => {
        const processes = State.request(state.processes, process, { partition, instance, json })
        return Result.succeed([undefined, { ...state, processes }])
      })
    }),

    requested: Stream.fromPubSub(requested),

    list: Effect.fnUntraced(function* (process, { after, limit, ...filter }) {
      yield* Effect.fromResult(checkList(process, { after, limit, ...filter }))
      return yield* lookAt(process, ({ instances }) =>
        HashMap.toValues(instances)
          .filter((instance) => isAfter(instance.instance, after))
          .filter(matches(filter))
          .toSorted((a, b) => byCodePoints(a.instance, b.instance))
          .slice(0, limit)
          .map(toInstance)
      )
    }),

    count: Effect.fnUntraced(function* (process) {
      yield* Effect.fromResult(checkProcess(process))
      return yield* lookAt(process, ({ instances }) => {
        const all = HashMap.toValues(instances)
        const counted = statuses.map(
          (status) => [status, all.filter((one) => one.status === status).length] satisfies [Status, number]
        )
        return new Map(counted.filter(([, count]) => count > 0))
      })
    }),

    steps: Effect.fnUntraced(function* (process, instance, { after, limit }) {
      yield* Effect.fromResult(checkSteps(process, instance, { after, limit }))
      return yield* lookAt(process, (its) =>
        State.stepsOf(its, instance)
          .filter(({ number }) => number > after)
          .slice(0, limit)
          .map(toStep)
      )
    }),

    remove: Effect.fnUntraced(function* (process, { limit, updatedBefore }) {
      yield* Effect.fromResult(checkRemove(process, { limit, updatedBefore }))
      return yield* change(({ state }) => {
        const gone = HashMap.toValues(State.processOf(state.processes, process).instances)
          .filter(({ status }) => isOver(status))
          .filter(matches({ updatedBefore }))
          .toSorted(
            (a, b) =>
              a.updatedAt.epochMilliseconds - b.updatedAt.epochMilliseconds || byCodePoints(a.instance, b.instance)
          )
          .slice(0, limit)
        const processes = State.remove(state.processes, process, gone)
        return Result.succeed([gone.length, { ...state, processes }])
      })
    })
  })
}
