/**
 * The reference of what projections keep: the whole contract of its port over maps, beside the log of the memory store. It lives as
 * long as its process.
 *
 * Every change is in a transaction, and there is one at a time: so a document that is read in one is locked, and a claim that stands
 * at its begin stands until its end. Work that waits for another fiber's transaction waits for ever.
 */
import { ProjectionStore } from "../ProjectionStore.ts"
import type { Database } from "./database.ts"
import { control } from "./projections/control.ts"
import { documents } from "./projections/documents.ts"
import { parking } from "./projections/parking.ts"
import { running } from "./projections/running.ts"

/** What projections keep beside a log in memory. */
export const over = (database: Database): ProjectionStore["Service"] =>
  ProjectionStore.of({ ...running(database), ...documents(database), ...parking(database), ...control(database) })
