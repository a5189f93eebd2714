/**
 * The embedded database, whose package is loaded where it is asked for, and need not be there otherwise.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Options } from "../postgres/embedded/EmbeddedPgClient.ts"
import { CliFailure } from "./failure.ts"
import { packageOf } from "./missing.ts"

const loaded = Effect.tryPromise({
  try: () => import("../postgres/embedded/EmbeddedPgClient.ts"),
  catch: (error) => {
    const missing = packageOf(error)
    if (missing === undefined) throw error
    const problem = `an embedded store needs the package ${missing}`
    return new CliFailure({ kind: "domain", problem, advice: `Install it: npm install ${missing}` })
  }
})

/** A client of an embedded database: in a folder, or in memory. */
export const layerEmbedded = (options?: Options) => Layer.unwrap(Effect.map(loaded, (client) => client.layer(options)))
