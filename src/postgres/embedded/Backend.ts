/**
 * What the session runs on: a PostgreSQL that answers frames with frames.
 */
import { bodyOf, type Frame, framesOf, type Status } from "./frames.ts"

export interface Backend {
  readonly execute: (frames: Buffer) => Promise<Buffer>
  readonly close: () => Promise<void>
}

/** What the backend answered: as bytes, and as the frames in them. */
export interface Answer {
  readonly bytes: Buffer
  readonly frames: ReadonlyArray<Frame>
}

/** Asks the backend. */
export const ask = async (backend: Backend, frames: Buffer): Promise<Answer> => {
  const bytes = await backend.execute(frames)
  return { bytes, frames: [...framesOf(bytes)] }
}

/** What the answer leaves the session in. */
export const statusOf = ({ frames }: Answer): Status => {
  const ready = frames.at(-1)
  const status = ready?.tag === "Z" ? bodyOf(ready).toString("latin1") : undefined
  if (status === "I" || status === "T" || status === "E") return status
  throw new Error("the embedded database gave no complete answer")
}
