/**
 * What is said of handlers that are wrong: the sentence that the compiler's message ends with.
 */
import type { Result } from "effect"
import type { RightEvents, RightStates } from "../../src/internal/kernel/rightHandlers.ts"
import { holds, type Same } from "./domain.ts"

type Event =
  | { readonly _tag: "Noted"; readonly by: string; readonly note?: string; readonly kind: "x" | "y" }
  | { readonly _tag: "Paid"; readonly cents: number }
  | { readonly _tag: "Closed" }

type OfEvents<Given> = RightEvents<{ readonly Do: () => ReadonlyArray<Given> }, Event>["Do"]

holds<Same<OfEvents<Event>, unknown>>()
holds<Same<OfEvents<{ _tag: "Clsed" }>, "there is no event Clsed">>()
holds<Same<OfEvents<{ _tag: "Closed" } | { _tag: "Clsed" }>, "there is no event Clsed">>()
holds<Same<OfEvents<{ _tag: "Closed" | "Clsed" }>, "there is no event Clsed">>()
holds<Same<OfEvents<{ _tag: "Paid"; cents: number; currency: string }>, "Paid has no field currency">>()
holds<Same<OfEvents<{ _tag: "Paid"; cents: string }>, "Paid has another type for cents">>()
// What is lacking is what has to be there.
holds<Same<OfEvents<{ _tag: "Noted"; by: string }>, "Noted lacks its field kind">>()
holds<Same<OfEvents<{ _tag: "Noted"; by: string; kind: "z" }>, "Noted has another type for kind">>()
// What need not be there is not there as nothing.
holds<Same<OfEvents<{ _tag: "Noted"; by: string; kind: "x"; note: undefined }>, "Noted has another type for note">>()
// What may have one of two tags has the fields of both.
holds<Same<OfEvents<{ _tag: "Paid" | "Closed"; cents: number }>, "Closed has no field cents">>()
holds<Same<OfEvents<{ _tag: "Paid" | "Closed" }>, "Paid lacks its field cents">>()
// In a list of literals each has the fields of the others, as nothing.
holds<Same<OfEvents<{ _tag: "Closed"; cents?: undefined } | { _tag: "Paid"; cents: number }>, unknown>>()

type Wrapped = { readonly Do: () => Result.Result<ReadonlyArray<{ _tag: "Paid"; cents: string }>, Error> }
holds<Same<RightEvents<Wrapped, Event>["Do"], "Paid has another type for cents">>()

type OfState<Given, State> = RightStates<{ readonly Done: () => Given }, State>["Done"]
type Open = { readonly _tag: "Open"; readonly balance: number }

holds<Same<OfState<Open, Open | { readonly _tag: "New" }>, unknown>>()
holds<Same<OfState<{ _tag: "Open"; balance: number; owner: string }, Open>, "the state has no field owner">>()
holds<Same<OfState<{ _tag: "Open"; balance: number; owner?: string }, Open>, "the state has no field owner">>()
holds<Same<OfState<[number, number], ReadonlyArray<number>>, unknown>>()
