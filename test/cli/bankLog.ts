/**
 * A small log of the example bank, for commands to look at.
 */
import { Effect, Layer, Stream } from "effect"
import { EventStore, type RecordedEvent } from "eventfold"
import { MemoryEventStore } from "eventfold/memory"
import { mkdtempSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Amount } from "../../examples/bank/events.ts"
import { Accounts, transfer } from "../../examples/bank/service.ts"
import { encodeLine } from "../../src/cli/file/line.ts"

/** A folder of this test process. */
export const folder = mkdtempSync(join(tmpdir(), "eventfold-cli-"))

const amount = (value: number) => Amount.make(value)

/** Two accounts and what happens to them: seven events. Ada's are 1, 3 and 4, Bob's 2, 5, 6 and 7. */
export const happen = Effect.gen(function* () {
  const accounts = yield* Accounts
  yield* accounts.execute("ada", { _tag: "Open", owner: "Ada" })
  yield* accounts.execute("bob", { _tag: "Open", owner: "Bob" })
  yield* accounts.execute("ada", { _tag: "Deposit", amount: amount(100) })
  yield* transfer(accounts, { transferId: "t1", from: "ada", to: "bob", amount: amount(30) }, {})
  yield* accounts.execute("bob", { _tag: "Withdraw", amount: amount(30) })
  yield* accounts.execute("bob", { _tag: "Close" })
}).pipe(Effect.provide(Accounts.layer))

/** What a memory store has recorded of them. */
export const recorded: Effect.Effect<ReadonlyArray<RecordedEvent.RecordedEvent>> = Effect.gen(function* () {
  yield* happen
  const store = yield* EventStore.EventStore
  return yield* Stream.runCollect(store.readLog())
}).pipe(Effect.provide(Layer.fresh(MemoryEventStore.layer)), Effect.orDie)

/** Writes a file into the folder, and gives its path. */
export const fileOf = (name: string, lines: ReadonlyArray<string>): string => {
  const path = join(folder, name)
  writeFileSync(path, lines.map((line) => `${line}\n`).join(""))
  return path
}

/** Writes an exported file. */
export const exported = (name: string, events: ReadonlyArray<RecordedEvent.RecordedEvent>): string =>
  fileOf(name, events.map(encodeLine))
