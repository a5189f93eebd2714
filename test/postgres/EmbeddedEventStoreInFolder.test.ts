import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Layer } from "effect"
import { EmbeddedEventStore } from "eventfold/postgres/embedded"
import { EventStoreContract } from "eventfold/testing"

const inFolder = Layer.unwrap(
  Effect.map(
    Effect.acquireRelease(
      Effect.promise(() => mkdtemp(join(tmpdir(), "eventfold-embedded-"))),
      (path) => Effect.promise(() => rm(path, { recursive: true, force: true }))
    ),
    (dataDir) => EmbeddedEventStore.layer({ dataDir })
  )
)

await EventStoreContract.suite("the embedded store in a folder", inFolder)
