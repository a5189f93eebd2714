// events.test.ts
import { NodeFileSystem } from "@effect/platform-node"
import { it } from "@effect/vitest"
import { Effect } from "effect"
import { Catalog } from "eventfold/testing"
import { AccountEvent } from "./events.ts"

it.effect("what is stored stays readable", () =>
  Effect.provide(Catalog.check(AccountEvent, "events.lock"), NodeFileSystem.layer)
)
