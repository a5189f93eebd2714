// movements.ts
import { Array as Arr, Effect } from "effect"
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
      const lines = Arr.map(events, ({ event, recorded }) => ({
        position: recorded.position,
        account: StreamName.id(recorded.stream),
        amount: event._tag === "Deposited" ? event.amount : -event.amount
      }))
      yield* sql`INSERT INTO ${sql.literal(table("lines"))} ${sql.insert(lines)}`
    })
  })
) {}
