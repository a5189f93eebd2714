/**
 * The vocabulary of process managers: what can happen to an instance, what it can ask for, and the handlers of the one that give the other.
 */
import type * as DateTime from "effect/DateTime"
import type * as Decider from "../../Decider.ts"
import type { Case, Tagged } from "../../Event.ts"
import type { RecordedEvent } from "../../RecordedEvent.ts"
import { handlerOf } from "./handlerOf.ts"

/**
 * Aggregates that a process manager sends commands to: their rules, and which of their commands it sends.
 */
export interface Target<out D extends Decider.Any, out Tag extends string> {
  /** The rules of the aggregate. */
  readonly decider: D
  /** The tags of the commands that are sent to it. */
  readonly commands: ReadonlyArray<Tag>
}

/** Targets by the names that the process manager knows them by. */
export interface Targets {
  readonly [to: string]: Target<Decider.Any, string>
}

/** A command that is to be sent to the aggregate of an id. */
export interface Send<out To extends string, out Command extends Tagged> {
  readonly _tag: "Send"
  /** The target, by the process manager's name for it. */
  readonly to: To
  /** The id of the aggregate. */
  readonly id: string
  /** The command. */
  readonly command: Command
}

/** A timer that is to elapse at an instant. An instance has one of each name: to set it again is to set it anew. */
export interface Schedule<out Timer extends string> {
  readonly _tag: "Schedule"
  /** The name of the timer. */
  readonly timer: Timer
  /** When it is due. */
  readonly at: DateTime.Utc
}

/** A timer that is not to elapse any more. */
export interface Cancel<out Timer extends string> {
  readonly _tag: "Cancel"
  /** The name of the timer. */
  readonly timer: Timer
}

type Values<A> = A[keyof A]

type Commands<T> = T extends Target<infer D, infer Tag> ? Case<Decider.Command<D>, Tag> : never

/** What a process manager may send. */
export type Sends<T extends Targets> = Values<{ readonly [To in keyof T & string]: Send<To, Commands<T[To]>> }>

/** What a reaction may ask for. */
export type Action<T extends Targets, Timer extends string> = Sends<T> | Schedule<Timer> | Cancel<Timer>

/** A command of the process manager's own that was rejected. Nothing of it was stored. */
export interface Rejected<out To extends string, out Command extends Tagged, out Rejection> {
  readonly _tag: "Rejected"
  /** The target that it was sent to. */
  readonly to: To
  /** The id of the aggregate. */
  readonly id: string
  /** The command as it was sent. */
  readonly command: Command
  /** What it was rejected with. */
  readonly rejection: Rejection
}

/** A command of the process manager's own that was executed, and the events that it came to: none where there was nothing to do. */
export interface Executed<out To extends string, out Command extends Tagged, out Event> {
  readonly _tag: "Executed"
  /** The target that it was sent to. */
  readonly to: To
  /** The id of the aggregate. */
  readonly id: string
  /** The command as it was sent. */
  readonly command: Command
  /** The events that it came to. */
  readonly events: ReadonlyArray<Event>
}

/** A timer of the process manager's own that has elapsed. */
export interface Elapsed<out Timer extends string> {
  readonly _tag: "Elapsed"
  /** The name of the timer. */
  readonly timer: Timer
  /** When it was due. */
  readonly at: DateTime.Utc
}

/** An event that was recorded. */
export interface Happened<out E extends Tagged> {
  readonly _tag: "Event"
  /** The domain event. */
  readonly event: E
  /** The event as it was recorded. */
  readonly recorded: RecordedEvent
}

type RejectedBy<To extends string, T, Tag extends string> =
  T extends Target<infer D, string> ? Rejected<To, Case<Decider.Command<D>, Tag>, Decider.Rejection<D, Tag>> : never

type ExecutedBy<To extends string, T, Tag extends string> =
  T extends Target<infer D, string> ? Executed<To, Case<Decider.Command<D>, Tag>, Decider.Event<D>> : never

type TagOf<T> = T extends Target<Decider.Any, infer Tag> ? Tag : never

type IsAny<T> = 0 extends 1 & T ? true : false

/** Of the commands that are sent, those that can be rejected. Of a decider that does not compile nothing is known, and nothing asked. */
type Rejectable<T> =
  T extends Target<infer D, infer Tag>
    ? Tag extends string
      ? [IsAny<Decider.Rejection<D, Tag>>, Decider.Rejection<D, Tag>] extends [true, unknown] | [false, never]
        ? never
        : Tag
      : never
    : never

/** What can happen to an instance. */
export type Input<E extends Tagged, T extends Targets, Timer extends string> =
  | Happened<E>
  | Elapsed<Timer>
  | Values<{
      readonly [To in keyof T & string]: Values<{
        readonly [Tag in TagOf<T[To]>]: RejectedBy<To, T[To], Tag> | ExecutedBy<To, T[To], Tag>
      }>
    }>

/** The circumstances of an input. */
export interface InputContext {
  /** Which instance it is that this happens to. */
  readonly instance: string
  /** When: of an event, when it was recorded; otherwise when it was handled. */
  readonly now: DateTime.Utc
}

/** The circumstances of an event. */
export interface EventContext extends InputContext {
  /** The event as it was recorded. */
  readonly recorded: RecordedEvent
}

/** What a reaction knows beside the state that an input has led to. */
export interface Before<out State> {
  /** The state before the input. */
  readonly before: State
}

/** Handlers by the kind of input. Those of rejections are asked for where there can be any, those of executions are optional. */
export type Handlers<State, E extends Tagged, T extends Targets, Timer extends string, Out, Known = unknown> = {
  readonly events: {
    readonly [Type in E["_tag"]]: (state: State, event: Case<E, Type>, context: EventContext & Known) => Out
  }
  /** By target and command. Nothing by default: what was executed is heard as events as well. */
  readonly executed?: {
    readonly [To in keyof T & string]?: {
      readonly [Tag in TagOf<T[To]>]?: (
        state: State,
        executed: ExecutedBy<To, T[To], Tag>,
        context: InputContext & Known
      ) => Out
    }
  }
} & Needed<
  "rejected",
  {
    readonly [To in keyof T & string as [Rejectable<T[To]>] extends [never] ? never : To]: {
      readonly [Tag in Rejectable<T[To]>]: (
        state: State,
        rejected: RejectedBy<To, T[To], Tag>,
        context: InputContext & Known
      ) => Out
    }
  }
> &
  Needed<
    "elapsed",
    { readonly [Name in Timer]: (state: State, elapsed: Elapsed<Name>, context: InputContext & Known) => Out }
  >

type Needed<Key extends string, Group> = [keyof Group] extends [never]
  ? { readonly [K in Key]?: { readonly [Name in string]: never } }
  : { readonly [K in Key]: Group }

/** Handlers, as those who look one up see them. */
interface Looked {
  readonly events: object
  readonly rejected?: object
  readonly executed?: object
  readonly elapsed?: object
}

const own = (record: object | undefined, key: string): object | undefined => {
  if (record === undefined || !Object.hasOwn(record, key)) return undefined
  const value: unknown = Reflect.get(record, key)
  return typeof value === "object" && value !== null ? value : undefined
}

/** Has the handler of an input, if it has one, handle it. */
export const handle = <Out>(
  name: string,
  handlers: Looked,
  state: unknown,
  input: Input<Tagged, Targets, string>,
  context: InputContext,
  otherwise: Out
): Out => {
  switch (input._tag) {
    case "Event": {
      const { event, recorded } = input
      return handlerOf(name, handlers.events, event)(state, event, { ...context, recorded })
    }
    case "Elapsed":
      return handlerOf(`${name}, elapsed`, handlers.elapsed ?? {}, { _tag: input.timer })(state, input, context)
    case "Rejected":
      return handlerOf(`${name}, rejected by ${input.to},`, own(handlers.rejected, input.to) ?? {}, input.command)(
        state,
        input,
        context
      )
    case "Executed": {
      const group = own(handlers.executed, input.to)
      return group === undefined || !Object.hasOwn(group, input.command._tag)
        ? otherwise
        : handlerOf(name, group, input.command)(state, input, context)
    }
  }
}
