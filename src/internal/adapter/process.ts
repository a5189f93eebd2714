/**
 * What every store of processes refuses before it touches its medium, so that all stores refuse the same.
 */
import type * as DateTime from "effect/DateTime"
import * as Result from "effect/Result"
import { StoreError } from "../../EventStore.ts"
import {
  type Filter,
  type Instance,
  maxBytes,
  maxDepth,
  maxInstanceLength,
  maxProcessLength,
  maxWaitingFor,
  type Request,
  type Status,
  type Step
} from "../../ProcessStore.ts"
import * as StreamName from "../../StreamName.ts"
import { checkJson } from "./json.ts"

/** An instance that may be kept. */
export interface CheckedInstance extends Omit<Instance, "state" | "document"> {
  readonly stateJson: string
  readonly documentJson: string
}

/** A step that may be kept. */
export interface CheckedStep extends Omit<Step, "step"> {
  readonly json: string
}

/** What may be saved. */
export interface CheckedChanges {
  readonly instances: ReadonlyArray<CheckedInstance>
  readonly steps: ReadonlyArray<CheckedStep>
  readonly done: ReadonlyArray<Request["id"]>
}

/** How an instance can be doing. */
export const statuses: ReadonlyArray<Status> = ["running", "stuck", "ended", "cancelled"]

/** Whether an instance that is doing so has come to its end. */
export const isOver = (status: Status): boolean => status === "ended" || status === "cancelled"

export const invalid = (problem: string): StoreError => new StoreError({ reason: "InvalidRequest", problem })

const refuse = (problem: string | undefined): Result.Result<void, StoreError> =>
  problem === undefined ? Result.succeed(undefined) : Result.fail(invalid(problem))

const maxPartition = 2 ** 31 - 1

/** The beginning of the year 1. */
const earliest = -62_135_596_800_000

const text = { maxBytes, maxDepth, as: "text" } as const
const value = { maxBytes, maxDepth, as: "value" } as const

const nameProblem = (name: unknown, longest: number): string | undefined => {
  if (typeof name !== "string") return "is no text"
  if (name === "") return "is empty"
  const length = name.length <= longest ? name.length : Array.from(name).length
  return length > longest ? `has ${length} characters, more than ${longest}` : StreamName.textProblem(name)
}

const instantProblem = ({ epochMilliseconds }: DateTime.Utc): string | undefined =>
  !Number.isInteger(epochMilliseconds)
    ? `is ${epochMilliseconds} milliseconds since 1970, which is no whole number`
    : epochMilliseconds < earliest
      ? "is before the year 1"
      : undefined

const wholeProblem = (value: number, least: number, most = Number.MAX_SAFE_INTEGER): string | undefined =>
  Number.isSafeInteger(value) && value >= least && value <= most
    ? undefined
    : `is ${value}, not a whole number from ${least}${most === Number.MAX_SAFE_INTEGER ? "" : ` to ${most}`}`

/** What is wrong with a thing, with its name. */
const named = (what: string, problem: string | undefined): string | undefined =>
  problem === undefined ? undefined : `${what} ${problem}`

const ofProcess = (name: string) => named("the name of the process", nameProblem(name, maxProcessLength))
const ofInstance = (name: string) => named("the name of the instance", nameProblem(name, maxInstanceLength))
const ofPartition = (partition: number) => named("the partition", wholeProblem(partition, 0, maxPartition))
const ofLimit = (limit: number) => named("the limit", wholeProblem(limit, 0))
const ofAfter = (after: string | undefined) =>
  after === undefined ? undefined : named("the name to go on after", StreamName.textProblem(after))
const ofInstant = (what: string, instant: DateTime.Utc | undefined) =>
  instant === undefined ? undefined : named(what, instantProblem(instant))
const ofStatus = (status: Status) =>
  statuses.includes(status) ? undefined : `the status is ${String(status)}, none that there is`
const ofWaiting = (name: string) => named("the name of what is waited for", nameProblem(name, maxInstanceLength))

/** The first problem that any of some things has. */
const firstOf = <A>(all: ReadonlyArray<A>, problemOf: (one: A) => string | undefined): string | undefined => {
  for (const one of all) {
    const problem = problemOf(one)
    if (problem !== undefined) return problem
  }
  return undefined
}

const instanceProblem = (one: Instance): string | undefined =>
  ofPartition(one.partition) ??
  ofStatus(one.status) ??
  (typeof one.isReady === "boolean" ? undefined : "isReady is neither true nor false") ??
  ofInstant("the instant at which it is due", one.dueAt) ??
  ofInstant("the instant at which it was started", one.startedAt) ??
  ofInstant("the instant at which it was updated", one.updatedAt) ??
  named("the number of its last step", wholeProblem(one.steps, 1)) ??
  (one.waitingFor.length > maxWaitingFor ? `it waits for more than ${maxWaitingFor}` : undefined) ??
  firstOf(one.waitingFor, ofWaiting)

/** An instance that may be kept, or what is wrong with it, its name aside. */
const checkInstance = (one: Instance): Result.Result<CheckedInstance, string> => {
  const wrong = instanceProblem(one)
  if (wrong !== undefined) return Result.fail(wrong)
  const state = checkJson("state", one.state, value)
  if (Result.isFailure(state)) return Result.fail(state.failure)
  const document = checkJson("document", one.document, text)
  if (Result.isFailure(document)) return Result.fail(document.failure)
  const { dueAt, instance, isReady, partition, startedAt, status, steps, updatedAt } = one
  const lookedUp = { instance, partition, status, isReady, dueAt, waitingFor: [...one.waitingFor] }
  const jsons = { stateJson: state.success, documentJson: document.success }
  return Result.succeed({ ...lookedUp, startedAt, updatedAt, steps, ...jsons })
}

const checkStep = ({ at, instance, number, step }: Step): Result.Result<CheckedStep, string> => {
  const wrong = named("its number", wholeProblem(number, 1)) ?? ofInstant("its instant", at)
  if (wrong !== undefined) return Result.fail(wrong)
  return Result.map(checkJson("content", step, text), (json) => ({ instance, number, at, json }))
}

/**
 * Checks what is to be saved, and gives it with its JSON.
 */
export const checkSave = (
  process: string,
  changes: {
    readonly instances: ReadonlyArray<Instance>
    readonly steps: ReadonlyArray<Step>
    readonly done: ReadonlyArray<Request["id"]>
  }
): Result.Result<CheckedChanges, StoreError> => {
  const refused = (problem: string) => Result.fail(invalid(problem))
  const wrong =
    ofProcess(process) ??
    firstOf(changes.done, (id) => named("the number of a request", wholeProblem(id, 0))) ??
    firstOf(changes.instances, ({ instance }) => ofInstance(instance)) ??
    firstOf(changes.steps, ({ instance }) => ofInstance(instance))
  if (wrong !== undefined) return refused(wrong)

  const instances = new Map<string, CheckedInstance>()
  for (const one of changes.instances) {
    const name = one.instance
    if (instances.has(name)) return refused(`instance ${name} of ${process} is there twice`)
    const checked = checkInstance(one)
    if (Result.isFailure(checked)) return refused(`instance ${name} of ${process}: ${checked.failure}`)
    instances.set(name, checked.success)
  }

  const numbers = new Map<string, Set<number>>()
  const steps: Array<CheckedStep> = []
  for (const step of changes.steps) {
    const { instance, number } = step
    const known = numbers.get(instance) ?? new Set()
    const checked = known.has(number) ? Result.fail("it is there twice") : checkStep(step)
    if (Result.isFailure(checked)) {
      return refused(`step ${number} of instance ${instance} of ${process}: ${checked.failure}`)
    }
    numbers.set(instance, known.add(number))
    steps.push(checked.success)
  }
  return Result.succeed({ instances: Array.from(instances.values()), steps, done: changes.done })
}

/** Checks the name of a process. */
export const checkProcess = (process: string): Result.Result<void, StoreError> => refuse(ofProcess(process))

/** Checks names of instances of a process. */
export const checkInstances = (process: string, instances: ReadonlyArray<string>): Result.Result<void, StoreError> =>
  refuse(ofProcess(process) ?? firstOf(instances, ofInstance))

/** Checks what is looked for in a partition. */
export const checkPartition = (
  process: string,
  partition: number,
  options: { readonly after?: string | undefined; readonly until?: DateTime.Utc | undefined; readonly limit: number }
): Result.Result<void, StoreError> =>
  refuse(
    ofProcess(process) ??
      ofPartition(partition) ??
      ofAfter(options.after) ??
      ofInstant("the instant until which timers are due", options.until) ??
      ofLimit(options.limit)
  )

/** Checks a request, and gives its JSON. */
export const checkRequest = (
  process: string,
  { instance, partition, request }: { readonly partition: number } & Omit<Request, "id">
): Result.Result<string, StoreError> =>
  Result.andThen(refuse(ofProcess(process) ?? ofInstance(instance) ?? ofPartition(partition)), () =>
    Result.mapError(checkJson("content", request, text), (problem) =>
      invalid(`a request of instance ${instance} of ${process}: ${problem}`)
    )
  )

/** Checks which instances are looked for, and gives the JSON of the fields that their state is to have. */
export const checkList = (
  process: string,
  options: Filter & { readonly after: string | undefined; readonly limit: number }
): Result.Result<ReadonlyArray<readonly [field: string, json: string]>, StoreError> => {
  const { after, limit, startedBefore, status, updatedBefore, waitingFor, where = {} } = options
  const wrong =
    ofProcess(process) ??
    ofAfter(after) ??
    ofLimit(limit) ??
    (status === undefined ? undefined : ofStatus(status)) ??
    ofInstant("the instant before which they were started", startedBefore) ??
    ofInstant("the instant before which they were updated", updatedBefore) ??
    (waitingFor === undefined ? undefined : ofWaiting(waitingFor)) ??
    firstOf(Object.keys(where), (field) => named("the name of a field", StreamName.textProblem(field)))
  if (wrong !== undefined) return Result.fail(invalid(wrong))
  const fields: Array<readonly [string, string]> = []
  for (const [field, json] of Object.entries(where)) {
    const checked = checkJson("value", json, value)
    if (Result.isFailure(checked)) {
      return Result.fail(invalid(`the field ${field} that instances of ${process} are to have: ${checked.failure}`))
    }
    fields.push([field, checked.success])
  }
  return Result.succeed(fields)
}

/** Checks which steps are looked for. */
export const checkSteps = (
  process: string,
  instance: string,
  { after, limit }: { readonly after: number; readonly limit: number }
): Result.Result<void, StoreError> =>
  refuse(
    ofProcess(process) ??
      ofInstance(instance) ??
      named("the number to go on after", wholeProblem(after, 0)) ??
      ofLimit(limit)
  )

/** Checks what is to be removed. */
export const checkRemove = (
  process: string,
  { limit, updatedBefore }: { readonly updatedBefore: DateTime.Utc; readonly limit: number }
): Result.Result<void, StoreError> =>
  refuse(ofProcess(process) ?? ofInstant("the instant before which they were updated", updatedBefore) ?? ofLimit(limit))
