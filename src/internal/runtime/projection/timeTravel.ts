/**
 * A view through time, folded from the log: what is stored of it is not touched.
 */
import * as Effect from "effect/Effect"
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { DecodeError, Decoded, Tagged } from "../../../Event.ts"
import type { StoreError } from "../../../EventStore.ts"
import * as Patch from "../../../Patch.ts"
import * as View from "../../../View.ts"
import { decoded } from "../decoded.ts"
import { jsonOf } from "../json.ts"
import { checkPoint, foldInterval, type Interval, type LogPoint, positionAt } from "../point.ts"
import { queryOf, type Stores } from "./reader.ts"

/**
 * A view gave a model that its own schema cannot write as JSON, so that there is nothing to compare.
 */
export class DocumentEncodeError extends Schema.TaggedError<DocumentEncodeError>("eventfold/DocumentEncodeError")(
  "DocumentEncodeError",
  {
    /** The name of the view. */
    view: Schema.String,
    /** Of a view with keys. */
    key: Schema.optionalKey(Schema.String),
    /** Where in the model, such as `items[0].price`. Empty for the model as a whole. */
    path: Schema.String,
    /** What the model's schema objects to. */
    problem: Schema.String
  }
) {
  override get message(): string {
    const key = this.key === undefined ? "" : `, key "${this.key}"`
    return `view ${this.view}${key}: a model cannot be written as JSON: ${this.path === "" ? "" : `${this.path}: `}${this.problem}`
  }
}

/**
 * What became of a model between two points in time.
 */
export type DocumentChange<Model> =
  | { readonly _tag: "Added"; readonly key: string; readonly after: Model }
  | { readonly _tag: "Removed"; readonly key: string; readonly before: Model }
  | {
      readonly _tag: "Changed"
      /** The key of the model. */
      readonly key: string
      /** The model at the one point. */
      readonly before: Model
      /** The model at the other. */
      readonly after: Model
      /** What makes the one of the other, both as JSON as the view's model schema writes them. */
      readonly patch: Patch.Patch
    }

/**
 * What is different in a keyed view between two points in time.
 */
export interface DocumentsComparison<out Model, out E> {
  /** The models that are different, in the order of their keys. */
  readonly documents: ReadonlyArray<DocumentChange<Model>>
  /** The view's events that are up to one of the points and not the other, in order and each with its record. */
  readonly events: ReadonlyArray<Decoded<E>>
}

/**
 * What is different in a whole view between two points in time.
 */
export interface DocumentComparison<out Model, out E> {
  /** The model at the one point. */
  readonly from: Model
  /** The model at the other. */
  readonly to: Model
  /** The view's events that are up to one of the points and not the other, in order and each with its record. */
  readonly events: ReadonlyArray<Decoded<E>>
  /** What makes the one model of the other, both as JSON as the view's model schema writes them. */
  readonly patch: Patch.Patch
}

export type CompareError = StoreError | DecodeError | DocumentEncodeError

/** The last position up to a point. */
const positionOf = ({ eventStore }: Stores, point: LogPoint): Effect.Effect<number, StoreError> =>
  point.instant === undefined
    ? Effect.as(checkPoint({ position: point.position }), point.position)
    : positionAt(eventStore, point.instant)

/** The events up to a point, decoded. */
const eventsUpTo = <E extends Tagged>(events: View.View<never, E>["events"], stores: Stores, at: LogPoint) =>
  Stream.unwrap(
    Effect.map(positionOf(stores, at), (to) =>
      decoded(events, stores.eventStore.readLog({ to, query: queryOf(events) }))
    )
  )

export const foldedAt = <Model, E extends Tagged>(
  view: View.View<Model, E>,
  stores: Stores,
  at: LogPoint
): Effect.Effect<Model, StoreError | DecodeError> =>
  Stream.runFold(
    eventsUpTo(view.events, stores, at),
    () => view.initial,
    (model, event) => View.fold(view, [event], model)
  )

export const foldedKeyedAt = <Model, E extends Tagged>(
  view: View.KeyedView<Model, E>,
  stores: Stores,
  at: LogPoint
): Effect.Effect<View.Models<Model>, StoreError | DecodeError> =>
  Stream.runFold(
    eventsUpTo(view.events, stores, at),
    (): View.Models<Model> => HashMap.empty(),
    (models, event) => View.foldKeyed(view, [event], models)
  )

/** Folds to two points in one read of the log, which ends at the later one. */
const foldedInterval = Effect.fnUntraced(function* <A, E extends Tagged>(
  events: View.View<never, E>["events"],
  stores: Stores,
  interval: Interval<LogPoint>,
  initial: A,
  step: (folded: A, events: ReadonlyArray<Decoded<E>>) => A
) {
  const from = yield* positionOf(stores, interval.from)
  const to = interval.to === undefined ? yield* stores.eventStore.head : yield* positionOf(stores, interval.to)
  const log = stores.eventStore.readLog({ to: Math.max(from, to), query: queryOf(events) })
  return yield* foldInterval(log, { from: { position: from }, to: { position: to } }, events, initial, step)
})

const writing = (view: View.Any) => {
  const encode = jsonOf(view.model)
  return (model: unknown, key?: string) =>
    Effect.fromResult(
      Result.mapError(
        encode(model),
        (problem) => new DocumentEncodeError({ view: view.name, ...(key === undefined ? {} : { key }), ...problem })
      )
    )
}

export const compareWhole = <Model, E extends Tagged>(
  view: View.View<Model, E>,
  stores: Stores
): ((interval: Interval<LogPoint>) => Effect.Effect<DocumentComparison<Model, E>, CompareError>) => {
  const written = writing(view)
  return Effect.fnUntraced(function* (interval) {
    const folded = yield* foldedInterval(view.events, stores, interval, view.initial, (model, events) =>
      View.fold(view, events, model)
    )
    return { ...folded, patch: Patch.between(yield* written(folded.from), yield* written(folded.to)) }
  })
}

export const compareKeyed = <Model, E extends Tagged>(
  view: View.KeyedView<Model, E>,
  stores: Stores
): ((interval: Interval<LogPoint>) => Effect.Effect<DocumentsComparison<Model, E>, CompareError>) => {
  const written = writing(view)

  const changeOf = Effect.fnUntraced(function* (
    key: string,
    before: Option.Option<Model>,
    after: Option.Option<Model>
  ) {
    const changes: Array<DocumentChange<Model>> = []
    if (Option.isSome(before) && Option.isSome(after)) {
      const patch = Patch.between(yield* written(before.value, key), yield* written(after.value, key))
      if (patch.length > 0) changes.push({ _tag: "Changed", key, before: before.value, after: after.value, patch })
    } else if (Option.isSome(before)) changes.push({ _tag: "Removed", key, before: before.value })
    else if (Option.isSome(after)) changes.push({ _tag: "Added", key, after: after.value })
    return changes
  })

  return Effect.fnUntraced(function* (interval) {
    const none: View.Models<Model> = HashMap.empty()
    const { from, to, events } = yield* foldedInterval(view.events, stores, interval, none, (models, events) =>
      View.foldKeyed(view, events, models)
    )
    // No other model can be different.
    const keys = new Set(events.map(({ event, recorded }) => view.key(event, recorded)))
    const documents = yield* Effect.forEach(Array.from(keys).toSorted(), (key) =>
      changeOf(key, HashMap.get(from, key), HashMap.get(to, key))
    )
    return { documents: documents.flat(), events }
  })
}
