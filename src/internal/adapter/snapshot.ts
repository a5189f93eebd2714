/**
 * What every store of snapshots refuses before it touches its medium, so that all stores refuse the same.
 */
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import { StoreError } from "../../EventStore.ts"
import { maxCodeLength, maxStateBytes, maxStateDepth, type Snapshot } from "../../SnapshotStore.ts"
import * as StreamName from "../../StreamName.ts"

const refused = (problem: string): Result.Result<never, StoreError> =>
  Result.fail(new StoreError({ reason: "InvalidRequest", problem }))

const nothing: Result.Result<void> = Result.succeed(undefined)

const tooLarge = `its state has more than ${maxStateBytes} bytes as JSON`

const checkNames = (code: string, stream: string): Result.Result<void, StoreError> => {
  const wrongCode = StreamName.nameProblem(code)
  if (wrongCode !== undefined) return refused(`the name of the code ${wrongCode}`)
  const length = Array.from(code).length
  if (length > maxCodeLength)
    return refused(`the name of the code has ${length} characters, more than ${maxCodeLength}`)
  const wrongStream = StreamName.problem(stream)
  return wrongStream === undefined ? nothing : refused(`the stream name ${wrongStream}`)
}

/** Checks what is to be loaded. */
export const checkLoad = (code: string, stream: string, upTo: number): Result.Result<void, StoreError> => {
  const names = checkNames(code, stream)
  if (Result.isFailure(names) || (Number.isSafeInteger(upTo) && upTo >= 0)) return names
  return refused(`upTo is ${upTo}, not a version of 0 or more`)
}

const isPlainObject = (value: unknown): value is object => {
  if (!Predicate.isObject(value)) return false
  const prototype = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/**
 * What keeps a value from coming back from JSON as it is, and where, or `undefined`. It goes no further than the largest state
 * does: what is given may refer to one object many times.
 */
const stateProblem = (state: unknown): string | undefined => {
  const path: Array<string | number> = ["state"]
  let leastBytes = 0
  const look = (value: unknown): string | undefined => {
    // The path has the state itself, too.
    if (path.length > maxStateDepth + 1) return `it is nested more than ${maxStateDepth} levels deep`
    leastBytes += typeof value === "string" ? value.length + 2 : 1
    if (leastBytes > maxStateBytes) return tooLarge
    if (value === null || typeof value === "boolean" || typeof value === "string") return undefined
    if (typeof value === "number" && Number.isFinite(value)) return undefined
    if (!Array.isArray(value) && !isPlainObject(value)) return `${path.join(".")} is not JSON`
    // A hole in a list is a member as well.
    for (const [key, member] of Array.isArray(value) ? value.entries() : Object.entries(value)) {
      if (typeof key === "string") leastBytes += key.length + 3
      path.push(key)
      const problem = look(member)
      if (problem !== undefined) return problem
      path.pop()
    }
    return undefined
  }
  return look(state)
}

const utf8 = new TextEncoder()

/** No text takes more than three bytes a unit: where that is few enough, nothing is counted. */
const isTooLarge = (json: string): boolean =>
  json.length * 3 > maxStateBytes && utf8.encode(json).length > maxStateBytes

/**
 * Checks a snapshot that is to be kept, and gives the JSON of its state.
 */
export const checkSave = (code: string, snapshot: Snapshot, keep: number): Result.Result<string, StoreError> => {
  const { position, state, stream, version } = snapshot
  const names = checkNames(code, stream)
  if (Result.isFailure(names)) return Result.fail(names.failure)
  for (const [name, value] of Object.entries({ version, position, keep })) {
    if (!Number.isSafeInteger(value) || value < 1) {
      return refused(`the ${name} for a snapshot of stream ${stream} is ${value}, not a whole number of 1 or more`)
    }
  }
  const refuse = (problem: string) => refused(`a snapshot of stream ${stream} at version ${version}: ${problem}`)
  const wrong = stateProblem(state)
  if (wrong !== undefined) return refuse(wrong)
  const json = JSON.stringify(state)
  return isTooLarge(json) ? refuse(tooLarge) : Result.succeed(json)
}

/** Checks what is to be removed. */
export const checkRemove = (options: {
  readonly code: string
  readonly stream?: string | undefined
}): Result.Result<void, StoreError> => {
  const wrongCode = typeof options.code === "string" ? StreamName.textProblem(options.code) : "is no text"
  if (wrongCode !== undefined) return refused(`the beginning of the name of the code ${wrongCode}`)
  const wrongStream = options.stream === undefined ? undefined : StreamName.problem(options.stream)
  return wrongStream === undefined ? nothing : refused(`the stream name ${wrongStream}`)
}
