/**
 * Plays a scenario of some hundred users: `npm run example:users`, with `--users`, `--seed` and `--memory`. Where it is kept, `store.ts` says.
 */
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Console, Data, Effect, Exit, Layer, Schema, Stream } from "effect"
import { Command, Flag } from "effect/cli"
import { memory } from "../store.ts"
import { audit, caughtUp } from "./audit.ts"
import { findByEmail, UsersByEmail } from "./by-email.ts"
import { type Plan, planOf } from "./plan.ts"
import { play, type Played } from "./play.ts"
import { lookupLine, profileLines, searchLines, verdict } from "./print.ts"
import { Profiles } from "./profiles.ts"
import { completeUsers, searchUsers, UserSearch, UserSearch1 } from "./search.ts"
import { Addresses, Users } from "./service.ts"
import * as Store from "./store.ts"
import { liveSearch, upgrade } from "./upgrade.ts"

/** What must hold does not. */
class Broken extends Data.TaggedError("Broken")<{ readonly message: string }> {}

const users = Flag.Int("users").pipe(
  Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 10, maximum: 10_000 }))),
  Flag.withDescription("How many users register"),
  Flag.withDefault(300)
)

const seed = Flag.Int("seed").pipe(
  Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 999_999_999 }))),
  Flag.withDescription("What the scenario is drawn from: the same scenario of the same seed"),
  Flag.withDefault(42)
)

const say = (lines: ReadonlyArray<string>) => Console.log(lines.join("\n"))

/** Asks every read model. */
const show = Effect.fnUntraced(function* ({ leaver, mover }: Plan, words: string) {
  const emails = [mover.to, mover.from, leaver.email]
  const found = yield* Effect.forEach(emails, (email) =>
    Effect.map(findByEmail(email), (one) => lookupLine(email, one))
  )
  yield* say(["", "The table: who has an address", ...found])

  const profiles = yield* Profiles
  const profile = yield* profiles.get(mover.user)
  const active = profiles.query({ where: { organisation: "Orchard", status: "active" } })
  const inOrchard = yield* Stream.runCount(active)
  yield* say(["", "The documents: a profile", ...profileLines(mover.user, profile)])
  yield* say([`  active in the Orchard: ${inOrchard}`, "", "The search: words, and their beginnings"])

  for (const text of ["will may or lovelace", '"old radios" -bread', words]) {
    yield* say(searchLines(text, yield* searchUsers(text, { limit: 1_000 })))
  }
  yield* say(searchLines("turi…", yield* completeUsers("turi", { within: "name", limit: 1_000 })))
})

/** Holds the read models against the events, and fails where they differ. */
const judge = Effect.gen(function* () {
  const { active, free, problems, users } = yield* audit
  yield* say(["", `What must hold, of ${users} users; active: ${active}; addresses that are free again: ${free}`])
  yield* say(verdict(problems))
  if (problems.length > 0) return yield* new Broken({ message: `${problems.length} problems: see what is BROKEN.` })
})

/** People are told no as often as the plan says, and no more. */
const checkRefusals = Effect.fnUntraced(function* ({ refusals }: Plan, played: ReadonlyArray<Played>) {
  const told = new Map<string, number>()
  for (const [error, count] of played.flatMap(({ refusals }) => Array.from(refusals))) {
    told.set(error, (told.get(error) ?? 0) + count)
  }
  const textOf = (counts: ReadonlyMap<string, number>) =>
    Array.from(counts, ([error, count]) => `${count} ${error}`)
      .toSorted()
      .join(", ")
  yield* Console.log(`Refused, as it has to be: ${textOf(told)}`)
  if (textOf(told) !== textOf(refusals)) return yield* new Broken({ message: `It should be: ${textOf(refusals)}` })
})

const scenario = Effect.fnUntraced(function* (plan: Plan) {
  const registered = yield* play(plan.registering)
  const lived = yield* play(plan.living)
  // Read models follow the log. Who wants to read what they have written, says up to where.
  yield* caughtUp(Math.max(registered.position, lived.position))
  yield* checkRefusals(plan, [registered, lived])
  yield* show(plan, "gardening")
  yield* judge
})

/** The search is rebuilt while it is used, and the others come meanwhile. */
const rebuilding = Effect.fnUntraced(function* (plan: Plan, before: Effect.Success<typeof liveSearch>) {
  const { after, answers, written } = yield* upgrade(before, plan.stayer.name, play(plan.coming))
  yield* caughtUp(written.position)
  const [from, to] = [before.version, after.version]
  const changed = from === to ? `is rebuilt as version ${to}` : `goes from version ${from} to ${to}`
  yield* say(["", `The search ${changed}, is asked all the time, and ${plan.coming.length} more users come meanwhile.`])
  yield* Console.error(`It has answered ${answers} times meanwhile.`)
  yield* show(plan, "gardening")
  yield* judge
  yield* Effect.flatMap(UserSearch, ({ removeRetired }) => removeRetired)
})

/** As it runs before the upgrade: the search is kept as version 1, and read as whichever is live. */
const running = Layer.mergeAll(
  Users.layer,
  Addresses.layer,
  UsersByEmail.layer,
  Profiles.layer,
  UserSearch1.layer,
  UserSearch.layerReader
)

const command = Command.make("users", { users, seed, memory }, ({ memory, seed, users }) =>
  Effect.gen(function* () {
    yield* Console.log(`${users} users, seed ${seed}.`)
    const plan = yield* planOf(seed, users)
    yield* Effect.gen(function* () {
      yield* scenario(plan)
      const before = yield* liveSearch
      yield* Effect.provide(rebuilding(plan, before), UserSearch.layer)
    }).pipe(Effect.provide(Layer.provideMerge(running, Store.layer(memory))))
  })
).pipe(Command.withDescription("Plays a scenario of users, and holds three read models against their events"))

command.pipe(
  Command.run({ version: "1.0.0" }),
  Effect.tapError((error) => (error._tag === "ShowHelp" ? Effect.void : Console.error(error.message))),
  Effect.tapDefect(Console.error),
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain({
    disableErrorReporting: true,
    // To be told to stop is no failure.
    teardown: (exit, onExit) => onExit(Exit.isSuccess(exit) || Exit.hasInterrupts(exit) ? 0 : 1)
  })
)
