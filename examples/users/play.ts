/**
 * 12. A scenario is played: every user on their own, many at a time.
 */
import { Effect } from "effect"
import type { Asked, Line } from "./plan.ts"
import { changeEmail, register, Users } from "./service.ts"

/** What has come of some lines. */
export interface Played {
  /** Where the last of it is in the log: who wants to read what has been written, waits for a read model to come here. */
  readonly position: number
  /** How often people were told no, by what they were told. */
  readonly refusals: ReadonlyMap<string, number>
}

const send = Effect.fnUntraced(function* (user: string, asked: Asked, commandId: string) {
  const options = { commandId }
  switch (asked._tag) {
    case "Register":
      return yield* register(user, asked.person, options)
    case "Move":
      return yield* changeEmail(user, asked, options)
    case "Send":
      return yield* Effect.flatMap(Users, ({ execute }) => execute(user, asked.command, options))
  }
})

/** Plays lines, 16 at a time. To be told no by a rule is part of the story; what else goes wrong is not. */
export const play = Effect.fnUntraced(function* (lines: ReadonlyArray<Line>) {
  let position = 0
  const refusals = new Map<string, number>()
  const refused = ({ _tag }: { readonly _tag: string }) =>
    Effect.sync(() => void refusals.set(_tag, (refusals.get(_tag) ?? 0) + 1))
  yield* Effect.forEach(
    lines,
    ({ requests, user }) =>
      Effect.forEach(requests, ({ asked, id }) =>
        send(user, asked, id).pipe(
          Effect.tap((outcome) => Effect.sync(() => (position = Math.max(position, outcome.position)))),
          Effect.catchTag(
            [
              "AddressTaken",
              "AddressNotYours",
              "EmailIsAnother",
              "UserAlreadyRegistered",
              "UserIsInactive",
              "UserNotRegistered"
            ],
            refused
          )
        )
      ),
    { concurrency: 16, discard: true }
  )
  const played: Played = { position, refusals }
  return played
})
