/**
 * Finds the conversation that an id belongs to.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { StoreError } from "../../EventStore.ts"
import { Inspection } from "../../Inspection.ts"
import type { RecordedEvent } from "../../RecordedEvent.ts"
import { type CliFailure, notFound } from "../failure.ts"
import { printable } from "../output/table.ts"
import { type Story, storyOf, textOf } from "./story.ts"

const correlationOf = ({ id, metadata }: RecordedEvent): string => textOf(metadata.correlationId) ?? id

/** The correlation of an event, of all that has it, or of the events of a command. */
const correlationFor = Effect.fnUntraced(function* (
  id: string
): Effect.fn.Return<string, CliFailure | StoreError, Inspection> {
  const inspection = yield* Inspection
  const event = yield* inspection.event(id)
  if (event !== undefined) return correlationOf(event)
  for (const field of ["correlationId", "commandId"]) {
    const one = yield* Stream.runHead(inspection.search({ metadata: { [field]: id }, limit: 1 }))
    if (Option.isSome(one)) return correlationOf(one.value)
  }
  return yield* notFound(
    `nothing has the id ${printable(id)}`,
    "Give the id of an event, of a command, or of a correlation: eventfold search --json shows them"
  )
})

/**
 * The conversation that an event, a command or a correlation belongs to: its first events, at most so many.
 */
export const storyFor = Effect.fnUntraced(function* (
  id: string,
  limit: number
): Effect.fn.Return<Story, CliFailure | StoreError, Inspection> {
  const inspection = yield* Inspection
  const correlationId = yield* correlationFor(id)
  const found = yield* Stream.runCollect(inspection.search({ metadata: { correlationId }, limit: limit + 1 }))
  // What a conversation began with may have been recorded before it was one.
  const first = yield* inspection.event(correlationId)
  const isApart = first !== undefined && !found.some((event) => event.id === first.id)
  const events = isApart ? [...found, first].toSorted((a, b) => a.position - b.position) : found
  return storyOf(correlationId, events.slice(0, limit), events.length > limit)
})
