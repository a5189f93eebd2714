/**
 * 10. Specs of the read models: what is shown after what. Each is run in one batch and event by event, with a process that dies in between and
 * every batch delivered again: that changes nothing. The tables are kept by a PostgreSQL in this process.
 */
import { assert, describe, it, layer } from "@effect/vitest"
import { DateTime, Effect, Layer, Logger, Option } from "effect"
import { SqlClient } from "effect/sql"
import { EmbeddedEventStore } from "eventfold/postgres/embedded"
import { Spec } from "eventfold/testing"
import { type Account, findByEmail, usersByEmail, UsersByEmail } from "./by-email.ts"
import { changesView } from "./changes.ts"
import type { UserEvent } from "./events.ts"
import { type Profile, profiles, profilesView } from "./profiles.ts"
import { Addresses, changeEmail, register, Users } from "./service.ts"
import { completeUsers, searchUsers, UserSearch, userSearch1, userSearch2 } from "./search.ts"

const at = DateTime.makeUnsafe("2026-01-02T03:04:05Z")

const of = (id: string, ...events: ReadonlyArray<UserEvent>) =>
  events.map((event) => Spec.recorded(event, { stream: `user-${id}`, at }))

const registered = (name: string, email: string, bio = ""): UserEvent => ({
  _tag: "UserRegistered",
  email,
  name,
  bio,
  organisation: "Engines"
})
const moved = (from: string, to: string): UserEvent => ({ _tag: "EmailChanged", from, to })
const deactivated: UserEvent = { _tag: "UserDeactivated", reason: "on leave" }
const reactivated: UserEvent = { _tag: "UserReactivated" }

describe("profiles", () => {
  const history = [
    ...of("ada", registered("Ada", "a@engines.example"), { _tag: "NameChanged", name: "Ada King" }),
    ...of("bob", registered("Bob", "b@engines.example"), deactivated, reactivated),
    ...of("ada", moved("a@engines.example", "c@engines.example"), { _tag: "BioChanged", bio: "Writes" }, deactivated)
  ]
  const shown: Record<string, Profile> = {
    ada: {
      email: "c@engines.example",
      name: "Ada King",
      bio: "Writes",
      organisation: "Engines",
      status: "inactive",
      since: at,
      formerEmails: ["a@engines.example"]
    },
    bob: {
      email: "b@engines.example",
      name: "Bob",
      bio: "",
      organisation: "Engines",
      status: "active",
      since: at,
      formerEmails: []
    }
  }
  it.effect("have what is known of each user", () => Spec.view(profilesView).given(history).then(shown))
  it.effect("have it as they are kept, whatever is delivered twice", () =>
    Spec.projection(profiles).given(history).then(shown)
  )
})

describe("what a batch changes", () => {
  it.effect("is the last word on each column, and nothing of the others", () =>
    Spec.view(changesView)
      .given([
        ...of("ada", { _tag: "NameChanged", name: "Ada" }, deactivated, { _tag: "NameChanged", name: "Ada King" }),
        ...of("bob", { _tag: "BioChanged", bio: "" }, reactivated)
      ])
      .then({ ada: { name: "Ada King", is_active: false }, bob: { bio: "", is_active: true } })
  )
})

layer(Layer.merge(EmbeddedEventStore.layer(), Logger.layer([])), { excludeTestServices: true })("tables", (it) => {
  const all = (columns: string, table: string) =>
    Effect.flatMap(
      SqlClient.SqlClient,
      (sql) => sql`SELECT ${sql.literal(columns)} FROM ${sql.literal(table)} ORDER BY id`
    )

  describe("users by e-mail address", () => {
    const shows = (...expected: ReadonlyArray<Account>) =>
      [({ table }: UsersByEmail["Service"]) => all("*", table("users")), expected] as const
    const ada = { id: "ada", email: "a@engines.example", name: "Ada", is_active: true }
    const bob = { id: "bob", email: "b@engines.example", name: "Bob", is_active: true }

    it.effect(
      "has them as they are now",
      () =>
        Spec.projection(usersByEmail)
          .given([
            ...of("ada", registered(ada.name, ada.email)),
            ...of("bob", registered(bob.name, bob.email), deactivated),
            ...of("ada", { _tag: "NameChanged", name: "Ada King" }, { _tag: "BioChanged", bio: "Not in this table" })
          ])
          .thenReads(...shows({ ...ada, name: "Ada King" }, { ...bob, is_active: false })).onStore
    )

    it.effect(
      "lets an address go from one to the next, in whatever batches that is told",
      () =>
        Spec.projection(usersByEmail)
          .given([
            ...of("ada", registered(ada.name, ada.email)),
            ...of("bob", registered(bob.name, bob.email)),
            ...of("ada", moved(ada.email, "c@engines.example")),
            ...of("bob", moved(bob.email, ada.email)),
            ...of("ada", moved("c@engines.example", bob.email))
          ])
          .thenReads(...shows({ ...ada, email: bob.email }, { ...bob, email: ada.email })).onStore
    )

    it.effect("does not have two users of one address: that is an error which names the event", () =>
      Effect.gen(function* () {
        const two = [...of("ada", registered("Ada", ada.email)), ...of("bob", registered("Bob", ada.email))]
        const failure = yield* Effect.flip(
          Spec.projection(usersByEmail)
            .given(two)
            .thenReads(...shows()).onStore
        )
        assert.include(failure.message, "cannot handle the event UserRegistered")
        assert.include(failure.message, "users_email_key")
      })
    )

    it.effect("does not make up a user who has not registered", () =>
      Effect.gen(function* () {
        const spec = Spec.projection(usersByEmail).given(of("eve", deactivated))
        const failure = yield* Effect.flip(spec.thenReads(...shows()).onStore)
        assert.include(failure.message, "cannot handle the event UserDeactivated")
      })
    )
  })

  const history = [
    ...of("ada", registered("Ada Lovelace", "a@x.example", "Gardens on a roof, and writes notes on engines")),
    ...of("bob", registered("Bob Gardener", "b@x.example", "Repairs engines")),
    ...of("will", registered("Will May", "w@x.example", "Has gardened for years"), deactivated, reactivated),
    ...of("eve", registered("Eve", "e@x.example", "Likes gardening more than anything"), deactivated),
    ...of("cid", registered("Cid", "c@x.example", "Nothing yet"), { _tag: "BioChanged", bio: "Reads about gardens" })
  ]

  /** What a search answers to each question: who, in that order. */
  const answers = (search: typeof searchUsers, questions: ReadonlyArray<Parameters<typeof searchUsers>>) =>
    Effect.forEach(questions, ([text, options]) =>
      Effect.map(search(text, options), (hits) => [text, ...hits.map(({ id }) => id)])
    )

  const shared = (reader: UserSearch["Service"]) =>
    Effect.all({
      found: answers(searchUsers, [
        ["LOVELACE"],
        ["will may"],
        ["ada engines"],
        ['"notes on engines"'],
        ["lovelace or engines -repairs"],
        ["engines", { limit: 1 }],
        ["anything or nothing"],
        [" !&|:*'( "]
      ]),
      completed: answers(completeUsers, [
        ["lov"],
        ["ada lo"],
        ["gar"],
        ["gar", { within: "name" }],
        ["gar", { within: "bio" }],
        ["':*"]
      ])
    }).pipe(Effect.provideService(UserSearch, reader))

  describe.each([
    { version: 1, projection: userSearch1 },
    { version: 2, projection: userSearch2 }
  ])("search, version $version", ({ projection }) => {
    it.effect(
      "finds words of names and bios in any case and in phrases, and completes them; names come first",
      () =>
        Spec.projection(projection)
          .given(history)
          .thenReads(shared, {
            found: [
              ["LOVELACE", "ada"],
              ["will may", "will"],
              ["ada engines", "ada"],
              ['"notes on engines"', "ada"],
              ["lovelace or engines -repairs", "ada"],
              ["engines", "ada"],
              ["anything or nothing"],
              [" !&|:*'( "]
            ],
            completed: [
              ["lov", "ada"],
              ["ada lo", "ada"],
              ["gar", "bob", "ada", "cid", "will"],
              ["gar", "bob"],
              ["gar", "ada", "cid", "will"],
              ["':*"]
            ]
          }).onStore
    )
  })

  const gardening = (reader: UserSearch["Service"]) =>
    searchUsers("gardening").pipe(
      Effect.map((hits) => hits.map(({ name, excerpt }) => [name, excerpt])),
      Effect.provideService(UserSearch, reader)
    )

  it.effect("search knows the forms of a word as version 2, and not before; it shows what it has found", () =>
    Effect.gen(function* () {
      yield* Spec.projection(userSearch1).given(history).thenReads(gardening, []).onStore
      yield* Spec.projection(userSearch2)
        .given(history)
        .thenReads(gardening, [
          ["Ada Lovelace", "[Gardens] on a roof, and writes notes on engines"],
          ["Cid", "Reads about [gardens]"],
          ["Will May", "Has [gardened] for years"],
          ["Bob Gardener", "Repairs engines"]
        ]).onStore
    })
  )

  it.effect(
    "search is by an index, which every generation has of its own",
    () =>
      Spec.projection(userSearch2)
        .given(history)
        .thenReads(
          ({ table }) =>
            Effect.gen(function* () {
              const sql = yield* SqlClient.SqlClient
              return yield* sql.withTransaction(
                Effect.gen(function* () {
                  // A table of five rows is faster read as a whole.
                  yield* sql`SET LOCAL enable_seqscan = off`
                  const rows = yield* sql`EXPLAIN (COSTS off)
                  SELECT id FROM ${sql.literal(table("users"))} WHERE document @@ 'garden'::tsquery`
                  return rows.some((row) => /Bitmap Index Scan on .*_document_idx/.test(String(row["QUERY PLAN"])))
                })
              )
            }),
          true
        ).onStore
  )

  it.effect(
    "an address is looked up",
    () =>
      Spec.projection(usersByEmail)
        .given(history)
        .thenReads(
          (reader) =>
            Effect.all([findByEmail("w@x.example"), findByEmail("nobody@x.example")]).pipe(
              Effect.map((found) => found.map(Option.getOrNull)),
              Effect.provideService(UsersByEmail, reader)
            ),
          [{ id: "will", email: "w@x.example", name: "Will May", is_active: true }, null]
        ).onStore
  )
})

it.live("users swap addresses in one batch, also where both have been in the table before", () =>
  Effect.gen(function* () {
    const person = (name: string, email: string) => ({ email, name, bio: "", organisation: "Engines" })
    /** Runs the table up to a position. While it does not run, events gather, and are one batch when it does. */
    const keptUpTo = (position: number) =>
      UsersByEmail.pipe(
        Effect.flatMap(({ awaitPosition }) => awaitPosition(position, "30 seconds")),
        Effect.provide(Layer.fresh(UsersByEmail.layer))
      )
    yield* register("one", person("One", "1@x.example"))
    const { position } = yield* register("two", person("Two", "2@x.example"))
    yield* keptUpTo(position)
    yield* changeEmail("one", { from: "1@x.example", to: "0@x.example" })
    yield* changeEmail("two", { from: "2@x.example", to: "1@x.example" })
    const last = yield* changeEmail("one", { from: "0@x.example", to: "2@x.example" })
    yield* keptUpTo(last.position)
    const found = yield* Effect.forEach([0, 1, 2], (n) => findByEmail(`${n}@x.example`))
    assert.deepStrictEqual(found.map(Option.map(({ name }) => name)).map(Option.getOrNull), [null, "Two", "One"])
  }).pipe(
    Effect.provide(
      Layer.mergeAll(Users.layer, Addresses.layer, UsersByEmail.layerReader).pipe(
        Layer.provideMerge(EmbeddedEventStore.layer())
      )
    )
  )
)
