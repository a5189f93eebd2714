/**
 * What all processes keep, as one immutable value. It lists who is ready, and who waits for a timer, by partition: nobody looks
 * through the instances that have ended.
 */
import type * as DateTime from "effect/DateTime"
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import type { CheckedChanges, CheckedInstance, CheckedStep } from "../../internal/adapter/process.ts"
import type { Request } from "../../ProcessStore.ts"

/** By partition, and by the name of the instance. */
type Index<A> = HashMap.HashMap<number, HashMap.HashMap<string, A>>

export interface KeptRequest extends Omit<Request, "request"> {
  readonly partition: number
  readonly json: string
}

/** JSON is kept as text, and parsed for every reader: no reader can change what another one reads. */
export interface Process {
  readonly instances: HashMap.HashMap<string, CheckedInstance>
  /** By instance, and by number. */
  readonly steps: HashMap.HashMap<string, HashMap.HashMap<number, CheckedStep>>
  readonly ready: Index<true>
  readonly due: Index<DateTime.Utc>
  readonly requests: HashMap.HashMap<Request["id"], KeptRequest>
}

export interface Processes {
  /** The number of the request that was made last. */
  readonly lastRequest: number
  readonly byName: HashMap.HashMap<string, Process>
}

export const empty: Processes = { lastRequest: 0, byName: HashMap.empty() }

const untouched: Process = {
  instances: HashMap.empty(),
  steps: HashMap.empty(),
  ready: HashMap.empty(),
  due: HashMap.empty(),
  requests: HashMap.empty()
}

const inner = <K, Name, A>(map: HashMap.HashMap<K, HashMap.HashMap<Name, A>>, key: K): HashMap.HashMap<Name, A> =>
  Option.getOrElse(HashMap.get(map, key), () => HashMap.empty<Name, A>())

/** A process, empty where it has nothing yet. */
export const processOf = (processes: Processes, name: string): Process =>
  Option.getOrElse(HashMap.get(processes.byName, name), () => untouched)

/** What a partition lists. */
export const listed = <A>(index: Index<A>, partition: number): ReadonlyArray<readonly [instance: string, value: A]> =>
  HashMap.toEntries(inner(index, partition))

/** Takes an instance out of a list, if it is there, and puts it in again where there is a value. */
const relist = <A>(
  index: Index<A>,
  before: CheckedInstance | undefined,
  instance: string,
  now: { readonly partition: number; readonly value: A } | undefined
): Index<A> => {
  const without =
    before === undefined
      ? index
      : HashMap.set(index, before.partition, HashMap.remove(inner(index, before.partition), instance))
  return now === undefined
    ? without
    : HashMap.set(without, now.partition, HashMap.set(inner(without, now.partition), instance, now.value))
}

const keep = (process: Process, instance: CheckedInstance): Process => {
  const { dueAt, instance: name, isReady, partition } = instance
  const before = Option.getOrUndefined(HashMap.get(process.instances, name))
  return {
    ...process,
    instances: HashMap.set(process.instances, name, instance),
    ready: relist(process.ready, before, name, isReady ? { partition, value: true } : undefined),
    due: relist(process.due, before, name, dueAt === undefined ? undefined : { partition, value: dueAt })
  }
}

const update = (processes: Processes, name: string, process: Process): Processes => ({
  ...processes,
  byName: HashMap.set(processes.byName, name, process)
})

/** The step of some that is there already, if any is. */
export const stepThere = (processes: Processes, name: string, steps: ReadonlyArray<CheckedStep>) => {
  const process = processOf(processes, name)
  return steps.find(({ instance, number }) => HashMap.has(inner(process.steps, instance), number))
}

export const save = (processes: Processes, name: string, { done, instances, steps }: CheckedChanges): Processes => {
  const process = instances.reduce(keep, processOf(processes, name))
  return update(processes, name, {
    ...process,
    steps: steps.reduce(
      (all, step) => HashMap.set(all, step.instance, HashMap.set(inner(all, step.instance), step.number, step)),
      process.steps
    ),
    requests: HashMap.removeMany(process.requests, done)
  })
}

/** The steps of an instance, in order. */
export const stepsOf = (process: Process, instance: string): ReadonlyArray<CheckedStep> =>
  HashMap.toValues(inner(process.steps, instance)).toSorted((a, b) => a.number - b.number)

export const request = (processes: Processes, name: string, asked: Omit<KeptRequest, "id">): Processes => {
  const process = processOf(processes, name)
  const id = processes.lastRequest + 1
  const requests = HashMap.set(process.requests, id, { ...asked, id })
  return { ...update(processes, name, { ...process, requests }), lastRequest: id }
}

/** Removes instances, with their steps. */
export const remove = (processes: Processes, name: string, gone: ReadonlyArray<CheckedInstance>): Processes => {
  const process = processOf(processes, name)
  const names = gone.map(({ instance }) => instance)
  return update(processes, name, {
    ...process,
    instances: HashMap.removeMany(process.instances, names),
    steps: HashMap.removeMany(process.steps, names),
    ready: gone.reduce((ready, one) => relist(ready, one, one.instance, undefined), process.ready),
    due: gone.reduce((due, one) => relist(due, one, one.instance, undefined), process.due)
  })
}
