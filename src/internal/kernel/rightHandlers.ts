/**
 * What is wrong with the handlers of a decider or a view, in words. A literal that a function gives is not held against what the function should give as
 * closely as one that stands alone: fields too many pass. These types see them, and the compiler ends what it says with their sentence.
 */
import type * as Result from "effect/Result"
import type { Case, Tagged } from "../../Event.ts"

/**
 * What a handler may give before it is held against the events: tags stay literal, as they are where a literal may be meant, and the handlers keep their
 * own types.
 */
export interface EventOrTaggedError {
  readonly _tag: (string & {}) | "~any"
  readonly "~any"?: never
}

/** No handler beside those with these tags. */
export type NoOther<Handlers, Tag extends string> = {
  readonly [Other in Exclude<keyof Handlers, Tag>]: `there is no ${Other & string}`
}

// Of a success it is never, which has every key.
type FailureOf<Returned> =
  Returned extends Result.Failure<unknown, infer E>
    ? [E] extends [never]
      ? never
      : "~any" extends keyof E
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

/**
 * The names of the data in a value, without those that are known. In a list of literals, TypeScript gives each the fields of the others as well, as
 * `undefined`. What is known is not looked at: where code is generic nobody can.
 */
type Fields<T, Known = never> = keyof {
  [
    Key in keyof T as Key extends Known
      ? never
      : [T[Key]] extends [undefined]
        ? never
        : T[Key] extends (...args: never) => unknown
          ? never
          : Key
  ]: 0
} &
  string

/** What an event has beside its tag. */
type Shape<Event> = { [Key in keyof Event]: Key extends "_tag" ? string : Event[Key] }

type WrongFields<Given, Tag extends string, Event> =
  | `${Tag} has no field ${Fields<Given, KeysOf<Event>>}`
  | (Given extends Event
      ? never
      : {
          [Key in keyof Event & string]: Given extends Pick<Event, Key | ("_tag" & keyof Event)>
            ? never
            : {} extends Pick<Event, Key>
              ? `${Tag} has another type for ${Key}`
              : Key extends Fields<Given>
                ? `${Tag} has another type for ${Key}`
                : `${Tag} lacks its field ${Key}`
        }[keyof Event & string])

// What may have one of several tags must have what each of them has.
type WrongEvent<Given, Event extends Tagged> = Given extends Tagged
  ? "~any" extends keyof Given
    ? never
    : [Given["_tag"]] extends [Event["_tag"]]
      ? { [Tag in Given["_tag"]]: WrongFields<Given, Tag, Shape<Case<Event, Tag>>> }[Given["_tag"]]
      : `there is no event ${Exclude<Given["_tag"], Event["_tag"]>}`
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

type IsSame<A, B> = (<T>() => T extends A ? 0 : 1) extends <T>() => T extends B ? 0 : 1 ? true : false

// In generic code a state may be of any type, and that it is one is all that can be said. A list may be a tuple, whose places are no fields.
type WrongState<Returned, State, Name extends string> =
  IsSame<Returned | State, State> extends true
    ? never
    : unknown extends State
      ? never
      : Returned extends object
        ? `the ${Name} has no field ${Fields<Returned, KeysOf<State> | `${number}`>}`
        : never

/** Handlers that give states without fields that no state has. What they are called is said where one has. */
export type RightStates<Handlers, State, Name extends string = "state"> = {
  readonly [Type in keyof Handlers]: Handlers[Type] extends (...args: never) => infer Returned
    ? [WrongState<Returned, State, Name>] extends [never]
      ? unknown
      : WrongState<Returned, State, Name>
    : unknown
}
