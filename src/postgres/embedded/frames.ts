/**
 * The frames of the PostgreSQL wire protocol, as far as the embedded database has to know them: a tag, a length, a body.
 * What is in a body is the business of the client and of PostgreSQL, but for the few that are read or written here.
 */

/** One frame of a client or of the server: a view into the bytes it came in. */
export interface Frame {
  /** The tag, a single letter. */
  readonly tag: string
  /** Tag, length and body. */
  readonly bytes: Buffer
}

const headerSize = 5

/** The length of the frame that starts at the offset, or what is known to be needed to tell. */
export const frameSize = (bytes: Buffer, offset: number): number =>
  bytes.length - offset < headerSize ? headerSize : 1 + bytes.readInt32BE(offset + 1)

/** Whole frames, one after the other. */
export function* framesOf(bytes: Buffer): Generator<Frame> {
  let offset = 0
  while (offset < bytes.length) {
    const size = frameSize(bytes, offset)
    yield { tag: String.fromCharCode(bytes[offset]!), bytes: bytes.subarray(offset, offset + size) }
    offset += size
  }
}

/** The body of a frame. */
export const bodyOf = ({ bytes }: Frame): Buffer => bytes.subarray(headerSize)

/** The texts that the bytes begin with, each ended by a zero. */
export const texts = (bytes: Buffer, count: number): ReadonlyArray<string> => {
  const found: Array<string> = []
  let from = 0
  while (found.length < count) {
    const end = bytes.indexOf(0, from)
    if (end < 0) break
    found.push(bytes.toString("utf8", from, end))
    from = end + 1
  }
  return found
}

/** A frame. */
export const encode = (tag: string, body: Uint8Array | string): Buffer => {
  const bytes = typeof body === "string" ? Buffer.from(body) : body
  const frame = Buffer.allocUnsafe(headerSize + bytes.length)
  frame.write(tag, 0, "latin1")
  frame.writeInt32BE(4 + bytes.length, 1)
  frame.set(bytes, headerSize)
  return frame
}

/** Client: statements of plain text, in one go. */
export const query = (sql: string): Buffer => encode("Q", `${sql}\0`)

/** Client: forget a prepared statement. */
export const closeStatement = (name: string): Buffer => encode("C", `S${name}\0`)

/** Client: the end of a unit of frames. */
export const sync = encode("S", "")

/** Client: there is nothing to copy. Outside of a COPY it is ignored. */
export const copyFail = encode("f", "COPY FROM STDIN is not supported by the embedded database\0")

/** Client: the first words. */
export const startup = (user: string, database: string): Buffer => {
  const words = Buffer.from(`user\0${user}\0database\0${database}\0\0`)
  const frame = Buffer.alloc(8 + words.length)
  frame.writeInt32BE(frame.length, 0)
  frame.writeInt32BE(3 << 16, 4)
  frame.set(words, 8)
  return frame
}

/** Server: what a client names to have its statement cancelled. */
export const backendKey = (processId: number, secret: number): Buffer => {
  const body = Buffer.alloc(8)
  body.writeInt32BE(processId, 0)
  body.writeInt32BE(secret, 4)
  return encode("K", body)
}

/** Whether a session is idle, in a transaction, or in one that has failed. */
export type Status = "I" | "T" | "E"

/** Server: ready for the next unit. */
export const readyForQuery = (status: Status): Buffer => encode("Z", status)

/** Server: what went wrong. */
export const errorResponse = (sqlState: string, message: string): Buffer =>
  encode("E", `SERROR\0VERROR\0C${sqlState}\0M${message}\0\0`)
