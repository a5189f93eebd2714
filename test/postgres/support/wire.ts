/**
 * A client whose bytes are counted on their way to the server.
 */
import { connect as open, type Socket } from "node:net"
import { Duplex } from "node:stream"
import { Effect } from "effect"
import { connect } from "./stores.ts"

/** A client, how many bytes it has sent so far, and in how many writes, of all or of those that hold a text. */
export const countingClient = (url: string) =>
  Effect.gen(function* () {
    const { hostname, port } = new URL(url)
    let bytes = 0
    const written: Array<string> = []
    const stream = () => {
      const socket: Socket = open(Number(port), hostname)
      const counting = new Duplex({
        read: () => void socket.resume(),
        write: (chunk: Buffer, _encoding, done) => {
          bytes += chunk.length
          written.push(chunk.toString("latin1"))
          socket.write(chunk, done)
        },
        final: (done) => {
          socket.end()
          done()
        },
        destroy: (error, done) => {
          socket.destroy()
          done(error)
        }
      })
      socket.on("data", (chunk) => void counting.push(chunk))
      socket.on("end", () => void counting.push(null))
      socket.on("error", (error) => void counting.destroy(error))
      return counting
    }
    const sql = yield* connect(url, { stream })
    return {
      sql,
      sent: () => bytes,
      writes: () => written.length,
      mentions: (text: string) => written.filter((one) => one.includes(text)).length
    }
  })
