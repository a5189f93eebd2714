/**
 * 7. Specs: what is shown after what. Each is run as a pure fold, and as the projection that keeps it: in one batch and event by
 * event, with a process that dies in between.
 */
import { describe, it } from "@effect/vitest"
import { DateTime, type Effect } from "effect"
import { Spec } from "eventfold/testing"
import { type AccountEvent, Amount } from "./events.ts"
import { accountOverview, monthlyStatements, overview, type Statement, statements } from "./read-models.ts"

const shows = (
  name: string,
  [view, projection]: readonly [Effect.Effect<void, unknown>, Effect.Effect<void, unknown>]
) => {
  it.effect(name, () => view)
  it.effect(`${name}, as it is kept`, () => projection)
}

const cents = (amount: number) => Amount.make(amount)
const ada = "account-ada"
const bob = "account-bob"

const opened = (owner: string): AccountEvent => ({ _tag: "AccountOpened", owner })
const closed: AccountEvent = { _tag: "AccountClosed" }
const deposited = { _tag: "Deposited" as const, amount: cents(100) }
const withdrawn = { _tag: "Withdrawn" as const, amount: cents(30) }
const sent = { _tag: "TransferSent" as const, transferId: "t1", to: "bob", amount: cents(40) }
const received = { _tag: "TransferReceived" as const, transferId: "t1", from: "ada", amount: cents(40) }

describe("the overview", () => {
  const history = [
    Spec.recorded(opened("Ada"), { stream: ada }),
    Spec.recorded(opened("Bob"), { stream: bob }),
    Spec.recorded(deposited, { stream: ada }),
    Spec.recorded(withdrawn, { stream: ada }),
    Spec.recorded(sent, { stream: ada }),
    Spec.recorded(received, { stream: bob })
  ]
  const adaHas30 = { owner: "Ada", status: "open" as const, balance: 30, transfers: 1 }
  const bobHas40 = { owner: "Bob", status: "open" as const, balance: 40, transfers: 1 }

  shows("has every account, with what it has", [
    Spec.view(accountOverview).given(history).then({ ada: adaHas30, bob: bobHas40 }),
    Spec.projection(overview).given(history).then({ ada: adaHas30, bob: bobHas40 })
  ])

  const end = [Spec.recorded(opened("Ada"), { stream: ada }), Spec.recorded(closed, { stream: ada })]
  const adaIsClosed = { owner: "Ada", status: "closed" as const, balance: 0, transfers: 0 }

  shows("keeps those that are closed", [
    Spec.view(accountOverview).given(end).then({ ada: adaIsClosed }),
    Spec.projection(overview).given(end).then({ ada: adaIsClosed })
  ])
})

describe("statements", () => {
  const january = DateTime.makeUnsafe("2026-01-31T23:59:59.999Z")
  const february = DateTime.makeUnsafe("2026-02-01T00:00:00Z")
  const history = [
    Spec.recorded(deposited, { stream: ada, at: january }),
    Spec.recorded(withdrawn, { stream: ada, at: february }),
    Spec.recorded(sent, { stream: ada, at: february }),
    Spec.recorded(received, { stream: bob, at: february })
  ]
  const months: Record<string, Statement> = {
    "ada/2026-01": { lines: [{ at: january, type: "deposit", amount: cents(100) }], in: 100n, out: 0n },
    "ada/2026-02": {
      lines: [
        { at: february, type: "withdrawal", amount: cents(30) },
        { at: february, type: "transfer sent", counterparty: "bob", amount: cents(40) }
      ],
      in: 0n,
      out: 70n
    },
    "bob/2026-02": {
      lines: [{ at: february, type: "transfer received", counterparty: "ada", amount: cents(40) }],
      in: 40n,
      out: 0n
    }
  }

  shows("have what came and went by month, in UTC", [
    Spec.view(monthlyStatements).given(history).then(months),
    Spec.projection(statements).given(history).then(months)
  ])
})
