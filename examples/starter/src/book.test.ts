/**
 * The rules of a book, as given, when, then.
 */
import { NodeFileSystem } from "@effect/platform-node"
import { describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Catalog, Spec } from "eventfold/testing"
import { AlreadyLent, book, BookEvent, loans, NotLent, RenewedTooOften } from "./book.ts"

const { given } = Spec.decider(book)

const borrowed: typeof BookEvent.Type = { _tag: "BookBorrowed", reader: "ada" }
const renewed: typeof BookEvent.Type = { _tag: "LoanRenewed" }
const returned: typeof BookEvent.Type = { _tag: "BookReturned" }

describe("a book", () => {
  it.effect("is lent from the shelf", () => given([]).when({ _tag: "Borrow", reader: "ada" }).then([borrowed]))
  it.effect("is lent to one reader at a time", () =>
    given([borrowed])
      .when({ _tag: "Borrow", reader: "bob" })
      .thenFails(new AlreadyLent({ reader: "ada" }))
  )
  it.effect("is lent again when it is back", () =>
    given([borrowed, returned])
      .when({ _tag: "Borrow", reader: "bob" })
      .thenState({ _tag: "Lent", reader: "bob", renewals: 0 })
  )
  it.effect("is not returned twice", () => given([borrowed, returned]).when({ _tag: "Return" }).thenNothing())
})

describe("a loan", () => {
  it.effect("is renewed twice", () => given([borrowed, renewed]).when({ _tag: "Renew" }).then([renewed]))
  it.effect("and not a third time", () =>
    given([borrowed, renewed, renewed]).when({ _tag: "Renew" }).thenFails(new RenewedTooOften())
  )
  it.effect("is not renewed where there is none", () =>
    given([borrowed, returned]).when({ _tag: "Renew" }).thenFails(new NotLent())
  )
  it.effect("counts for its reader", () =>
    Spec.view(loans)
      .given([
        { _tag: "BookBorrowed", reader: "ada" },
        { _tag: "BookBorrowed", reader: "bob" },
        { _tag: "BookBorrowed", reader: "ada" }
      ])
      .then({ ada: 2, bob: 1 })
  )
})

it.effect("what is stored stays readable", () =>
  Effect.provide(Catalog.check(BookEvent, `${import.meta.dirname}/events.lock`), NodeFileSystem.layer)
)
