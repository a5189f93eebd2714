/**
 * Runs the library: books over a store of events, and what is kept of them to be read.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Layer, Stream } from "effect"
import { Aggregate, Projection } from "eventfold"
import { book, loans } from "./book.ts"
import { store } from "./store.ts"

class Books extends Aggregate.Service<Books>()("library/Books", { decider: book }) {}

class Loans extends Projection.Service<Loans>()("library/Loans", Projection.make({ version: 1, view: loans })) {}

const library = Layer.mergeAll(Books.layer, Loans.layer).pipe(Layer.provide(store))

const borrow = (id: string, reader: string) =>
  Effect.gen(function* () {
    const books = yield* Books
    yield* books.execute(id, { _tag: "Borrow", reader })
    yield* Console.log(`${reader} borrows ${id}`)
  }).pipe(Effect.catchTag("AlreadyLent", (no) => Console.log(`${reader} cannot borrow ${id}: ${no.reader} has it`)))

const program = Effect.gen(function* () {
  const books = yield* Books
  yield* borrow("dune", "ada")
  yield* borrow("dune", "bob")
  const { position, version } = yield* books.execute("dune", { _tag: "Return" })
  yield* Console.log(`dune is back, after ${version} events`)

  // What is read follows the log: here it is waited for.
  const loans = yield* Loans
  yield* loans.awaitPosition(position)
  yield* Stream.runForEach(loans.query(), ([reader, count]) => Console.log(`loans of ${reader} so far: ${count}`))
})

program.pipe(Effect.provide(library), NodeRuntime.runMain)
