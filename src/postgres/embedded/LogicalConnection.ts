/**
 * One of the connections that share the embedded database's only session. PostgreSQL keeps a good deal for a session that a
 * client takes to be its own; what is kept apart, is kept apart here: the names of prepared statements, which end with their
 * connection, and the statements that would reach all over the session.
 */
import { bodyOf, closeStatement, copyFail, encode, type Frame, query, sync, texts } from "./frames.ts"

/** Who is at the other end of the wire. */
export interface Peer {
  readonly deliver: (bytes: Buffer) => void
  readonly fail: (error: Error) => void
}

/**
 * Statements that reach further than the connection they come from, and what is run in their stead: other connections
 * may be listening to the channel, and have statements prepared.
 */
const sessionWide: ReadonlyArray<readonly [pattern: RegExp, instead: string]> = [
  [/^\s*unlisten\b[^;]*;?\s*$/i, "UNLISTEN eventfold_no_channel"],
  [/^\s*discard\s+all\s*;?\s*$/i, "RESET ALL"],
  [/^\s*deallocate\s+(?:prepare\s+)?all\s*;?\s*$/i, "UNLISTEN eventfold_no_channel"]
]

const longestSessionWide = 200

const confined = (sql: string): string =>
  sql.length > longestSessionWide ? sql : (sessionWide.find(([pattern]) => pattern.test(sql))?.[1] ?? sql)

const confinedFrame = (frame: Frame): Buffer => {
  if (frame.bytes.length > longestSessionWide) return frame.bytes
  const body = bodyOf(frame)
  const [name = "", parsed = ""] = texts(body, 2)
  const sql = frame.tag === "Q" ? name : parsed
  const instead = confined(sql)
  if (instead === sql) return frame.bytes
  const rest = body.subarray(Buffer.byteLength(name) + Buffer.byteLength(parsed) + 2)
  return frame.tag === "Q" ? query(instead) : encode("P", Buffer.concat([Buffer.from(`${name}\0${instead}\0`), rest]))
}

/** What a statement's text must hold to change settings in a way that the answer does not tell. */
const changesSettings = Buffer.from("set_config")

/**
 * A connection, as the session sees it.
 */
export class LogicalConnection {
  /** Its prepared statements, and whether each may change settings. */
  private readonly prepared = new Map<string, boolean>()
  /** The settings it has made, as the session tells them; "" for none. */
  settings = ""
  /** Whether it may have changed settings since they were last read. */
  settingsTouched = false

  readonly processId: number
  readonly secret: number
  readonly peer: Peer

  constructor(processId: number, secret: number, peer: Peer) {
    this.processId = processId
    this.secret = secret
    this.peer = peer
  }

  /**
   * The frames of one unit as PostgreSQL is to run them. A COPY that waits for data would wait for ever, and its end of
   * input would end the database: every unit says that there is none.
   */
  prepare(unit: ReadonlyArray<Frame>): Buffer {
    const frames: Array<Buffer> = []
    for (const frame of unit) {
      if (frame.tag === "S") frames.push(copyFail)
      frames.push(this.note(frame))
      if (frame.tag === "Q") frames.push(copyFail)
    }
    return Buffer.concat(frames)
  }

  /** What undoes what the connection may have left behind in the session. */
  farewell(): Buffer {
    return Buffer.concat([query("ROLLBACK"), ...[...this.prepared.keys()].map(closeStatement), sync])
  }

  private note(frame: Frame): Buffer {
    switch (frame.tag) {
      case "Q":
        this.settingsTouched ||= frame.bytes.includes(changesSettings)
        return confinedFrame(frame)
      case "P": {
        const [name = ""] = texts(bodyOf(frame), 1)
        this.prepared.set(name, frame.bytes.includes(changesSettings))
        return confinedFrame(frame)
      }
      case "B": {
        const [, name = ""] = texts(bodyOf(frame), 2)
        this.settingsTouched ||= this.prepared.get(name) === true
        return frame.bytes
      }
      case "C": {
        const [target = ""] = texts(bodyOf(frame), 1)
        if (target.startsWith("S")) this.prepared.delete(target.slice(1))
        return frame.bytes
      }
      default:
        return frame.bytes
    }
  }
}
