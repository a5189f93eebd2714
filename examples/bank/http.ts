/**
 * 6. HTTP: the handlers. Each turns a request into a command, and what became of it into an answer; or it reads a read
 * model. What a command can be rejected with is part of its type, so a rejection that `api.ts` has no answer for does not compile.
 */
import { DateTime, Duration, Effect, Layer, Option, Stream } from "effect"
import { SecureRandom } from "effect/crypto"
import { HttpRouter, HttpServerResponse } from "effect/http"
import { HttpApiBuilder, HttpApiMiddleware, HttpApiSwagger } from "effect/http-api"
import {
  type Aggregate,
  Causation,
  Decider,
  Event,
  EventStore,
  Health,
  type ProcessStore,
  Projection,
  type ProjectionStore
} from "eventfold"
import { type Account, AccountNotOpen } from "./account.ts"
import {
  type AccountView,
  BankApi,
  KeyReused,
  type ReadModelHealth,
  type RequestHeaders,
  StatementBehind,
  Unavailable,
  Unhealthy
} from "./api.ts"
import { AccountEvent } from "./events.ts"
import { emptyStatement, overview, Overview, statementOf, statements, Statements } from "./read-models.ts"
import { Accounts, transfer } from "./service.ts"

/** What is told of an account. */
const view = Effect.fnUntraced(function* (id: string, { state, version, position }: Aggregate.Loaded<Account>) {
  if (state._tag === "NotOpen") return yield* new AccountNotOpen()
  const { owner } = state
  const account: AccountView =
    state._tag === "Open"
      ? { id, status: "open", owner, balance: state.balance, version, position }
      : { id, status: "closed", owner, balance: 0, version, position }
  return account
})

/** The first answer is the answer to this request too, unless its key has been used for something else. */
const answer = (id: string, isAsked: (event: AccountEvent) => boolean) =>
  Effect.fnUntraced(function* (outcome: Aggregate.Outcome<Account, AccountEvent>) {
    if (!outcome.events.every(isAsked)) return yield* new KeyReused()
    return yield* view(id, outcome)
  })

const isOf = (amount: number) => (event: AccountEvent) => "amount" in event && event.amount === amount

/** What is nobody's fault but ours. */
type Internal = EventStore.StoreError | Event.DecodeError | Projection.DocumentDecodeError

/** Clients learn whether it is worth asking again, and nothing else. */
const toldAs = (error: Internal): Effect.Effect<never, Unavailable> =>
  error._tag === "StoreError" && error.isRetryable ? Effect.fail(new Unavailable()) : Effect.die(error)

const withoutInternals = <A, E, R>(self: Effect.Effect<A, E | Internal, R>): Effect.Effect<A, E | Unavailable, R> =>
  Effect.catch(self, (error): Effect.Effect<never, E | Unavailable> => {
    if (error instanceof EventStore.StoreError || error instanceof Event.DecodeError) return toldAs(error)
    if (error instanceof Projection.DocumentDecodeError) return toldAs(error)
    return Effect.fail(error)
  })

/** An account is asked for as of a version, or as of an instant. */
const pointOf = (at: number | DateTime.Utc): Aggregate.Point =>
  typeof at === "number" ? { version: at } : { instant: at }

/** How long a statement is waited for. */
const patience = Duration.seconds(1)

const healthOf = ({ failure, lag, lagTime, name, parked, position, role, state, version }: ProjectionStore.Status) => {
  const health: typeof ReadModelHealth.Type = {
    name,
    version,
    role,
    state,
    position,
    lag,
    lagSeconds: Duration.toSeconds(lagTime),
    parked,
    ...(failure === undefined ? {} : { failure: failure.problem })
  }
  return health
}

const accountHandlers = HttpApiBuilder.group(
  BankApi,
  "accounts",
  Effect.fnUntraced(function* (handlers) {
    const accounts = yield* Accounts
    const overview = yield* Overview
    const statements = yield* Statements
    const random = yield* SecureRandom.SecureRandom

    /**
     * Runs a request as one command. Its id is the request's key within `scope`, so one key for two different things
     * does not mix them up; what is new gets an id that derives from it, so that a repeated request makes the same one.
     */
    const asOneCommand = <A, E, R>(
      { "idempotency-key": key, "x-actor": actor }: RequestHeaders,
      scope: ReadonlyArray<string>,
      run: (commandId: string, newId: string) => Effect.Effect<A, E | Internal, R>
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

      list: ({ query: { status, after, limit = 100 } }) =>
        Effect.gen(function* () {
          const where = status === undefined ? {} : { status }
          // One more tells whether there is a next page.
          const page = { where, limit: limit + 1, ...(after === undefined ? {} : { after }) }
          const found = yield* Stream.runCollect(overview.query(page))
          const accounts = found.slice(0, limit).map(([id, account]) => ({ id, ...account }))
          const next = found.length > limit ? accounts.at(-1)?.id : undefined
          return { accounts, ...(next === undefined ? {} : { next }) }
        }).pipe(Effect.catch(toldAs)),

      get: ({ params: { id }, query: { at } }) =>
        accounts.state(id, at === undefined ? {} : { at: pointOf(at) }).pipe(
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

      statement: ({ params: { id, month }, query: { after = 0 } }) =>
        Effect.gen(function* () {
          if (Option.isNone(yield* overview.get(id))) return yield* new AccountNotOpen()
          yield* statements.awaitPosition(after, patience)
          const found = yield* statements.get(statementOf(id, month))
          return { account: id, month, ...Option.getOrElse(found, () => emptyStatement) }
        }).pipe(
          Effect.catchTag("AwaitTimeout", ({ position, reached }) =>
            Effect.fail(new StatementBehind({ asked: position, reached }))
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
            Effect.flatMap(([sent, { position }]) =>
              Effect.map(answer(from, isOf(amount))(sent), ({ balance }) => ({ balance, position }))
            ),
            Effect.map((sent) => ({ transferId, from, to, amount, ...sent }))
          )
        ),

      close: ({ headers, params: { id } }) =>
        asOneCommand(headers, ["close", id], (commandId) =>
          Effect.flatMap(accounts.execute(id, { _tag: "Close" }, { commandId }), (outcome) => view(id, outcome))
        )
    })
  })
)

const healthHandlers = HttpApiBuilder.group(
  BankApi,
  "health",
  Effect.fnUntraced(function* (handlers) {
    const stores = yield* Effect.context<
      EventStore.EventStore | ProjectionStore.ProjectionStore | ProcessStore.ProcessStore
    >()
    return handlers.handleAll({
      health: () =>
        Effect.gen(function* () {
          const { isHealthy, problems, projections } = yield* Health.check({ expected: [overview, statements] })
          const readModels = projections.map(healthOf)
          if (!isHealthy) return yield* new Unhealthy({ problems, readModels })
          return { status: "healthy" as const, readModels }
        }).pipe(Effect.provide(stores))
    })
  })
)

/**
 * The bank's routes, their description at `/openapi.json`, and its page at `/docs`. Needs a store alone: one that keeps the
 * overview with each append.
 */
export const BankHttp = Layer.mergeAll(
  HttpApiBuilder.layer(BankApi, { openapiPath: "/openapi.json" }),
  HttpApiSwagger.layer(BankApi, { path: "/docs" }),
  HttpRouter.add("GET", "/", HttpServerResponse.redirect("/docs"))
).pipe(
  Layer.provide([accountHandlers, healthHandlers]),
  Layer.provide([
    Accounts.layer,
    Overview.layer,
    Statements.layer,
    SecureRandom.layerWebCrypto,
    HttpApiMiddleware.layerProblemDetails({ includeDetails: true })
  ])
)
