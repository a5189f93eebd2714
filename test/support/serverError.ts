/**
 * What can go wrong with the servers of tests.
 */
import { Effect, Schema } from "effect"

/** The server could not be started, or did not do what it was told. */
export class ServerError extends Schema.TaggedError<ServerError>("test/ServerError")("ServerError", {
  problem: Schema.String
}) {
  override get message(): string {
    return this.problem
  }
}

export const attempt = <A>(what: string, run: () => Promise<A>): Effect.Effect<A, ServerError> =>
  Effect.tryPromise({
    try: run,
    catch: (cause) => new ServerError({ problem: `${what}: ${cause instanceof Error ? cause.message : String(cause)}` })
  })
