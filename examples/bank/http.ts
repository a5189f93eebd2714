/**
 * 5. HTTP: the handlers. Each turns a request into a command, and what became of it into an answer. What a command can
 * be rejected with is part of its type, so a rejection that `api.ts` has no answer for does not compile.
 */
import { DateTime, Effect, Layer, Stream } from "effect"
import { SecureRandom } from "effect/crypto"
import { HttpRouter, HttpServerResponse } from "effect/http"
import { HttpApiBuilder, HttpApiMiddleware, HttpApiSwagger } from "effect/http-api"
import { type Aggregate, Causation, Decider, Event, EventStore } from "eventfold"
import { type Account, AccountNotOpen } from "./account.ts"
import { type AccountView, BankApi, KeyReused, type RequestHeaders, Unavailable } from "./api.ts"
import { AccountEvent } from "./events.ts"
import { Accounts, transfer } from "./service.ts"

/** What is told of an account. */
const view = Effect.fnUntraced(function* (id: string, { state, version }: Aggregate.Loaded<Account>) {
  if (state._tag === "NotOpen") return yield* new AccountNotOpen()
  const { owner } = state
  const account: AccountView =
    state._tag === "Open"
      ? { id, status: "open", owner, balance: state.balance, version }
      : { id, status: "closed", owner, balance: 0, version }
  return account
})

/** The first answer is the answer to this request too, unless its key has been used for something else. */
const answer = (id: string, isAsked: (event: AccountEvent) => boolean) =>
  Effect.fnUntraced(function* (outcome: Aggregate.Outcome<Account, AccountEvent>) {
    if (!outcome.events.every(isAsked)) return yield* new KeyReused()
    return yield* view(id, outcome)
  })

const isOf = (amount: number) => (event: AccountEvent) => "amount" in event && event.amount === amount

/** What is nobody's fault but ours: clients learn whether it is worth asking again, and nothing else. */
const withoutInternals = <A, E, R>(
  self: Effect.Effect<A, E | EventStore.StoreError | Event.DecodeError, R>
): Effect.Effect<A, E | Unavailable, R> =>
  Effect.catch(self, (error): Effect.Effect<never, E | Unavailable> => {
    if (error instanceof EventStore.StoreError && error.isRetryable) return Effect.fail(new Unavailable())
    if (error instanceof EventStore.StoreError || error instanceof Event.DecodeError) return Effect.die(error)
    return Effect.fail(error)
  })

const handlers = HttpApiBuilder.group(
  BankApi,
  "accounts",
  Effect.fnUntraced(function* (handlers) {
    const accounts = yield* Accounts
    const random = yield* SecureRandom.SecureRandom

    /**
     * Runs a request as one command. Its id is the request's key within `scope`, so one key for two different things
     * does not mix them up; what is new gets an id that derives from it, so that a repeated request makes the same one.
     */
    const asOneCommand = <A, E, R>(
      { "idempotency-key": key, "x-actor": actor }: RequestHeaders,
      scope: ReadonlyArray<string>,
      run: (commandId: string, newId: string) => Effect.Effect<A, E | EventStore.StoreError | Event.DecodeError, R>
    ) =>
      Effect.gen(function* () {
        const commandId = [...scope, key ?? (yield* random.uuidV7())].join(":")
        const { id } = Decider.context({ now: yield* DateTime.now, commandId })
        return yield* Causation.withMetadata(run(commandId, id("new")), actor === undefined ? {} : { actor })
      }).pipe(withoutInternals)

    return handlers.handleAll({
      open: ({ headers, payload: { id: wanted, owner } }) =>
        asOneCommand(headers, ["open"], (commandId, newId) => {
          const id = wanted ?? newId
          return accounts
            .execute(id, { _tag: "Open", owner }, { commandId })
            .pipe(
              Effect.flatMap(answer(id, (event) => "owner" in event && event.owner === owner)),
              Effect.catchTag("AccountNotOpen", Effect.die)
            )
        }),

      get: ({ params: { id }, query: { at } }) =>
        accounts.state(id, { at }).pipe(
          Effect.flatMap((loaded) => view(id, loaded)),
          withoutInternals
        ),

      history: ({ params: { id } }) =>
        accounts.history(id).pipe(
          Stream.mapEffect(({ event, recorded: { version, recordedAt, metadata } }) =>
            Effect.fromResult(Event.encode(AccountEvent, event)).pipe(
              Effect.orDie,
              Effect.map(({ type, data }) => {
                const { actor } = metadata
                return { version, recordedAt, ...(actor === undefined ? {} : { actor }), type, data }
              })
            )
          ),
          Stream.runCollect,
          Effect.filterOrFail(
            (entries) => entries.length > 0,
            () => new AccountNotOpen()
          ),
          withoutInternals
        ),

      deposit: ({ headers, params: { id }, payload: { amount } }) =>
        asOneCommand(headers, ["deposit", id], (commandId) =>
          Effect.flatMap(accounts.execute(id, { _tag: "Deposit", amount }, { commandId }), answer(id, isOf(amount)))
        ),

      withdraw: ({ headers, params: { id }, payload: { amount } }) =>
        asOneCommand(headers, ["withdraw", id], (commandId) =>
          Effect.flatMap(accounts.execute(id, { _tag: "Withdraw", amount }, { commandId }), answer(id, isOf(amount)))
        ),

      transfer: ({ headers, payload: { from, to, amount } }) =>
        asOneCommand(headers, ["transfer", from, to], (commandId, transferId) =>
          transfer(accounts, { transferId, from, to, amount }, { commandId }).pipe(
            Effect.flatMap(([sent]) => answer(from, isOf(amount))(sent)),
            Effect.map(({ balance }) => ({ transferId, from, to, amount, balance }))
          )
        ),

      close: ({ headers, params: { id } }) =>
        asOneCommand(headers, ["close", id], (commandId) =>
          Effect.flatMap(accounts.execute(id, { _tag: "Close" }, { commandId }), (outcome) => view(id, outcome))
        )
    })
  })
)

/** The bank's routes, their description at `/openapi.json`, and its page at `/docs`. Needs an event store alone. */
export const BankHttp = Layer.mergeAll(
  HttpApiBuilder.layer(BankApi, { openapiPath: "/openapi.json" }),
  HttpApiSwagger.layer(BankApi, { path: "/docs" }),
  HttpRouter.add("GET", "/", HttpServerResponse.redirect("/docs"))
).pipe(
  Layer.provide(handlers),
  Layer.provide([
    Accounts.layer,
    SecureRandom.layerWebCrypto,
    HttpApiMiddleware.layerProblemDetails({ includeDetails: true })
  ])
)
