// overview.test.ts
import { it } from "@effect/vitest"
import { Spec } from "eventfold/testing"
import { overview } from "./overview.ts"

it.effect("an account without a name has one", () =>
  Spec.view(overview)
    .given([Spec.recorded(Spec.stored("AccountOpened", 1, { owner: "" }), { stream: "account-7" })])
    .then({ 7: { owner: "unknown", balance: 0, movements: 0 } })
)
