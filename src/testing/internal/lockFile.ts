/**
 * Lock files: what was published is written to a file that is committed, and is changed by nobody who does not say so.
 */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import type * as PlatformError from "effect/PlatformError"

const isOn = (text: string): boolean => !["", "0", "false"].includes(text)

/** A lock file as it is found. */
export interface LockFile {
  /** Its text, if it is there. */
  readonly text: Option.Option<string>
  /** Whether what is found now is to be written, whatever was before: `EVENTFOLD_ACCEPT=catalog` in the environment. */
  readonly isAccepted: boolean
  /** Whether this is CI, where nothing is written unless it is accepted. */
  readonly isCi: boolean
}

/** Reads a lock file, and what the environment says of it. */
export const readLockFile = (
  file: string
): Effect.Effect<LockFile, PlatformError.PlatformError | Config.ConfigError, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    const files = yield* FileSystem.FileSystem
    const isAccepted = (yield* Config.withDefault(Config.String("EVENTFOLD_ACCEPT"), "")) === "catalog"
    const isCi = isOn(yield* Config.withDefault(Config.String("CI"), ""))
    const text = yield* Effect.asSome(files.readFileString(file)).pipe(
      Effect.catchIf(
        ({ reason }) => reason._tag === "NotFound",
        () => Effect.succeedNone
      )
    )
    return { text, isAccepted, isCi }
  })

/** How a change of a lock file is accepted, as an advice. */
export const accept = (file: string): string =>
  `run this test again with EVENTFOLD_ACCEPT=catalog in its environment, such as\n\n` +
  `  EVENTFOLD_ACCEPT=catalog npx vitest run\n\nand commit ${file}.`
