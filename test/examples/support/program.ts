/**
 * An example as a process of its own.
 */
import { Deferred, Effect, Fiber, Stream } from "effect"
import { ChildProcess } from "effect/process"
import { execPath } from "node:process"

/** Starts a file of the examples. Gives where it can be reached, when it says so, and what it has said when it ends. */
export const startExample = Effect.fnUntraced(function* (
  file: string,
  flags: ReadonlyArray<string> = [],
  env: Record<string, string> = {}
) {
  const path = `${import.meta.dirname}/../../../examples/${file}`
  const child = yield* ChildProcess.make(execPath, ["--conditions=@eventfold/source", path, ...flags], {
    env,
    extendEnv: true
  })
  const url = yield* Deferred.make<string>()
  let said = ""
  const output = yield* child.all.pipe(
    Stream.decodeText,
    Stream.runForEach((text) => {
      said += text
      const found = /http:\/\/localhost:\d+/.exec(said)
      return found === null ? Effect.void : Deferred.succeed(url, found[0])
    }),
    Effect.forkScoped
  )
  const end = Effect.gen(function* () {
    const code = yield* child.exitCode
    yield* Fiber.join(output)
    return { code: Number(code), said }
  })
  return { child, end, url: Deferred.await(url) }
})
