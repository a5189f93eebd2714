/**
 * How failures are told.
 */
import { assert, it } from "@effect/vitest"
import { PlatformError } from "effect"
import { tell } from "../../src/cli/failure.ts"

const ofFile = (tag: PlatformError.SystemErrorTag, path: string, cause?: Error) =>
  tell(
    PlatformError.systemError({ _tag: tag, module: "FileSystem", method: "readFile", pathOrDescriptor: path, cause })
  )

it("what is wrong with a file is told with its path, and without names of functions", () => {
  assert.strictEqual(ofFile("NotFound", "./a.json")?.problem, "there is no file or folder ./a.json")
  assert.strictEqual(ofFile("NotFound", "./a.json")?.exitCode, 3)
  assert.strictEqual(ofFile("PermissionDenied", "a")?.problem, "a cannot be opened: permission is denied")
  assert.strictEqual(ofFile("Unknown", "a\u001b", new Error("EISDIR"))?.problem, "a\\u001b cannot be used: EISDIR")
  assert.strictEqual(ofFile("Busy", "a")?.problem, "a cannot be used: Busy")
})
