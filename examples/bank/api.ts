/**
 * 5. HTTP: what can be asked over HTTP and what is answered. A description that the server, its API page and its
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

/** The account as it is after what was asked, or was when that was asked for the first time. */
export const AccountView = Schema.Struct({
  id: AccountId,
  status: Schema.Literals(["open", "closed"]),
  owner: Owner,
  balance: Schema.Int,
  version: Schema.Int.annotate({ description: "How many events the account has" })
})
export type AccountView = typeof AccountView.Type

export const TransferView = Schema.Struct({ ...Transfer.fields, balance: Schema.Int })

export const HistoryEntry = Schema.Struct({
  version: Schema.Int,
  recordedAt: Schema.DateTimeUtc,
  actor: Schema.optionalKey(Schema.String),
  type: Schema.String,
  data: Schema.Json
})

/** The store cannot be reached at the moment. Nothing was stored; ask again later. */
export class Unavailable extends Schema.TaggedError<Unavailable>()("Unavailable", {}) {}

/** An idempotency key stands for one request: it has been used for another one. */
export class KeyReused extends Schema.TaggedError<KeyReused>()("KeyReused", {}) {}

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

export const BankApi = HttpApi.make("bank")
  .add(AccountsApi)
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
