/**
 * A book of a library: what can happen to it, what can be asked of it, and when the answer is no. All of this is pure functions.
 */
import { Data, Result, Schema } from "effect"
import { Decider, Event, View } from "eventfold"

/** What has happened: facts, in the past tense. They are all that is stored. */
export const BookEvent = Event.define({
  BookBorrowed: { reader: Schema.String },
  LoanRenewed: {},
  BookReturned: {}
})

/** What is remembered of them, to decide by. */
export const Book = Schema.TaggedUnion({ OnShelf: {}, Lent: { reader: Schema.String, renewals: Schema.Int } })

/** What can be asked. */
export const BookCommand = Schema.TaggedUnion({ Borrow: { reader: Schema.String }, Renew: {}, Return: {} })

/** Why the answer may be no. */
export class AlreadyLent extends Data.TaggedError("AlreadyLent")<{ readonly reader: string }> {}
export class NotLent extends Data.TaggedError("NotLent") {}
export class RenewedTooOften extends Data.TaggedError("RenewedTooOften") {}

export const book = Decider.make({
  name: "book",
  state: Book,
  initial: { _tag: "OnShelf" },
  commands: BookCommand,
  events: BookEvent
})
  .evolve({
    BookBorrowed: (_, { reader }) => ({ _tag: "Lent", reader, renewals: 0 }),
    LoanRenewed: (book) => (book._tag === "Lent" ? { ...book, renewals: book.renewals + 1 } : book),
    BookReturned: () => ({ _tag: "OnShelf" })
  })
  .decide({
    Borrow: ({ reader }, book) => {
      if (book._tag === "Lent") return Result.fail(new AlreadyLent({ reader: book.reader }))
      return [{ _tag: "BookBorrowed", reader }]
    },
    Renew: (_, book) => {
      if (book._tag === "OnShelf") return Result.fail(new NotLent())
      if (book.renewals === 2) return Result.fail(new RenewedTooOften())
      return [{ _tag: "LoanRenewed" }]
    },
    Return: (_, book) => (book._tag === "Lent" ? [{ _tag: "BookReturned" }] : [])
  })

/** How often each reader has borrowed a book: what no single book can tell. */
export const loans = View.keyed({
  name: "loans",
  events: Event.pick(BookEvent, ["BookBorrowed"]),
  key: ({ reader }) => reader,
  model: Schema.Int,
  initial: 0
}).evolve({ BookBorrowed: (loans) => loans + 1 })
