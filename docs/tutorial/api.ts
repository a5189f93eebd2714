// api.ts
import { Schema } from "effect"
import { HttpApi, HttpApiEndpoint, HttpApiGroup, HttpApiSchema } from "effect/http-api"
import { Account, AccountCommand, AlreadyOpen, InsufficientFunds, NotOpen } from "./account.ts"
import { overview } from "./overview.ts"

export const BankApi = HttpApi.make("bank").add(
  HttpApiGroup.make("accounts").add(
    HttpApiEndpoint.post("execute", "/accounts/:id", {
      params: { id: Schema.NonEmptyString },
      headers: { "idempotency-key": Schema.NonEmptyString },
      payload: AccountCommand,
      success: Schema.Struct({ state: Account, version: Schema.Int, position: Schema.Int }),
      error: [
        NotOpen.pipe(HttpApiSchema.status(404)),
        AlreadyOpen.pipe(HttpApiSchema.status(409)),
        InsufficientFunds.pipe(HttpApiSchema.status(422))
      ]
    }),
    HttpApiEndpoint.get("overview", "/accounts", {
      query: { after: Schema.optionalKey(Schema.Int) },
      success: Schema.Record(Schema.String, overview.model)
    })
  )
)
