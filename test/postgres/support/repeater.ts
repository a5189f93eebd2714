/**
 * A process that appends the events that it is told, at the same moment as others: it begins when nobody holds the lock number 42.
 *
 *     node repeater.ts <url> <schema> <ids of the events, in appends of two: a JSON array>
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Effect, Schema } from "effect"
import { connect, storeOn } from "./stores.ts"
import { repeat } from "./repetition.ts"

const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(Schema.Array(Schema.String)))

const program = Effect.gen(function* () {
  const [, , url = "", schema = "", told] = process.argv
  const ids = yield* decode(told)
  const sql = yield* connect(url)
  const store = yield* storeOn(sql, { schema, migrate: false })
  yield* store.head
  yield* sql.unsafe("SELECT pg_advisory_lock_shared(42)")
  const answers = yield* repeat(store, ids)
  process.stdout.write(JSON.stringify(answers))
}).pipe(Effect.scoped)

NodeRuntime.runMain(program)
