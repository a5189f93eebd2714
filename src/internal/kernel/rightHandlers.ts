/**
 * What is wrong with the handlers of a decider, in words. A literal that a function gives is not held against what the function should give as
 * closely as one that stands alone: fields too many pass. These types see them, and the compiler ends what it says with their sentence.
 */
import type * as Result from "effect/Result"
import type { Case, Tagged } from "../../Event.ts"

/** What a handler may give before it is held against the events: tags stay literal, and the handlers keep their own types. */
export interface Anything {
  readonly _tag: string & {}
  readonly "~any"?: never
}

/** No handler beside those with these tags. */
export type NoOther<Handlers, Tag extends string> = {
  readonly [Other in Exclude<keyof Handlers, Tag>]: `there is no ${Other & string}`
}

type FailureOf<Returned> =
  Returned extends Result.Failure<unknown, infer E>
    ? "~any" extends keyof E
      ? // oxlint-disable-next-line typescript/no-explicit-any -- of handlers that do not compile nobody else needs to hear
        any
      : E
    : never

/** What each handler can fail with. */
export type ErrorsOf<Handlers, Tag extends string> = {
  readonly [T in Tag]: T extends keyof Handlers
    ? Handlers[T] extends (...args: never) => infer Returned
      ? FailureOf<Returned>
      : never
    : never
}

type KeysOf<T> = T extends unknown ? keyof T : never

/** The names of the data in a value. In a list of literals, TypeScript gives each the fields of the others as well, as `undefined`. */
type Fields<T> = keyof {
  [Key in keyof T as [T[Key]] extends [undefined] ? never : T[Key] extends (...args: never) => unknown ? never : Key]: 0
} &
  string

type WrongFields<Given extends Tagged, Event> =
  | `${Given["_tag"]} has no field ${Exclude<Fields<Given>, KeysOf<Event>>}`
  | (Given extends Event
      ? never
      : {
          [Key in keyof Event & string]: Given extends { readonly [_ in Key]: Event[Key] }
            ? never
            : Key extends Fields<Given>
              ? `${Given["_tag"]} has another type for ${Key}`
              : `${Given["_tag"]} lacks its field ${Key}`
        }[keyof Event & string])

type WrongEvent<Given, Event extends Tagged> = Given extends Tagged
  ? "~any" extends keyof Given
    ? never
    : [Given["_tag"]] extends [Event["_tag"]]
      ? WrongFields<Given, Case<Event, Given["_tag"]>>
      : `there is no event ${Given["_tag"]}`
  : never

type WrongEvents<Returned, Event extends Tagged> =
  Returned extends ReadonlyArray<infer Given>
    ? WrongEvent<Given, Event>
    : Returned extends Result.Success<ReadonlyArray<infer Given>, unknown>
      ? WrongEvent<Given, Event>
      : never

/** Handlers that give these events alone, with the fields that they have and no others. */
export type RightEvents<Handlers, Event extends Tagged> = {
  readonly [Tag in keyof Handlers]: Handlers[Tag] extends (...args: never) => infer Returned
    ? [WrongEvents<Returned, Event>] extends [never]
      ? unknown
      : WrongEvents<Returned, Event>
    : unknown
}

type WrongState<Returned, State> = unknown extends State
  ? never
  : Returned extends object
    ? `the state has no field ${Exclude<Fields<Returned>, KeysOf<State>>}`
    : never

/** Handlers that give states without fields that no state has. */
export type RightStates<Handlers, State> = {
  readonly [Type in keyof Handlers]: Handlers[Type] extends (...args: never) => infer Returned
    ? [WrongState<Returned, State>] extends [never]
      ? unknown
      : WrongState<Returned, State>
    : unknown
}
