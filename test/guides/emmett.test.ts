/**
 * A store of Emmett, moved as the guide says: its code before is run with Emmett itself, and then its SQL and the mover.
 */
import { spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { join } from "node:path"
import type { PgClient } from "@effect/sql-pg"
import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { Data, Effect, FileSystem, Stream } from "effect"
import type { RecordedEvent } from "eventfold"
import { read, root } from "../support/project.ts"
import { connect, storeOn } from "../postgres/support/stores.ts"
import { freshDatabase, TestServer } from "../support/server.ts"
import { eventfold } from "../cli/support.ts"
import { move } from "./move.ts"
import { sqlOf } from "./support.ts"

const guide = "docs/from-emmett.md"
const peers = join(root, "test/peers")
const isInstalled = existsSync(join(peers, "node_modules/@event-driven-io/emmett-postgresql"))

const before = (): string => /^```tsx\n([^]*?)^```$/m.exec(read(guide))?.[1] ?? ""

/** What the program does besides: messages with metadata and ids of their own, of two streams, and a command. */
const more = `
const again = getPostgreSQLEventStore(process.env.DATABASE_URL!)
await again.appendToStream("cart-18", [
  { type: "ItemAdded", data: { sku: "pot \\\\ 😀", quantity: 1 }, metadata: { correlationId: "c-18", tenant: 7 } },
  { type: "ItemAdded", data: { sku: "lid", quantity: 12n } }
])
await again.appendToStream("cart-18", [{ kind: "Command", type: "Wave", data: {} }])
await again.close()
`

class EmmettFailed extends Data.TaggedError("EmmettFailed")<{ readonly said: string }> {}

/** Runs a program where Emmett is installed. */
const runWithEmmett = (code: string, url: string) =>
  Effect.callback<void, EmmettFailed>((resume) => {
    const child = spawn(process.execPath, ["--input-type=module-typescript", "--no-warnings", "-e", code], {
      cwd: peers,
      env: { ...process.env, DATABASE_URL: url },
      stdio: ["ignore", "ignore", "pipe"]
    })
    let said = ""
    child.stderr.on("data", (chunk) => (said += String(chunk)))
    child.once("close", (code) => resume(code === 0 ? Effect.void : Effect.fail(new EmmettFailed({ said }))))
  })

/** An event of the log, as far as it was one of Emmett's. */
const told = ({ data, id, metadata, recordedAt, stream, type, version }: RecordedEvent.RecordedEvent) => [
  id,
  stream,
  version,
  type,
  data,
  metadata,
  recordedAt.epochMilliseconds
]

interface Message {
  readonly message_id: string
  readonly stream_id: string
  readonly stream_position: bigint
  readonly message_type: string
  readonly message_data: unknown
  readonly message_metadata: unknown
  readonly created: Date
}

const messagesOf = (sql: PgClient.PgClient) =>
  sql<Message>`SELECT message_id, stream_id, stream_position, message_type, message_data, message_metadata, created
    FROM public.emt_messages WHERE message_kind = 'E' ORDER BY global_position`

const fromMessages = (messages: ReadonlyArray<Message>) =>
  messages.map((message) => [
    message.message_id,
    message.stream_id,
    Number(message.stream_position),
    message.message_type,
    message.message_data,
    message.message_metadata,
    message.created.getTime()
  ])

layer(TestServer.layer({ settings: { fsync: "off" } }), { excludeTestServices: true, timeout: 120_000 })(
  "a store of Emmett",
  (it) => {
    const ground = Effect.gen(function* () {
      const url = yield* Effect.flatMap(TestServer, freshDatabase)
      yield* runWithEmmett(before() + more, url)
      const old = yield* connect(url)
      for (const title of ["The view.", "The index."]) {
        for (const statement of sqlOf(guide, title)) yield* old.unsafe(statement)
      }
      const store = yield* storeOn(old, { schema: "moved" })
      const stored = Effect.map(Stream.runCollect(store.readLog()), (all) => all.map(told))
      return { url, old, store, stored }
    })

    it.effect.skipIf(!isInstalled)("is moved with its order, ids, times, versions and metadata", () =>
      Effect.gen(function* () {
        const { old, store, stored, url } = yield* ground
        assert.strictEqual(yield* move(old, store), 5)
        const messages = yield* messagesOf(old)
        assert.deepStrictEqual(yield* stored, fromMessages(messages))
        assert.deepStrictEqual(
          messages.map(({ stream_id, stream_position }) => `${stream_id}@${stream_position}`),
          ["cart-17@1", "cart-17@2", "cart-17@3", "cart-18@1", "cart-18@2"]
        )
        assert.deepStrictEqual(messages[4]?.message_data, { sku: "lid", quantity: "12" })
        // It goes on there, and is moved on.
        yield* runWithEmmett(before().replaceAll("cart-17", "cart-19"), url)
        assert.strictEqual(yield* move(old, store), 3)
        assert.deepStrictEqual(yield* stored, fromMessages(yield* messagesOf(old)))
        // What is in the way, how to compare and the fence are those of the other guide.
        const others = (title: string) =>
          sqlOf("docs/from-your-own-store.md", title).map((statement) =>
            statement.replaceAll("public.events", "public.emt_messages").replaceAll("eventfold.events", "moved.events")
          )
        for (const title of ["What would be in the way", "Events that are not in both"]) {
          const [counts] = yield* old.unsafe(others(title)[0]!)
          assert.deepStrictEqual(new Set(Object.values(counts!)), new Set([0n]), title)
        }
        for (const statement of others("The fence.")) yield* old.unsafe(statement)
        const { said } = yield* Effect.flip(runWithEmmett(before().replaceAll("cart-17", "cart-20"), url))
        assert.include(said, "the events have moved")
        assert.strictEqual(yield* move(old, store), 0)
      })
    )

    it.effect.skipIf(!isInstalled)("is imported from the lines that the guide's SELECT gives", () =>
      Effect.gen(function* () {
        const { old, url } = yield* ground
        const select = /-c "\n([^]*?)" > events.jsonl/.exec(read(guide))?.[1] ?? ""
        const rows = yield* old.unsafe<{ readonly json_build_object: unknown }>(select.replaceAll('\\"', '"'))
        const files = yield* FileSystem.FileSystem
        const folder = yield* files.makeTempDirectoryScoped()
        const file = join(folder, "events.jsonl")
        yield* files.writeFileString(
          file,
          rows.map(({ json_build_object }) => `${JSON.stringify(json_build_object)}\n`).join("")
        )
        const { exitCode, stderr } = yield* eventfold([
          "import",
          file,
          "--store",
          url,
          "--schema",
          "imported",
          "--create"
        ])
        assert.strictEqual(exitCode, 0, stderr)
        const store = yield* storeOn(old, { schema: "imported" })
        const all = yield* Stream.runCollect(store.readLog())
        assert.deepStrictEqual(all.map(told), fromMessages(yield* messagesOf(old)))
      }).pipe(Effect.provide(NodeServices.layer))
    )
  }
)
