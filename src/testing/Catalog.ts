/**
 * The catalog check: a lock file holds what is published of a set of event types, and a test of one line fails when a change
 * of the code would read what is stored otherwise, or not at all.
 *
 * The file is written at first, and is committed. It has every stored type and version with its JSON Schema, and samples of
 * what may be stored with what they are read as. A published version must accept all that it accepted, and every sample must
 * be read as it was. What is added, such as a new type or version, breaks nothing; in CI it must be in the file as well, for
 * only what is in it is held.
 *
 * A change is accepted by running the test with `EVENTFOLD_ACCEPT=catalog` in its environment.
 */
import type * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import type * as PlatformError from "effect/PlatformError"
import type { Definitions, Tagged } from "../Event.ts"
import { differencesOf } from "./internal/catalogCompare.ts"
import { CatalogFailure } from "./internal/catalogFailure.ts"
import { empty, freeze, parse, render } from "./internal/catalogLock.ts"
import { readLockFile } from "./internal/lockFile.ts"

export { CatalogFailure }

/** What a check that holds has to tell. */
export interface Report {
  /** Whether the lock file was written. */
  readonly written: boolean
  /** What the code has and the lock file has not, or had not before it was written. */
  readonly added: ReadonlyArray<string>
}

/**
 * Checks a set of event types against its lock file, whose path begins where the process was started. Without a file it writes
 * one, except with `CI` in the environment. It never changes one unless it is told to by `EVENTFOLD_ACCEPT=catalog`. Use a file for
 * each set.
 *
 * Fails with {@link CatalogFailure}, whose message says what differs and what to do; with a `PlatformError` when the file cannot be
 * read or written; with a `ConfigError` when the environment cannot be read.
 *
 * @example
 * import { Event } from "eventfold"
 * import { Catalog } from "eventfold/testing"
 * import { NodeFileSystem } from "@effect/platform-node"
 * import { it } from "@effect/vitest"
 * import { Effect, Schema } from "effect"
 *
 * declare const AccountEvent: Event.Definitions<{ readonly _tag: "Deposited"; readonly amount: number }>
 *
 * it.effect("what is stored stays readable", () =>
 *   Effect.provide(Catalog.check(AccountEvent, "test/account.events.json"), NodeFileSystem.layer)
 * )
 */
export const check: <E extends Tagged>(
  definitions: Definitions<E>,
  file: string
) => Effect.Effect<Report, CatalogFailure | PlatformError.PlatformError | Config.ConfigError, FileSystem.FileSystem> =
  Effect.fnUntraced(function* (definitions, file) {
    const files = yield* FileSystem.FileSystem
    const { isAccepted, isCi, text } = yield* readLockFile(file)
    if (Option.isNone(text) && isCi && !isAccepted) {
      return yield* new CatalogFailure({ reason: "Missing", file, problems: [] })
    }
    const lock = Option.isNone(text) ? empty : yield* parse(file, text.value)
    const { broken, added } = differencesOf(definitions, lock)
    if (Option.isNone(text) || isAccepted) {
      const frozen = render(yield* freeze(definitions, lock, file))
      const written = Option.getOrUndefined(text) !== frozen
      if (written) yield* files.writeFileString(file, frozen)
      return { written, added }
    }
    if (broken.length > 0) return yield* new CatalogFailure({ reason: "Changed", file, problems: broken })
    if (added.length > 0 && isCi) return yield* new CatalogFailure({ reason: "OutOfDate", file, problems: added })
    return { written: false, added }
  })
