/**
 * A plain model of a process: one instance of it, told of its story step by step. What the story says has to be what the rules make of it, and what is
 * kept has to be what it comes to.
 */
import { assert } from "@effect/vitest"
import { DateTime, Result } from "effect"
import { Event, type Process, type RecordedEvent } from "eventfold"
import { deskEvents, type DeskState, type makeDesk } from "./support.ts"

type Manager = ReturnType<typeof makeDesk>["manager"]
type Input = Parameters<Manager["evolve"]>[1]

/** A command as a story tells of it. */
const numberOf = (command: unknown): number => {
  assert.isObject(command)
  const n: unknown = Reflect.get(command ?? {}, "n")
  assert.isNumber(n)
  return Number(n)
}

/** The log, and what its events stand for. */
export const hear = (log: ReadonlyArray<RecordedEvent.RecordedEvent>) => ({
  log,
  events: log.flatMap((recorded) =>
    deskEvents.stored.has(recorded.type)
      ? [{ recorded, all: Result.getOrThrow(Event.decodeRecorded(deskEvents, recorded)) }]
      : []
  )
})
type Heard = ReturnType<typeof hear>

/** The events of the log that an instance has to be told of: by position, what each stands for. */
export const concerning = (manager: Manager, { events }: Heard, instance: string) =>
  new Map(
    events.flatMap(({ all, recorded }) => {
      const its = all.filter(({ event }) => manager.instanceOf(event, recorded) === instance)
      return its.length === 0 ? [] : [[recorded.position, its] as const]
    })
  )

/**
 * Goes through a story, and fails where it is not what the rules make of it. `replayedTo`: nobody reacted to what was recorded up to there.
 */
export const checkStory = (
  manager: Manager,
  heard: Heard,
  kept: Process.Instance<DeskState>,
  story: ReadonlyArray<Process.StoryStep>,
  replayedTo = 0
): void => {
  const { instance } = kept
  const { log } = heard
  const concerned = concerning(manager, heard, instance)
  let state = manager.initial
  let sent: Array<string> = []
  let timers = new Map<string, number>()
  let stuck: Process.Stuck | undefined
  const told: Array<number> = []
  const passed: Array<number> = []
  let isCancelled = false

  const act = (
    { commands, at, timers: changed }: Process.StoryStep,
    actions: ReturnType<Manager["react"]>,
    next: DeskState
  ): void => {
    state = next
    const asked = actions.flatMap((action) =>
      action._tag === "Send" ? [{ to: action.to, target: action.id, command: action.command }] : []
    )
    assert.deepStrictEqual(
      commands.map(({ command, target, to }) => ({ to, target, command })),
      JSON.parse(JSON.stringify(asked))
    )
    const set = actions.flatMap((action) =>
      action._tag === "Send" ? [] : [{ timer: action.timer, at: action._tag === "Cancel" ? null : action.at }]
    )
    assert.deepStrictEqual(changed, set)
    sent.push(...commands.map(({ id }) => id))
    for (const { at, timer } of set) {
      if (at === null) timers.delete(timer)
      else timers.set(timer, at.epochMilliseconds)
    }
    if (manager.isTerminal(state)) timers = new Map()
    assert.isAtMost(Math.max(0, ...told), log.length, String(at))
  }

  for (const [index, step] of story.entries()) {
    const { at, input, number } = step
    assert.strictEqual(number, index + 1)
    assert.isFalse(isCancelled, "nothing happens to what was cancelled")
    const context = { instance, now: at }
    const tellOf = (input: Input, now: DateTime.Utc = at): void => {
      if (step.stuck !== undefined) return
      const its = { instance, now }
      const next = manager.evolve(state, input, its)
      act(step, manager.react(next, input, { ...its, before: state }), next)
    }
    // What is stuck is told of nothing.
    if (stuck !== undefined) assert.include(["Retried", "Skipped", "Cancelled", "Resumed"], input._tag)
    if (step.stuck !== undefined) assert.deepStrictEqual([step.commands, step.timers], [[], []])
    switch (input._tag) {
      case "Event": {
        const recorded = log[input.position - 1]!
        assert.strictEqual(input.id, recorded.id)
        if (step.stuck !== undefined) break
        const actions: Array<ReturnType<Manager["react"]>[number]> = []
        let next = state
        for (const { event } of concerned.get(input.position) ?? []) {
          const happened = { _tag: "Event" as const, event, recorded }
          const its = { instance, now: recorded.recordedAt }
          const before = next
          next = manager.evolve(before, happened, its)
          if (input.position > replayedTo) actions.push(...manager.react(next, happened, { ...its, before }))
        }
        act(step, actions, next)
        told.push(input.position)
        break
      }
      case "Executed":
      case "Rejected": {
        const [id] = sent
        assert.strictEqual(input.id, id, "commands are answered in order")
        if (step.stuck === undefined) sent = sent.slice(1)
        const command = { _tag: "Do" as const, n: numberOf(input.command) }
        const about = { to: "tools" as const, id: input.target, command }
        assert.strictEqual(input._tag === "Rejected", command.n < 0)
        tellOf(
          input._tag === "Executed"
            ? { _tag: "Executed", ...about, events: [] }
            : JSON.parse(JSON.stringify({ _tag: "Rejected", ...about, rejection: {} }))
        )
        break
      }
      case "Failed":
        assert.strictEqual(input.id, sent[0])
        assert.isDefined(step.stuck)
        break
      case "Elapsed": {
        const due = timers.get(input.timer)
        assert.strictEqual(due, input.at.epochMilliseconds)
        assert.isAtLeast(at.epochMilliseconds, due ?? Infinity, "no timer elapses early")
        // Everything that was recorded before it was due has been told of.
        for (const position of concerned.keys()) {
          if (log[position - 1]!.recordedAt.epochMilliseconds >= (due ?? 0)) break
          assert.include([...told, ...passed], position, `timer ${input.timer} has overtaken event ${position}`)
        }
        if (step.stuck === undefined) timers.delete(input.timer)
        for (const timer of ["a", "b", "c"] as const) {
          if (timer === input.timer) tellOf({ _tag: "Elapsed", timer, at: input.at })
        }
        break
      }
      case "Resumed":
        if (step.stuck !== undefined) break
        act(step, manager.resume(state, context), state)
        break
      case "Retried":
        break
      case "Skipped":
        if (stuck?._tag === "Command") sent = sent.slice(1)
        if (stuck?._tag === "Event") passed.push(stuck.position)
        if (stuck?._tag === "Timer") timers.delete(stuck.timer)
        break
      case "Cancelled":
        isCancelled = true
        sent = []
        timers = new Map()
        break
    }
    stuck = step.stuck
  }

  const events = [...told, ...passed]
  assert.deepStrictEqual(
    told,
    told.toSorted((a, b) => a - b),
    "events are told in order"
  )
  assert.strictEqual(new Set(events).size, events.length, "no event is told twice")
  if (!isCancelled) assert.sameMembers([...events, ...kept.waiting], Array.from(concerned.keys()))
  assert.deepStrictEqual(kept.state, state)
  assert.deepStrictEqual(
    kept.commands.map(({ id }) => id),
    sent
  )
  assert.deepStrictEqual(new Map(kept.timers.map(({ at, timer }) => [timer, at.epochMilliseconds])), timers)
  assert.deepStrictEqual(kept.stuck, stuck)
  const isOver = manager.isTerminal(state) && sent.length === 0 && kept.waiting.length === 0
  const status = isCancelled ? "cancelled" : stuck !== undefined ? "stuck" : isOver ? "ended" : "running"
  assert.strictEqual(kept.status, status)
}
