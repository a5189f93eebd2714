/**
 * A view: a pure fold of events into a model made for reading. What a projection runs, and what a test can run without one.
 *
 * A view is of the whole log, or keyed: one model for each key. Its handlers see the domain event, and the recorded
 * event for what belongs to the record and not to the domain: the stream, the instant, who did it. The name is that of fmodel.
 */
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import type * as Schema from "effect/Schema"
import type { Case, Decoded, Definitions, Tagged } from "./Event.ts"
import { deepFreeze } from "./internal/kernel/freeze.ts"
import { handlerOf } from "./internal/kernel/handlerOf.ts"
import type { NoOther, RightStates } from "./internal/kernel/rightHandlers.ts"
import type { RecordedEvent } from "./RecordedEvent.ts"

/** What the handler of a keyed view gives when there is nothing left to show under the key. */
export const gone: unique symbol = Symbol.for("eventfold/View/gone")
export type gone = typeof gone

/**
 * A view of the whole log as one model.
 */
export interface View<in out Model, in out E extends Tagged> {
  readonly _tag: "View"
  /** Names the view in errors, and the projection that runs it. */
  readonly name: string
  /** The schema of the model. */
  readonly model: Schema.Codec<Model, unknown>
  /** The events that it shows. */
  readonly events: Definitions<E>
  /** The model before any event. */
  readonly initial: Model
  /** The model after an event. Pure and total. */
  readonly evolve: (model: Model, event: E, recorded: RecordedEvent) => Model
}

/**
 * A view with one model for each key.
 */
export interface KeyedView<in out Model, in out E extends Tagged> {
  readonly _tag: "KeyedView"
  /** Names the view in errors, and the projection that runs it. */
  readonly name: string
  /** The schema of each model. */
  readonly model: Schema.Codec<Model, unknown>
  /** The events that it shows. */
  readonly events: Definitions<E>
  /** The model of a key that no event has touched. */
  readonly initial: Model
  /** The key whose model an event changes. */
  readonly key: (event: E, recorded: RecordedEvent) => string
  /** The model of its key after an event, or {@link gone}. Pure and total. */
  readonly evolve: (model: Model, event: E, recorded: RecordedEvent) => Model | gone
}

/**
 * Any view, for code that treats them alike.
 */
// oxlint-disable-next-line typescript/no-explicit-any -- invariant parameters have no other top type
export type Any = View<any, any> | KeyedView<any, any>

/** The models of a keyed view. */
export type Models<Model> = HashMap.HashMap<string, Model>

/** The vocabulary of a view, before its handlers. */
interface Options<Model, E extends Tagged> {
  /** Names the view in errors, and the projection that runs it. */
  readonly name: string
  /** The schema of the model. */
  readonly model: Schema.Codec<Model, unknown>
  /** Which events it shows. Take some types of a larger set with `Event.pick`. */
  readonly events: Definitions<E>
  /** The model before any event; of a keyed view, that of a key that no event has touched. */
  readonly initial: NoInfer<Model>
}

type Handlers<Model, E extends Tagged, Out> = {
  readonly [Type in E["_tag"]]: (model: Model, event: Case<E, Type>, recorded: RecordedEvent) => Out
}

type Right<H, E extends Tagged, Out> = H & NoOther<H, E["_tag"]> & RightStates<H, Out, "model">

/**
 * A view of the whole log as one model.
 *
 * @example
 * import { Event, View } from "eventfold"
 * import { Schema } from "effect"
 *
 * const total = View.make({
 *   name: "total",
 *   events: Event.define({ Deposited: { amount: Schema.Int } }),
 *   model: Schema.Int,
 *   initial: 0
 * }).evolve({
 *   Deposited: (total, { amount }) => total + amount
 * })
 */
export const make = <Model, E extends Tagged>(options: Options<Model, E>) => ({
  /** How each event changes the model: one handler per event type, total and without effects. */
  evolve: <H extends Handlers<Model, E, Model>>(handlers: Right<H, E, Model>): View<Model, E> => ({
    ...options,
    initial: deepFreeze(options.initial),
    _tag: "View",
    evolve: (model, event, recorded) => handlerOf(options.name, handlers, event)(model, event, recorded)
  })
})

/**
 * A view with one model for each key, such as one for each stream. A handler that gives {@link gone} removes its model.
 *
 * @example
 * import { Event, StreamName, View } from "eventfold"
 * import { Schema } from "effect"
 *
 * const balances = View.keyed({
 *   name: "balances",
 *   events: Event.define({ Deposited: { amount: Schema.Int }, Closed: {} }),
 *   key: (_, { stream }) => StreamName.id(stream),
 *   model: Schema.Int,
 *   initial: 0
 * }).evolve({
 *   Deposited: (balance, { amount }) => balance + amount,
 *   Closed: () => View.gone
 * })
 */
export const keyed = <Model, E extends Tagged>(
  options: Options<Model, E> & { readonly key: (event: E, recorded: RecordedEvent) => string }
) => ({
  /** How each event changes the model of its key: one handler per event type, total and without effects. */
  evolve: <H extends Handlers<Model, E, Model | gone>>(handlers: Right<H, E, Model | gone>): KeyedView<Model, E> => ({
    ...options,
    initial: deepFreeze(options.initial),
    _tag: "KeyedView",
    evolve: (model, event, recorded) => handlerOf(options.name, handlers, event)(model, event, recorded)
  })
})

/**
 * The model after some events, from the beginning or from a model reached before.
 *
 * @example
 * import { Event, View } from "eventfold"
 * import { Schema } from "effect"
 *
 * const total = View.make({
 *   name: "total",
 *   events: Event.define({ Deposited: { amount: Schema.Int } }),
 *   model: Schema.Int,
 *   initial: 0
 * }).evolve({ Deposited: (total, { amount }) => total + amount })
 *
 * View.fold(total, []) // 0; of `Event.decodeRecorded` come the events of a log
 */
export const fold = <Model, E extends Tagged>(
  view: View<Model, E>,
  events: Iterable<Decoded<NoInfer<E>>>,
  from: NoInfer<Model> = view.initial
): Model => {
  let model = from
  for (const { event, recorded } of events) model = view.evolve(model, event, recorded)
  return model
}

/**
 * The models after some events, from the beginning or from models reached before.
 */
export const foldKeyed = <Model, E extends Tagged>(
  view: KeyedView<Model, E>,
  events: Iterable<Decoded<NoInfer<E>>>,
  from: Models<NoInfer<Model>> = HashMap.empty()
): Models<Model> => {
  let models: Models<Model> = from
  for (const { event, recorded } of events) {
    const key = view.key(event, recorded)
    const model = view.evolve(
      Option.getOrElse(HashMap.get(models, key), () => view.initial),
      event,
      recorded
    )
    models = model === gone ? HashMap.remove(models, key) : HashMap.set(models, key, model)
  }
  return models
}
