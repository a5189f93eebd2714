/**
 * What would come of commands, as it is printed.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import type { Aggregate } from "../../Aggregate.ts"
import type * as Decider from "../../Decider.ts"
import * as Event from "../../Event.ts"
import type { Point } from "../../internal/runtime/point.ts"
import * as Patch from "../../Patch.ts"
import { rejectionOf } from "./commands.ts"
import type { Folding } from "./folding.ts"
import * as text from "./text.ts"

/** What would come of a command. */
export interface Supposed {
  readonly command: Schema.Json
  /** What it would be rejected with. */
  readonly rejection: Schema.Json | undefined
  /** The events that it would decide. None where it is rejected. */
  readonly events: ReadonlyArray<{ readonly type: string; readonly data: Schema.Json }>
  /** The version, and the state, after it. */
  readonly version: number
  readonly state: Schema.Json
  readonly patch: Patch.Patch
}

/** Supposes commands one after the other, from a point on. Nothing is stored. */
export const suppose = Effect.fnUntraced(function* (
  aggregate: Aggregate<Decider.Any>,
  decider: Decider.Any,
  folding: Folding,
  id: string,
  commands: ReadonlyArray<Event.Tagged>,
  at: Point | undefined
) {
  const { from, steps } = yield* aggregate.whatIf(id, commands, { at })
  let before = yield* Effect.fromResult(folding.json(from.state))
  const supposed: Array<Supposed> = []
  for (const [index, { decision, state, version }] of steps.entries()) {
    const after = yield* Effect.fromResult(folding.json(state))
    const events: ReadonlyArray<Event.Tagged> = Result.isSuccess(decision) ? decision.success : []
    supposed.push({
      command: rejectionOf(commands[index]),
      rejection: Result.isFailure(decision) ? rejectionOf(decision.failure) : undefined,
      events: events.flatMap((event) => {
        const encoded = Event.encode<Event.Tagged>(decider.events, event)
        return Result.isSuccess(encoded) ? [{ type: encoded.success.type, data: encoded.success.data }] : []
      }),
      version,
      state: after,
      patch: Patch.between(before, after)
    })
    before = after
  }
  return { version: from.version, supposed }
})

/** The same as people read it. */
export const supposedText = ({ command, events, patch, rejection, state, version }: Supposed): string => {
  const decided = events.map(({ data, type }) => text.line(`      → ${type} ${JSON.stringify(data)}`))
  const outcome =
    rejection === undefined
      ? [...(decided.length === 0 ? ["      → nothing to do"] : decided), text.changes(patch)]
      : [text.line(`      ✗ rejected: ${JSON.stringify(rejection)}`)]
  return [
    text.line(`      ${JSON.stringify(command)}`),
    ...outcome,
    `      = version ${version} ${text.short(state)}`
  ].join("\n")
}
