/* oxlint-disable unicorn/no-thenable -- given, when, then; and that a spec runs when it is awaited is the point */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Effectable from "effect/Effectable"
import type * as Decider from "../../Decider.ts"
import type { Tagged } from "../../Event.ts"
import type * as ProcessManager from "../../ProcessManager.ts"
import type { SpecFailure } from "../SpecFailure.ts"
import type { Happened } from "./history.ts"
import { checkSteps, isAct, type Step } from "./processSteps.ts"
import type { StoredEvent } from "./RunnableSpec.ts"

type Targets = ProcessManager.Targets

/** The tags of the commands that are sent to a target. */
type Sent<T extends Targets, To extends keyof T> = T[To]["commands"][number]

/** The command of a tag, of a target. */
type CommandTo<T extends Targets, To extends keyof T, Tag extends string> = Decider.Command<T[To]["decider"]> & {
  readonly _tag: Tag
}

/** What can happen to the instance that a spec is about. */
interface Acts<S, E extends Tagged, T extends Targets, Timer extends string> {
  /**
   * An event that is recorded now; with `Spec.recorded` where the circumstances matter. Its `at` moves the time on, as {@link elapse} does: what
   * timers ask for on the way comes first.
   */
  when(event: E | StoredEvent | Happened<E>): ProcessWhen<S, E, T, Timer>
  /** A command of its own that a target rejected. */
  whenRejected<To extends keyof T & string, Tag extends Sent<T, To>>(
    to: To,
    id: string,
    command: CommandTo<T, To, Tag>,
    rejection: Decider.Rejection<T[To]["decider"], Tag>
  ): ProcessWhen<S, E, T, Timer>
  /** A command of its own that a target executed, and the events that it came to. */
  whenExecuted<To extends keyof T & string, Tag extends Sent<T, To>>(
    to: To,
    id: string,
    command: CommandTo<T, To, Tag>,
    events: ReadonlyArray<Decider.Event<T[To]["decider"]>>
  ): ProcessWhen<S, E, T, Timer>
  /**
   * Time that passes. Timers that are due by then elapse, each at its own instant and the first one first, with what is asked for on that; of timers
   * that are due at the same instant, the one that was set first.
   */
  elapse(duration: Duration.Input): ProcessWhen<S, E, T, Timer>
  /** That the state is asked what it calls for. */
  resume(): ProcessWhen<S, E, T, Timer>
}

/** What can be expected of what came last. */
interface Expectations<S, E extends Tagged, T extends Targets, Timer extends string> {
  /** Just these commands, in this order, whatever the timers. Of time that passes, what all timers that elapsed asked for. */
  then(commands: ReadonlyArray<ProcessManager.Sends<T>>): ProcessSpec<S, E, T, Timer>
  /** No command, and every timer as it was, but for those that elapsed. */
  thenNothing(): ProcessSpec<S, E, T, Timer>
  /** This state. */
  thenState(state: S): ProcessSpec<S, E, T, Timer>
  /** A terminal state: all timers are cancelled. */
  thenEnded(): ProcessSpec<S, E, T, Timer>
  /** That this timer is set, and due so long after the time that it is now. */
  thenTimer(timer: Timer, after: Duration.Input): ProcessSpec<S, E, T, Timer>
  /** That this timer is not set. */
  thenNoTimer(timer: Timer): ProcessSpec<S, E, T, Timer>
  /** That the event happens to no instance, or to another one. Without it such an event fails, for a spec is about one instance. */
  thenIgnored(): ProcessSpec<S, E, T, Timer>
}

/**
 * What has happened to a process manager's instance, and is to come to something.
 */
export interface ProcessWhen<S, E extends Tagged, T extends Targets, Timer extends string>
  extends Acts<S, E, T, Timer>, Expectations<S, E, T, Timer> {}

/**
 * What `then` with commands is called on. That the property is missing in a spec does not keep it from being called; but TypeScript, which looks for the `then`
 * of a promise among those whose `this` is a supertype of what is awaited, passes over it.
 */
interface Extended {
  /** What only a spec has. */
  readonly thenNothing: unknown
  readonly "~eventfold/testing/notAPromise"?: never
}

/**
 * The spec of an instance of a process manager: an Effect that succeeds when it holds, and can be awaited. It does not change: to go on from it
 * gives another one.
 */
export class ProcessSpec<S, E extends Tagged, T extends Targets, Timer extends string>
  extends Effectable.Class<void, SpecFailure>
  implements ProcessWhen<S, E, T, Timer>, PromiseLike<void>
{
  readonly #manager: ProcessManager.Any
  readonly #steps: ReadonlyArray<Step>

  constructor(manager: ProcessManager.Any, steps: ReadonlyArray<Step>) {
    super()
    this.#manager = manager
    this.#steps = steps
  }

  override asEffect(): Effect.Effect<void, SpecFailure> {
    const last = this.#steps.at(-1)
    // Its type says then that it is no Effect; but whatever is awaited is asked for its `then`.
    return last === undefined || isAct(last)
      ? Effect.die(new TypeError("this spec says not yet what to expect: call then, thenNothing, thenState or another"))
      : checkSteps(this.#manager, this.#steps)
  }

  #and(step: Step): ProcessSpec<S, E, T, Timer> {
    return new ProcessSpec(this.#manager, [...this.#steps, step])
  }

  when(event: E | StoredEvent | Happened<E>): ProcessWhen<S, E, T, Timer> {
    return this.#and({ _tag: "when", event })
  }

  whenRejected<To extends keyof T & string, Tag extends Sent<T, To>>(
    to: To,
    id: string,
    command: CommandTo<T, To, Tag>,
    rejection: Decider.Rejection<T[To]["decider"], Tag>
  ): ProcessWhen<S, E, T, Timer> {
    return this.#and({ _tag: "whenRejected", send: { _tag: "Send", to, id, command }, rejection })
  }

  whenExecuted<To extends keyof T & string, Tag extends Sent<T, To>>(
    to: To,
    id: string,
    command: CommandTo<T, To, Tag>,
    events: ReadonlyArray<Decider.Event<T[To]["decider"]>>
  ): ProcessWhen<S, E, T, Timer> {
    return this.#and({ _tag: "whenExecuted", send: { _tag: "Send", to, id, command }, events })
  }

  elapse(duration: Duration.Input): ProcessWhen<S, E, T, Timer> {
    return this.#and({ _tag: "elapse", duration })
  }

  resume(): ProcessWhen<S, E, T, Timer> {
    return this.#and({ _tag: "resume" })
  }

  then(this: Extended, commands: ReadonlyArray<ProcessManager.Sends<T>>): ProcessSpec<S, E, T, Timer>
  then<A = void, B = never>(
    onFulfilled?: ((value: void) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null
  ): Promise<A | B>
  then(
    first?: ReadonlyArray<ProcessManager.Sends<T>> | ((value: void) => unknown) | null,
    onRejected?: ((reason: unknown) => unknown) | null
  ): unknown {
    return first === undefined || first === null || typeof first === "function"
      ? Effect.runPromise(this.asEffect()).then(first, onRejected)
      : this.#and({ _tag: "then", commands: first })
  }

  thenNothing(): ProcessSpec<S, E, T, Timer> {
    return this.#and({ _tag: "thenNothing" })
  }

  thenState(state: S): ProcessSpec<S, E, T, Timer> {
    return this.#and({ _tag: "thenState", state })
  }

  thenEnded(): ProcessSpec<S, E, T, Timer> {
    return this.#and({ _tag: "thenEnded" })
  }

  thenTimer(timer: Timer, after: Duration.Input): ProcessSpec<S, E, T, Timer> {
    return this.#and({ _tag: "thenTimer", timer, after })
  }

  thenNoTimer(timer: Timer): ProcessSpec<S, E, T, Timer> {
    return this.#and({ _tag: "thenNoTimer", timer })
  }

  thenIgnored(): ProcessSpec<S, E, T, Timer> {
    return this.#and({ _tag: "thenIgnored" })
  }
}
