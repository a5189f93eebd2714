/**
 * A decider: a domain's rules as pure functions. `evolve` folds events into a state, `decide` answers a command with the events that follow from it,
 * or with a typed rejection. Nothing here reads a clock, draws a random number or waits: what a decision needs from outside comes with the command or
 * in the context. The pattern and its laws are Jérémie Chassaing's ("Functional Event Sourcing Decider").
 */
import type * as DateTime from "effect/DateTime"
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { type Case, define, type Definitions, type Keyed, keyed, keyedBy, type Tagged, union } from "./Event.ts"
import { derivedId } from "./internal/kernel/derivedId.ts"
import { deepFreeze } from "./internal/kernel/freeze.ts"
import { handlerOf } from "./internal/kernel/handlerOf.ts"
import { DeciderDefect } from "./internal/kernel/guard.ts"
import type {
  EventOrTaggedError,
  ErrorsOf,
  NoOther,
  RightEvents,
  RightStates
} from "./internal/kernel/rightHandlers.ts"

export { DeciderDefect }

/** What a decision may know beside command and state. */
export interface DecideContext {
  /** When the command is decided. */
  readonly now: DateTime.Utc
  /**
   * An id for something that the decision creates. The same command id and name give the same id however often it is decided, and on whichever
   * stream: both sides of a transfer can name it alike. Different names give different ids; where one command id is used for several streams, make
   * the stream part of the name.
   */
  readonly id: (name: string | number) => string
}

/** The context of a decision: its time, and ids that derive from the command's id. */
export const context = (options: { readonly now: DateTime.Utc; readonly commandId: string }): DecideContext => ({
  now: options.now,
  id: (name) => derivedId(options.commandId, "decide", String(name))
})

/**
 * The rules of one kind of thing. `Errors` maps each command's tag to what that command can be rejected with. `Read` are the events that `evolve`
 * understands, `Event` those that `decide` gives; they are the same unless the decider observes events that others write.
 */
export interface Decider<
  in out State,
  in out Command extends Tagged,
  in out Event extends Tagged,
  out Errors extends { readonly [Tag in Command["_tag"]]: unknown },
  in out Read extends Tagged = Event
> {
  /** Names the decider in errors, and is the category of its streams. */
  readonly name: string
  /** The schema of the state, which writes it as JSON in snapshots. */
  readonly state: Schema.Codec<State, unknown>
  /** The schema of the commands. */
  readonly commands: Schema.Codec<Command, unknown>
  /** The tags of the commands. */
  readonly commandTypes: ReadonlyArray<Command["_tag"]>
  /** The events that `decide` gives, which are the only ones that are written. */
  readonly events: Definitions<Event>
  /** The events that `evolve` understands. */
  readonly reads: Definitions<Read>
  /** The state before any event. */
  readonly initial: State
  /** Whether the story is over, so that readers may let go of it. */
  readonly isTerminal: (state: State) => boolean
  /** The state after an event. Pure and total: what it throws is a `DeciderDefect` where an aggregate runs it. */
  readonly evolve: (state: State, event: Read) => State
  /** The events that follow from a command, none where there is nothing to do; or what the command is rejected with. */
  readonly decide: <Tag extends Command["_tag"]>(
    command: Command & { readonly _tag: Tag },
    state: State,
    context: DecideContext
  ) => Result.Result<ReadonlyArray<Event>, Errors[Tag]>
}

/** Any decider, for code that treats them alike. */
// oxlint-disable-next-line typescript/no-explicit-any -- invariant parameters have no other top type
export type Any = Decider<any, any, any, any, any>

/** The state of a decider. */
export type State<D extends Any> = D["initial"]
/** The commands of a decider. */
export type Command<D extends Any> = D["commands"]["Type"]
/** The events that a decider writes. */
export type Event<D extends Any> = D["events"]["Type"]
/** The events that a decider reads: those it writes, and those it observes. */
export type Read<D extends Any> = D["reads"]["Type"]
/** What the command with this tag can be rejected with. */
export type Rejection<D extends Any, Tag extends string> =
  // oxlint-disable-next-line typescript/no-explicit-any -- see Any
  D extends Decider<any, any, any, infer Errors, any> ? (Tag extends keyof Errors ? Errors[Tag] : never) : never

type EvolveHandlers<State, Read extends Tagged> = {
  readonly [Type in Read["_tag"]]: (state: State, event: Case<Read, Type>) => State
}

type DecideHandlers<State, Command extends Tagged, Event extends Tagged> = {
  readonly [Tag in Command["_tag"]]: (
    command: Case<Command, Tag>,
    state: State,
    context: DecideContext
  ) =>
    | ReadonlyArray<Event | EventOrTaggedError>
    | Result.Result<ReadonlyArray<Event | EventOrTaggedError>, EventOrTaggedError>
}

/** The vocabulary of a decider, before its rules. */
export interface Options<State, Command extends Tagged, Event extends Tagged, Observed extends Tagged> {
  /** Names the decider in errors, and is the category of its streams. */
  readonly name: string
  /** The schema of the state. */
  readonly state: Schema.Codec<State, unknown>
  /** The state before any event. */
  readonly initial: NoInfer<State>
  /** The schema of the commands: a union of what is told apart by `_tag`. */
  readonly commands: Schema.Codec<Command, unknown>
  /** The events that `decide` gives. */
  readonly events: Definitions<Event>
  /** Events that others write and `evolve` wants to know as well. */
  readonly observes?: Definitions<Observed>
  /** Whether the story is over: readers may let go of it. It enforces nothing; a decider that refuses commands then says so in `decide`. */
  readonly isTerminal?: (state: NoInfer<State>) => boolean
}

/** The second step of {@link make}: how events change the state. */
interface Evolving<State, Command extends Tagged, Event extends Tagged, Read extends Tagged> {
  /** How each event changes the state: one handler per event type, total and without effects. */
  evolve<Handlers extends EvolveHandlers<State, Read>>(
    handlers: Handlers & NoOther<Handlers, Read["_tag"]> & RightStates<Handlers, State>
  ): Deciding<State, Command, Event, Read>
}

/** The last step of {@link make}: what follows from commands. */
interface Deciding<State, Command extends Tagged, Event extends Tagged, Read extends Tagged> {
  /** What follows from each command: one handler per command, giving the events (none: nothing to do) or a failed `Result` with a tagged error. */
  decide<Handlers extends DecideHandlers<State, Command, Event>>(
    handlers: Handlers & NoOther<Handlers, Command["_tag"]> & RightEvents<Handlers, Event>
  ): Decider<State, Command, Event, ErrorsOf<Handlers, Command["_tag"]>, Read>
}

/**
 * Makes a decider in three steps that infer everything: its vocabulary, `evolve`, `decide`.
 *
 * @example
 * import { Decider, Event } from "eventfold"
 * import { Data, DateTime, Result, Schema } from "effect"
 *
 * class Empty extends Data.TaggedError("Empty")<{}> {}
 *
 * const counter = Decider.make({
 *   name: "counter",
 *   state: Schema.Int,
 *   initial: 0,
 *   commands: Schema.TaggedUnion({ Increment: {}, Decrement: {} }),
 *   events: Event.define({ Incremented: {}, Decremented: {} })
 * })
 *   .evolve({ Incremented: (count) => count + 1, Decremented: (count) => count - 1 })
 *   .decide({
 *     Increment: () => [{ _tag: "Incremented" }],
 *     Decrement: (_, count) => (count === 0 ? Result.fail(new Empty()) : [{ _tag: "Decremented" }])
 *   })
 *
 * const state = Decider.fold(counter, [{ _tag: "Incremented" }]) // 1
 * const context = Decider.context({ now: DateTime.makeUnsafe("2026-03-31T12:00:00Z"), commandId: "click:2" })
 * Decider.run(counter, state, { _tag: "Decrement" }, context) // a success: { events: [{ _tag: "Decremented" }], state: 0 }
 */
export const make = <State, Command extends Tagged, Event extends Tagged, Observed extends Tagged = never>(
  options: Options<State, Command, Event, Observed>
): Evolving<State, Command, Event, Event | Observed> => {
  const { name, state, commands, events, observes, isTerminal = () => false } = options
  // One value for every stream: an evolve that changed it would change all of them.
  const initial = deepFreeze(options.initial)
  const reads = (observes === undefined ? events : union(events, observes)) as Definitions<Event | Observed>
  return {
    evolve: (evolveHandlers) => ({
      decide: (decideHandlers) => ({
        name,
        state,
        commands,
        commandTypes: Object.keys(decideHandlers),
        events,
        reads,
        initial,
        isTerminal,
        evolve: (current, event) => handlerOf(name, evolveHandlers, event)(current, event),
        decide: (command, current, ctx) => {
          const decision = handlerOf(name, decideHandlers, command)(command, current, ctx)
          if (Result.isResult(decision)) return decision
          if (Array.isArray(decision)) return Result.succeed(decision)
          throw new TypeError(`${name}: deciding ${command._tag} gave neither events nor a Result`)
        }
      })
    })
  }
}

/** The state after some events: the fold that gives the library its name. From `initial`, or from a state reached before. */
export const fold = <
  S,
  C extends Tagged,
  E extends Tagged,
  Errors extends Record<C["_tag"], unknown>,
  R extends Tagged
>(
  decider: Decider<S, C, E, Errors, R>,
  events: Iterable<NoInfer<R>>,
  from: NoInfer<S> = decider.initial
): S => {
  let state = from
  for (const event of events) state = decider.evolve(state, event)
  return state
}

/** What a command does to a state: the events that follow and the state they lead to. */
export const run = <
  S,
  C extends Tagged,
  E extends R,
  Errors extends Record<C["_tag"], unknown>,
  R extends Tagged,
  Tag extends C["_tag"]
>(
  decider: Decider<S, C, E, Errors, R>,
  state: NoInfer<S>,
  command: NoInfer<C> & { readonly _tag: Tag },
  ctx: DecideContext
): Result.Result<{ readonly events: ReadonlyArray<E>; readonly state: S }, Errors[Tag]> =>
  Result.map(decider.decide(command, state, ctx), (events) => ({ events, state: fold(decider, events, state) }))

type Disjoint<A extends string, B extends string> = [A & B] extends [never]
  ? unknown
  : { readonly "both deciders have the command": A & B }

/**
 * Two deciders side by side: each keeps its own state and answers its own commands. Commands in common do not compile; events in common are refused
 * when the program starts. It is associative up to the nesting of the state, and {@link empty} is its identity. It is over when both are.
 *
 * @example
 * ```ts continue
 * const vocabulary = { name: "lamp", state: Schema.Boolean, initial: false, commands: Schema.TaggedUnion({ Toggle: {} }) }
 * const lamp = Decider.make({ ...vocabulary, events: Event.define({ Toggled: {} }) })
 *   .evolve({ Toggled: (on) => !on })
 *   .decide({ Toggle: () => [{ _tag: "Toggled" }] })
 *
 * Decider.fold(Decider.compose(counter, lamp), [{ _tag: "Incremented" }, { _tag: "Toggled" }]) // [1, true]
 * Decider.fold(Decider.many(counter), [Event.keyed("ada", { _tag: "Incremented" })]) // ada: 1
 * ```
 */
export const compose = <
  S1,
  C1 extends Tagged,
  E1 extends Tagged,
  X1 extends Record<C1["_tag"], unknown>,
  R1 extends Tagged,
  S2,
  C2 extends Tagged,
  E2 extends Tagged,
  X2 extends Record<C2["_tag"], unknown>,
  R2 extends Tagged
>(
  self: Decider<S1, C1, E1, X1, R1>,
  that: Decider<S2, C2, E2, X2, R2> & Disjoint<C1["_tag"], C2["_tag"]>
): Decider<readonly [S1, S2], C1 | C2, E1 | E2, X1 & X2, R1 | R2> => {
  const isMineToDecide = (command: C1 | C2): command is C1 => self.commandTypes.includes(command._tag)
  const isMineToRead = (event: R1 | R2): event is R1 => self.reads.types.includes(event._tag)
  return {
    name: `${self.name}+${that.name}`,
    state: Schema.Tuple([self.state, that.state]),
    commands: Schema.Union([self.commands, that.commands]),
    commandTypes: [...self.commandTypes, ...that.commandTypes],
    events: union(self.events, that.events),
    reads: union(self.reads, that.reads),
    initial: [self.initial, that.initial],
    isTerminal: ([mine, theirs]) => self.isTerminal(mine) && that.isTerminal(theirs),
    evolve: ([mine, theirs], event) =>
      isMineToRead(event) ? [self.evolve(mine, event), theirs] : [mine, that.evolve(theirs, event as R2)],
    decide: (command, [mine, theirs], ctx): Result.Result<ReadonlyArray<E1 | E2>, never> =>
      (isMineToDecide(command)
        ? self.decide(command, mine, ctx)
        : that.decide(command as C2, theirs, ctx)) as Result.Result<ReadonlyArray<E1 | E2>, never>
  }
}

/** The decider that has nothing to decide: the identity of {@link compose}. */
export const empty: Decider<void, never, never, {}> = {
  name: "empty",
  state: Schema.Void,
  commands: Schema.Never,
  commandTypes: [],
  events: define({}),
  reads: define({}),
  initial: undefined,
  isTerminal: () => true,
  evolve: (state) => state,
  decide: () => Result.succeed([])
}

/**
 * A family of things with the same rules, told apart by a key: one decider over all of them. Commands and events carry the key (`Event.keyed(key,
 * command)`), and a member that nothing has happened to is in the initial state. What concerns one key alone goes as in the decider itself. A family is
 * never over: a new member can always begin.
 */
export const many = <S, C extends Tagged, E extends Tagged, X extends Record<C["_tag"], unknown>, R extends Tagged>(
  decider: Decider<S, C, E, X, R>
): Decider<HashMap.HashMap<string, S>, Keyed<C>, Keyed<E>, { readonly [Tag in C["_tag"]]: X[Tag] }, Keyed<R>> => {
  const member = (family: HashMap.HashMap<string, S>, key: string): S =>
    Option.getOrElse(HashMap.get(family, key), () => decider.initial)
  return {
    name: decider.name,
    state: Schema.HashMap(Schema.String, decider.state),
    commands: Schema.Struct({ _tag: Schema.String, key: Schema.String, value: decider.commands }).check(
      Schema.makeFilter(({ _tag, value }) => _tag === value._tag || { path: ["_tag"], issue: `expected ${value._tag}` })
    ) as Schema.Codec<unknown> as Schema.Codec<Keyed<C>, unknown>,
    commandTypes: decider.commandTypes,
    events: keyedBy(decider.events),
    reads: keyedBy(decider.reads),
    initial: HashMap.empty(),
    isTerminal: () => false,
    evolve: (family, { key, value }) => HashMap.set(family, key, decider.evolve(member(family, key), value as R)),
    decide: ({ key, value }, family, ctx) =>
      Result.map(decider.decide(value as never, member(family, key), ctx), (events) =>
        events.map((event) => keyed(key, event))
      )
  }
}

type ReturnOf<F> = F extends (...args: never) => infer Returned ? Returned : never

type RejectionOf<X, Asked> = Asked extends Tagged ? (Asked["_tag"] extends keyof X ? X[Asked["_tag"]] : never) : never

/** The last step of {@link adapt}: the translation. */
interface Adapting<
  S,
  C extends Tagged,
  E extends Tagged,
  X extends Record<C["_tag"], unknown>,
  R extends Tagged,
  C2 extends Tagged,
  E2 extends Tagged
> {
  /**
   * The translation: what a new command asks of the decider, what its events are called, and how they are read back. Reading back what was written
   * must give the event again, or the state would not follow.
   */
  via<Asks extends { readonly [Tag in C2["_tag"]]: (command: Case<C2, Tag>) => C }>(translation: {
    /** What each new command asks of the decider. */
    readonly ask: Asks & NoOther<Asks, C2["_tag"]>
    /** What each event of the decider is written as. */
    readonly write: { readonly [Type in E["_tag"]]: (event: Case<E, Type>) => ReadonlyArray<E2> }
    /** What each written event is read as. */
    readonly read: { readonly [Type in E2["_tag"]]: (event: Case<E2, Type>) => ReadonlyArray<R> }
  }): Decider<
    S,
    C2,
    E2,
    { readonly [Tag in C2["_tag"]]: Tag extends keyof Asks ? RejectionOf<X, ReturnOf<Asks[Tag]>> : never }
  >
}

/** The same rules under another vocabulary of commands and events. */
export const adapt = <
  S,
  C extends Tagged,
  E extends Tagged,
  X extends Record<C["_tag"], unknown>,
  R extends Tagged,
  C2 extends Tagged,
  E2 extends Tagged
>(
  decider: Decider<S, C, E, X, R>,
  vocabulary: {
    /** The name under the new vocabulary: the category of its streams. */
    readonly name: string
    /** The schema of the new commands. */
    readonly commands: Schema.Codec<C2, unknown>
    /** The new events. */
    readonly events: Definitions<E2>
  }
): Adapting<S, C, E, X, R, C2, E2> => ({
  via: ({ ask, read, write }) => ({
    ...vocabulary,
    state: decider.state,
    commandTypes: Object.keys(ask),
    reads: vocabulary.events,
    initial: decider.initial,
    isTerminal: decider.isTerminal,
    evolve: (state, event) => fold(decider, handlerOf(vocabulary.name, read, event)(event), state),
    decide: (command, state, ctx) =>
      Result.mapBoth(decider.decide(handlerOf(vocabulary.name, ask, command)(command), state, ctx), {
        onFailure: (rejection) => rejection as never,
        onSuccess: (events) => events.flatMap<E2>((event) => handlerOf(vocabulary.name, write, event)(event))
      })
  })
})
