/**
 * 14. The search becomes version 2, while it is used: the new version reads all events again into a table of its own, and takes over when it
 * has come as far. Where it is version 2 already, it is rebuilt as it is, which goes the same way.
 */
import { Data, Effect, Schedule } from "effect"
import { searchUsers, UserSearch } from "./search.ts"

/** The new version does not come to be the one that is read. */
export class NotTakenOver extends Data.TaggedError("NotTakenOver")<{ readonly message: string }> {}

/** Somebody who should have been found was not, while it was changed. */
export class NotFound extends Data.TaggedError("NotFound")<{ readonly message: string }> {}

/** Which version of the search is read, and which time it has been filled. */
export const liveSearch = Effect.gen(function* () {
  const { status } = yield* UserSearch
  const live = (yield* status).find(({ role }) => role === "live")
  return { version: live?.version ?? 0, generation: live?.generation ?? 0 }
})

type LiveSearch = Effect.Success<typeof liveSearch>

/** Asks again and again for somebody who must always be found. It does not end. */
const asking = (name: string, count: () => void) =>
  searchUsers(name, { within: "name", limit: 1 }).pipe(
    Effect.filterOrFail(
      (hits) => hits.length > 0,
      () => new NotFound({ message: `nobody was found by the name ${name} while the search was rebuilt` })
    ),
    Effect.tap(() => Effect.sync(count)),
    Effect.repeat(Schedule.spaced("20 millis"))
  )

/**
 * Waits for another generation than the one that was live before, while others write, and asks for somebody all the time. Version 2 has to be run
 * meanwhile, as by a new release that is started beside the one that runs.
 */
export const upgrade = Effect.fnUntraced(function* <A, E, R>(
  before: LiveSearch,
  name: string,
  others: Effect.Effect<A, E, R>
) {
  let answers = 0
  const takingOver = Effect.gen(function* () {
    const { rebuild } = yield* UserSearch
    if (before.version === 2) yield* rebuild
    const written = yield* others
    const after = yield* Effect.repeat(liveSearch, {
      schedule: Schedule.spaced("20 millis"),
      until: ({ generation }) => generation > before.generation
    })
    return { after, written }
  })
  const asked = asking(name, () => answers++)
  const { after, written } = yield* Effect.raceFirst(takingOver, Effect.andThen(asked, Effect.never)).pipe(
    Effect.timeoutOrElse({
      duration: "2 minutes",
      orElse: () => new NotTakenOver({ message: "the search is still what it was after two minutes" })
    })
  )
  return { after, written, answers }
})
