// movements.ts
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import { Event, Projection, StreamName } from "eventfold"
import { AccountEvent } from "./events.ts"

export class Movements extends Projection.Service<Movements>()(
  "bank/Movements",
  Projection.handler({
    name: "movements",
    version: 1,
    events: Event.pick(AccountEvent, ["Deposited", "Withdrawn"]),
    tables: { lines: "(position bigint PRIMARY KEY, account text NOT NULL, amount int NOT NULL)" },
    handle: Effect.fnUntraced(function* (events, { table }) {
      const sql = yield* SqlClient.SqlClient
      for (const { event, recorded } of events) {
        const account = StreamName.id(recorded.stream)
        const amount = event._tag === "Deposited" ? event.amount : -event.amount
        yield* sql`INSERT INTO ${sql.literal(table("lines"))} VALUES (${recorded.position}, ${account}, ${amount})`
      }
    })
  })
) {}
