/**
 * Where a user's pure function is called for a stream: what it throws becomes a defect that says where.
 */
import * as Data from "effect/Data"
import type { StreamName } from "../../StreamName.ts"

/**
 * A decider's function threw, or decided an event that its own schema refuses. It is a bug in that function, and therefore
 * a defect: the error says where to look.
 */
export class DeciderDefect extends Data.TaggedError("DeciderDefect")<{
  /** The name of the decider. */
  readonly decider: string
  /** The function that failed: `encode` is the schema of an event that `decide` gave. */
  readonly during: "decide" | "evolve" | "encode"
  /** The command that was decided, or the event that was folded or encoded. */
  readonly tag: string
  /** The stream that it was called for. */
  readonly stream: StreamName
  /** The version that the stream is at, or that the event has. */
  readonly version: number
  /** What it threw, or what the schema objects to. */
  readonly cause: unknown
}> {
  override get message(): string {
    return `${this.decider}: ${this.during} of ${this.tag} failed on stream ${this.stream} at version ${this.version}: ${String(this.cause)}`
  }
}

/**
 * Runs a function of a decider for a stream. What it throws becomes a {@link DeciderDefect}.
 */
export const guard = <A>(
  where: {
    readonly decider: { readonly name: string }
    readonly during: DeciderDefect["during"]
    readonly tag: string
    readonly stream: StreamName
    readonly version: number
  },
  run: () => A
): A => {
  try {
    return run()
  } catch (cause) {
    const { during, tag, stream, version } = where
    throw new DeciderDefect({ decider: where.decider.name, during, tag, stream, version, cause })
  }
}
