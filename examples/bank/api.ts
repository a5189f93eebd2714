/**
 * 6. HTTP: what can be asked over HTTP and what is answered. A description that the server, its API page and its
 * clients share; `http.ts` has the handlers.
 */
import { Schema } from "effect"
import { HttpApi, HttpApiEndpoint, HttpApiGroup, HttpApiMiddleware, HttpApiSchema, OpenApi } from "effect/http-api"
import { EventStore } from "eventfold"
import {
  AccountAlreadyOpen,
  AccountIsClosed,
  AccountNotOpen,
  BalanceNotZero,
  BalanceTooLarge,
  InsufficientFunds,
  RecipientIsClosed,
  RecipientNotOpen,
  Transfer,
  TransferToSelf
} from "./account.ts"
import { AccountId, Amount, Owner } from "./events.ts"
import { AccountSummary, Statement } from "./read-models.ts"

const position = Schema.Int.annotate({
  description: "How far the bank had come with it: a statement asked for `after` this position contains it"
})

/** The account as it is after what was asked, or was when that was asked for the first time. */
export const AccountView = Schema.Struct({
  id: AccountId,
  status: Schema.Literals(["open", "closed"]),
  owner: Owner,
  balance: Schema.Int,
  version: Schema.Int.annotate({ description: "How many events the account has" }),
  position
})
export type AccountView = typeof AccountView.Type

export const TransferView = Schema.Struct({ ...Transfer.fields, balance: Schema.Int, position })

export const HistoryEntry = Schema.Struct({
  version: Schema.Int,
  recordedAt: Schema.DateTimeUtc,
  actor: Schema.optionalKey(Schema.String),
  type: Schema.String,
  data: Schema.Json
})

/** A page of all accounts, by id, and the id after which the next one begins. */
export const AccountList = Schema.Struct({
  accounts: Schema.Array(Schema.Struct({ id: AccountId, ...AccountSummary.fields })),
  next: Schema.optionalKey(AccountId)
})

/** What came and went in a month. The totals are text: they may be larger than a number that a double holds exactly. */
export const StatementView = Schema.Struct({ account: AccountId, month: Schema.String, ...Statement.fields })

/** How a read model is doing. */
export const ReadModelHealth = Schema.Struct({
  name: Schema.String,
  version: Schema.Int,
  role: Schema.Literals(["live", "filling", "retired"]),
  state: Schema.Literals(["running", "paused", "failed"]),
  position: Schema.Int,
  lag: Schema.Int.annotate({ description: "Positions of the log that it has not come to" }),
  lagSeconds: Schema.Finite,
  parked: Schema.Int,
  failure: Schema.optionalKey(Schema.String.annotate({ description: "Why it has failed" }))
})

/** The bank takes commands, and its read models follow. */
export const Healthy = Schema.Struct({ status: Schema.Literal("healthy"), readModels: Schema.Array(ReadModelHealth) })

/** Something needs somebody to look at it. */
export class Unhealthy extends Schema.TaggedError<Unhealthy>()("Unhealthy", {
  problems: Schema.Array(Schema.String),
  readModels: Schema.Array(ReadModelHealth)
}) {}

/** The store cannot be reached at the moment. Nothing was stored; ask again later. */
export class Unavailable extends Schema.TaggedError<Unavailable>()("Unavailable", {}) {}

/** An idempotency key stands for one request: it has been used for another one. */
export class KeyReused extends Schema.TaggedError<KeyReused>()("KeyReused", {}) {}

/** The statement has not come to the position yet, nor did it while it was waited for. Ask again. */
export class StatementBehind extends Schema.TaggedError<StatementBehind>()("StatementBehind", {
  asked: Schema.Int,
  reached: Schema.Int
}) {}

const statementBehind = StatementBehind.pipe(
  HttpApiSchema.encodeToWithHeaders(
    {
      body: StatementBehind.pipe(HttpApiSchema.status(504)),
      headers: { "retry-after": Schema.Int }
    },
    { decode: ({ body }) => body, encode: (body) => ({ body, headers: { "retry-after": 1 } }) }
  )
)

const shortText = Schema.String.check(Schema.isBetweenLength(1, 200))

const RequestHeaders = Schema.Struct({
  "idempotency-key": Schema.optionalKey(shortText).annotate({
    description: "Names this request: sent again under the same key, it gets the first answer and changes nothing"
  }),
  "x-actor": Schema.optionalKey(shortText).annotate({ description: "Who asks; kept in the events' metadata" })
})
export type RequestHeaders = typeof RequestHeaders.Type

/** An account as of a version, or as of an instant. */
const At = Schema.Union([
  Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)),
  Schema.String.check(
    Schema.isPattern(/^\d{4}-\d\d-\d\dT/, { expected: "an instant such as 2026-01-31T12:00:00Z" })
  ).pipe(Schema.decodeTo(Schema.DateTimeUtcFromString))
])

const Month = Schema.String.check(Schema.isPattern(/^\d{4}-(0[1-9]|1[0-2])$/, { expected: "a month such as 2026-01" }))

const params = { id: AccountId }

const notFound = [AccountNotOpen.pipe(HttpApiSchema.status(404))] as const
const unavailable = [Unavailable.pipe(HttpApiSchema.status(503))] as const
const conflict = [EventStore.ConcurrencyConflict.pipe(HttpApiSchema.status(409)), ...unavailable] as const
const rejected = HttpApiSchema.status(422)
const refused = [AccountIsClosed.pipe(rejected), KeyReused.pipe(rejected), ...notFound, ...conflict] as const

export const AccountsApi = HttpApiGroup.make("accounts").add(
  HttpApiEndpoint.post("open", "/accounts", {
    headers: RequestHeaders,
    payload: Schema.Struct({ id: Schema.optionalKey(AccountId), owner: Owner }),
    success: AccountView.pipe(HttpApiSchema.status(201)),
    error: [AccountAlreadyOpen.pipe(rejected), AccountIsClosed.pipe(rejected), KeyReused.pipe(rejected), ...conflict]
  }),
  HttpApiEndpoint.get("list", "/accounts", {
    query: {
      status: Schema.optionalKey(AccountSummary.fields.status),
      after: Schema.optionalKey(AccountId),
      limit: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1000 })))
    },
    success: AccountList,
    error: unavailable
  }),
  HttpApiEndpoint.get("get", "/accounts/:id", {
    params,
    query: { at: Schema.optionalKey(At) },
    success: AccountView,
    error: [...notFound, ...unavailable]
  }),
  HttpApiEndpoint.get("history", "/accounts/:id/history", {
    params,
    success: Schema.Array(HistoryEntry),
    error: [...notFound, ...unavailable]
  }),
  HttpApiEndpoint.get("statement", "/accounts/:id/statements/:month", {
    params: { id: AccountId, month: Month },
    query: { after: Schema.optionalKey(Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))) },
    success: StatementView,
    error: [statementBehind, ...notFound, ...unavailable]
  }),
  HttpApiEndpoint.post("deposit", "/accounts/:id/deposits", {
    params,
    headers: RequestHeaders,
    payload: Schema.Struct({ amount: Amount }),
    success: AccountView,
    error: [BalanceTooLarge.pipe(rejected), ...refused]
  }),
  HttpApiEndpoint.post("withdraw", "/accounts/:id/withdrawals", {
    params,
    headers: RequestHeaders,
    payload: Schema.Struct({ amount: Amount }),
    success: AccountView,
    error: [InsufficientFunds.pipe(rejected), ...refused]
  }),
  HttpApiEndpoint.post("transfer", "/transfers", {
    headers: RequestHeaders,
    payload: Schema.Struct({ from: AccountId, to: AccountId, amount: Amount }),
    success: TransferView,
    error: [
      InsufficientFunds.pipe(rejected),
      TransferToSelf.pipe(rejected),
      RecipientNotOpen.pipe(HttpApiSchema.status(404)),
      RecipientIsClosed.pipe(rejected),
      BalanceTooLarge.pipe(rejected),
      ...refused
    ]
  }),
  HttpApiEndpoint.post("close", "/accounts/:id/close", {
    params,
    headers: RequestHeaders,
    success: AccountView,
    error: [BalanceNotZero.pipe(rejected), ...refused]
  })
)

export const HealthApi = HttpApiGroup.make("health").add(
  HttpApiEndpoint.get("health", "/health", {
    success: Healthy,
    error: Unhealthy.pipe(HttpApiSchema.status(503))
  })
)

export const BankApi = HttpApi.make("bank")
  .add(AccountsApi)
  .add(HealthApi)
  .middleware(HttpApiMiddleware.ProblemDetails)
  .annotate(HttpApi.PayloadParseOptions, { onExcessProperty: "error", errors: "all" })
  .annotate(HttpApi.QueryParseOptions, { onExcessProperty: "error", errors: "all" })
  .annotateMerge(
    OpenApi.annotations({
      title: "Bank",
      version: "1.0.0",
      description: "Accounts and transfers. Amounts are whole numbers of minor units, such as cents."
    })
  )
