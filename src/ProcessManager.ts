/**
 * A process manager: work that spans streams, as pure functions. It hears events, and asks aggregates for what follows from them; what is
 * rejected is compensated, and what does not come in time is chased.
 *
 * One instance of it runs for each thing that it looks after, such as an order. What happens to an instance is an input: an event, a
 * command of its own that was rejected or executed, a timer of its own that has elapsed. `evolve` folds inputs into its state, and `react` says
 * on the new state what is to be done: commands to send, timers to set and to cancel. Neither does any of it; a runtime, such as `Process`,
 * does, and a spec runs both without one. After Jérémie Chassaing's process managers, which `react` to events and can `resume`; the name is of
 * "Enterprise Integration Patterns" (Hohpe, Woolf).
 */
import type * as DateTime from "effect/DateTime"
import * as Schema from "effect/Schema"
import type * as Decider from "./Decider.ts"
import { type Case, define, type Definitions, type Tagged, union } from "./Event.ts"
import { deepFreeze } from "./internal/kernel/freeze.ts"
import { handlerOf } from "./internal/kernel/handlerOf.ts"
import {
  type Action,
  type Before,
  type Cancel,
  type Elapsed,
  type EventContext,
  type Executed,
  handle,
  type Handlers,
  type Happened,
  type Input,
  type InputContext,
  type Rejected,
  type Schedule,
  type Send,
  type Sends,
  type Target,
  type Targets
} from "./internal/kernel/processInputs.ts"
import type { RecordedEvent } from "./RecordedEvent.ts"

export type {
  Action,
  Before,
  Cancel,
  Elapsed,
  EventContext,
  Executed,
  Happened,
  Input,
  InputContext,
  Rejected,
  Schedule,
  Send,
  Sends,
  Target,
  Targets
}

/**
 * The rules of a process.
 */
export interface ProcessManager<in out State, E extends Tagged, T extends Targets, Timer extends string> {
  /** Names the process: what it has come to is kept under it. */
  readonly name: string
  /** The schema of an instance's state. */
  readonly state: Schema.Codec<State, unknown>
  /** The state of an instance that nothing has happened to. */
  readonly initial: State
  /** The events that it hears. */
  readonly events: Definitions<E>
  /** The aggregates that it sends commands to, by names of its own. */
  readonly targets: T
  /** The names of its timers. */
  readonly timers: ReadonlyArray<Timer>
  /** Whether there is nothing left to be done for an instance. */
  isTerminal(state: State): boolean
  /** The instance that an event happens to, if it is the concern of any. */
  instanceOf(event: E, recorded: RecordedEvent): string | undefined
  /** The state after an input. */
  evolve(state: State, input: Input<E, T, Timer>, context: InputContext): State
  /** What is to be done, on the state after the input. */
  react(state: State, input: Input<E, T, Timer>, context: InputContext & Before<State>): ReadonlyArray<Action<T, Timer>>
  /** Whether it says what a state calls for: otherwise `resume` gives nothing. */
  readonly canResume: boolean
  /** What a state calls for, whatever was sent and set before. */
  resume(state: State, context: InputContext): ReadonlyArray<Action<T, Timer>>
}

/**
 * Any process manager, for code that treats them alike.
 */
// oxlint-disable-next-line typescript/no-explicit-any -- invariant parameters have no other top type
export type Any = ProcessManager<any, any, any, any>

/**
 * Says which commands of a decider a process manager sends. It has to say what becomes of each of them that can be rejected.
 */
export const sends = <D extends Decider.Any, const Tag extends Decider.Command<D>["_tag"]>(
  decider: D,
  commands: ReadonlyArray<Tag>
): Target<D, Tag> => ({ decider, commands })

/** A command to send. */
export const send = <const To extends string, const Command extends Tagged>(
  to: To,
  id: string,
  command: Command
): Send<To, Command> => ({ _tag: "Send", to, id, command })

/** A timer to set, in place of the one of that name that may be set already. */
export const schedule = <const Timer extends string>(timer: Timer, at: DateTime.Utc): Schedule<Timer> => ({
  _tag: "Schedule",
  timer,
  at
})

/** A timer to cancel. Where none is set, there is nothing to do. */
export const cancel = <const Timer extends string>(timer: Timer): Cancel<Timer> => ({ _tag: "Cancel", timer })

/**
 * The vocabulary of a process manager, before its rules.
 */
export interface Options<State, E extends Tagged, T extends Targets, Timer extends string> {
  /** Names the process. What it has come to is kept under this name: another name is another process. */
  readonly name: string
  /** The schema of an instance's state. */
  readonly state: Schema.Codec<State, unknown>
  /** The state of an instance that nothing has happened to. */
  readonly initial: NoInfer<State>
  /** The events that it hears. Take some types of a larger set with `Event.pick`. */
  readonly events: Definitions<E>
  /** The aggregates that it sends commands to, by names of its own. None by default. */
  readonly targets?: T
  /** The names of its timers. None by default. */
  readonly timers?: ReadonlyArray<Timer>
  /**
   * Whether there is nothing left to be done for an instance: its timers are cancelled, and what is kept of it may be removed. It enforces nothing:
   * an input that comes later is handled like any other.
   */
  readonly isTerminal?: (state: NoInfer<State>) => boolean
}

/** The second step of {@link make}: which instance an event happens to. */
interface Correlating<State, E extends Tagged, T extends Targets, Timer extends string> {
  /**
   * Which instance each event happens to: one handler per event type, giving its id, or `undefined` where it is no concern of any.
   */
  correlate(handlers: {
    readonly [Type in E["_tag"]]: (event: Case<E, Type>, recorded: RecordedEvent) => string | undefined
  }): Evolving<State, E, T, Timer>
}

/** The third step of {@link make}: how inputs change the state. */
interface Evolving<State, E extends Tagged, T extends Targets, Timer extends string> {
  /** How each input changes the state, total and without effects. */
  evolve(handlers: Handlers<State, E, T, Timer, State>): Reacting<State, E, T, Timer>
}

/** The last step of {@link make}: what inputs ask for. */
interface Reacting<State, E extends Tagged, T extends Targets, Timer extends string> {
  /** What each input asks for, on the state that it has led to; the one before is in the context. */
  react(
    handlers: Handlers<State, E, T, Timer, ReadonlyArray<Action<T, Timer>>, Before<State>> & {
      /**
       * What a state calls for, whatever was sent and set before: asked for where nothing is known of that, such as for an instance that was
       * under way before there was this process. Nothing by default.
       */
      readonly resume?: (state: State, context: InputContext) => ReadonlyArray<Action<T, Timer>>
    }
  ): ProcessManager<State, E, T, Timer>
}

/**
 * Makes a process manager in four steps that infer everything: its vocabulary, `correlate`, `evolve`, `react`.
 *
 * @example
 * import { Decider, Event, ProcessManager } from "eventfold"
 * import { DateTime, Schema } from "effect"
 *
 * const OrderEvent = Event.define({ OrderPlaced: { orderId: Schema.String }, OrderPaid: { orderId: Schema.String } })
 *
 * const reminder = Decider.make({
 *   name: "reminder",
 *   state: Schema.Int,
 *   initial: 0,
 *   commands: Schema.TaggedUnion({ Remind: {} }),
 *   events: Event.define({ Reminded: {} })
 * })
 *   .evolve({ Reminded: (count) => count + 1 })
 *   .decide({ Remind: () => [{ _tag: "Reminded" }] })
 *
 * const chasing = ProcessManager.make({
 *   name: "chasing",
 *   state: Schema.Literals(["new", "unpaid", "paid"]),
 *   initial: "new",
 *   events: OrderEvent,
 *   targets: { reminder: ProcessManager.sends(reminder, ["Remind"]) },
 *   timers: ["payment"],
 *   isTerminal: (state) => state === "paid"
 * })
 *   .correlate({ OrderPlaced: ({ orderId }) => orderId, OrderPaid: ({ orderId }) => orderId })
 *   .evolve({
 *     events: { OrderPlaced: () => "unpaid", OrderPaid: () => "paid" },
 *     elapsed: { payment: (state) => state }
 *   })
 *   .react({
 *     events: {
 *       OrderPlaced: (_, __, { now }) => [ProcessManager.schedule("payment", DateTime.add(now, { days: 7 }))],
 *       OrderPaid: () => []
 *     },
 *     elapsed: { payment: (_, __, { instance }) => [ProcessManager.send("reminder", instance, { _tag: "Remind" })] }
 *   })
 */
export const make = <State, E extends Tagged, const T extends Targets = {}, const Timer extends string = never>(
  options: Options<State, E, T, Timer>
): Correlating<State, E, T, Timer> => {
  const { name, state, events, timers = [], isTerminal = () => false } = options
  const initial = deepFreeze(options.initial)
  // Without targets there are none, which is what the default of their type says.
  const targets = (options.targets ?? {}) as T
  return {
    correlate: (correlateHandlers) => ({
      evolve: (evolveHandlers) => ({
        react: (reactHandlers) => ({
          name,
          state,
          initial,
          events,
          targets,
          timers,
          isTerminal,
          instanceOf: (event, recorded) => handlerOf(name, correlateHandlers, event)(event, recorded),
          evolve: (current, input, context) => handle(name, evolveHandlers, current, input, context, current),
          react: (current, input, context) => handle(name, reactHandlers, current, input, context, []),
          canResume: reactHandlers.resume !== undefined,
          resume: (current, context) => reactHandlers.resume?.(current, context) ?? []
        })
      })
    })
  }
}

type Disjoint<A, B, What extends string> = [A & B] extends [never] ? unknown : { readonly [W in What]: A & B }

/**
 * Two process managers side by side, as one: each hears its own events, keeps its own state, and has its own targets and timers. Targets or
 * timers of one name in both do not compile; events in common are refused when the program starts.
 *
 * `compose` is associative up to the nesting of the state, and {@link empty} is its identity. The composition is over when both are: a
 * side that is over before the other cancels its timers itself, if they are not to elapse.
 *
 * @example
 * ```ts continue
 * const reviews = Event.define({ OrderReviewed: { orderId: Schema.String } })
 * const counting = ProcessManager.make({ name: "counting", state: Schema.Int, initial: 0, events: reviews })
 *   .correlate({ OrderReviewed: ({ orderId }) => orderId })
 *   .evolve({ events: { OrderReviewed: (count) => count + 1 } })
 *   .react({ events: { OrderReviewed: () => [] } })
 *
 * ProcessManager.compose(chasing, counting).timers // ["payment"]
 * ```
 */
export const compose = <
  S1,
  E1 extends Tagged,
  T1 extends Targets,
  N1 extends string,
  S2,
  E2 extends Tagged,
  T2 extends Targets,
  N2 extends string
>(
  self: ProcessManager<S1, E1, T1, N1>,
  that: ProcessManager<S2, E2, T2, N2> &
    Disjoint<keyof T1, keyof T2, "both process managers have the target"> &
    Disjoint<N1, N2, "both process managers have the timer">
): ProcessManager<readonly [S1, S2], E1 | E2, T1 & T2, N1 | N2> => {
  type Mine = Input<E1, T1, N1>
  type Theirs = Input<E2, T2, N2>
  const isMyEvent = (event: E1 | E2): event is E1 => self.events.types.includes(event._tag)
  const timers: ReadonlyArray<string> = self.timers
  const isMine = (input: Input<E1 | E2, T1 & T2, N1 | N2>): boolean => {
    const { _tag, ...rest }: Input<Tagged, Targets, string> = input
    if ("event" in rest) return self.events.types.includes(rest.event._tag)
    return "timer" in rest ? timers.includes(rest.timer) : Object.hasOwn(self.targets, rest.to)
  }
  return {
    name: `${self.name}+${that.name}`,
    state: Schema.Tuple([self.state, that.state]),
    initial: deepFreeze([self.initial, that.initial] as const),
    events: union(self.events, that.events),
    targets: { ...self.targets, ...that.targets },
    timers: [...self.timers, ...that.timers],
    isTerminal: ([mine, theirs]) => self.isTerminal(mine) && that.isTerminal(theirs),
    instanceOf: (event, recorded) =>
      isMyEvent(event) ? self.instanceOf(event, recorded) : that.instanceOf(event as E2, recorded),
    evolve: (state, input, context) => {
      const [mine, theirs] = state
      const next: typeof state = isMine(input)
        ? [self.evolve(mine, input as Mine, context), theirs]
        : [mine, that.evolve(theirs, input as Theirs, context)]
      // What leaves its own side at the very value leaves the whole there: so whether it is the initial one is known by identity.
      return Object.is(next[0], mine) && Object.is(next[1], theirs) ? state : next
    },
    react: ([mine, theirs], input, context) =>
      (isMine(input)
        ? self.react(mine, input as Mine, { ...context, before: context.before[0] })
        : that.react(theirs, input as Theirs, { ...context, before: context.before[1] })) as ReadonlyArray<
        Action<T1 & T2, N1 | N2>
      >,
    canResume: self.canResume || that.canResume,
    resume: ([mine, theirs], context) =>
      [...self.resume(mine, context), ...that.resume(theirs, context)] as ReadonlyArray<Action<T1 & T2, N1 | N2>>
  }
}

/**
 * The process manager that hears nothing: the identity of {@link compose}.
 */
export const empty: ProcessManager<void, never, {}, never> = {
  name: "empty",
  state: Schema.Void,
  initial: undefined,
  events: define({}),
  targets: {},
  timers: [],
  isTerminal: () => true,
  instanceOf: () => undefined,
  evolve: (state) => state,
  react: () => [],
  canResume: false,
  resume: () => []
}
