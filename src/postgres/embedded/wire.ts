/**
 * The client's end of the wire: a duplex stream that a PostgreSQL client takes for a socket. It gathers what is written into
 * units, which end with Sync or Query, and hands them to the session.
 */
import { Duplex } from "node:stream"
import { type Frame, frameSize } from "./frames.ts"
import type { LogicalConnection } from "./LogicalConnection.ts"
import type { Session } from "./Session.ts"

const sslRequest = 80877103
const gssRequest = 80877104
const cancelRequest = 80877102
const cancelRequestSize = 16

/** Frames without a tag, which only come first: a length and a code. */
const preambleSize = 8

class Wire extends Duplex {
  private readonly session: Session
  private connection: LogicalConnection | undefined
  private chunks: Array<Buffer> = []
  private received = 0
  private needed = preambleSize
  private unit: Array<Frame> = []

  constructor(session: Session) {
    super({ allowHalfOpen: false })
    this.session = session
  }

  override _read(): void {
    // Answers are pushed when they are there. The stream holds what its reader does not want yet.
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error) => void): void {
    this.chunks.push(chunk)
    this.received += chunk.length
    if (this.received >= this.needed) this.accept(Buffer.concat(this.chunks))
    done()
  }

  override _final(done: (error?: Error) => void): void {
    done()
    this.destroy()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (this.connection !== undefined) this.session.disconnect(this.connection)
    this.connection = undefined
    done(error)
  }

  private accept(bytes: Buffer): void {
    let offset = 0
    while (!this.destroyed) {
      const left = bytes.length - offset
      const first = this.connection === undefined
      const size = !first ? frameSize(bytes, offset) : left < 4 ? preambleSize : bytes.readInt32BE(offset)
      if (size < (first ? preambleSize : 5)) {
        this.destroy(new Error("not the PostgreSQL protocol"))
        return
      }
      if (left < size || (first && left < preambleSize)) {
        this.keep(bytes.subarray(offset), size)
        return
      }
      const frame = bytes.subarray(offset, offset + size)
      offset += size
      if (first) this.open(frame)
      else this.gather({ tag: String.fromCharCode(frame[0]!), bytes: frame })
    }
  }

  private keep(rest: Buffer, needed: number): void {
    this.chunks = rest.length === 0 ? [] : [rest]
    this.received = rest.length
    this.needed = needed
  }

  private open(frame: Buffer): void {
    switch (frame.readInt32BE(4)) {
      case sslRequest:
      case gssRequest:
        this.push("N")
        return
      case cancelRequest:
        if (frame.length === cancelRequestSize) this.session.cancel(frame.readInt32BE(8), frame.readInt32BE(12))
        this.destroy()
        return
      default:
        this.connection = this.session.connect({
          deliver: (bytes) => {
            if (!this.destroyed) this.push(bytes)
          },
          fail: (error) => {
            this.destroy(error)
          }
        })
    }
  }

  private gather(frame: Frame): void {
    // Terminate: there is nothing to answer.
    if (frame.tag === "X" || this.connection === undefined) {
      this.destroy()
      return
    }
    this.unit.push(frame)
    if (frame.tag !== "S" && frame.tag !== "Q") return
    const unit = this.unit
    this.unit = []
    this.session.submit(this.connection, unit)
  }
}

/** A new wire to the session. */
export const connectTo = (session: Session): Duplex => new Wire(session)
