/**
 * A line to a server that can be cut at the worst moment: after the server has done what it was asked, and before it is heard.
 */
import { connect, createServer, type Socket } from "node:net"
import { Effect, type Scope } from "effect"

export interface Proxy {
  readonly url: string
  /** Cuts the line before the answers to so many requests that contain a text, after letting some pass. */
  readonly loseAnswers: (
    text: string,
    which: {
      readonly skip?: number
      readonly times: number
      /** What to do when an answer is lost. */
      readonly afterwards?: () => void
    }
  ) => void
  /** How many answers were lost. */
  readonly lost: () => number
  /** Whether new connections are let through. */
  readonly accept: (accepts: boolean) => void
}

/** A line to the server of a URL, for as long as the scope. */
export const proxyTo = (url: string): Effect.Effect<Proxy, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.callback<Proxy & { readonly close: Effect.Effect<void> }>((resume) => {
      const target = new URL(url)
      const sockets = new Set<Socket>()
      let accepts = true
      let marked = ""
      let skip = 0
      let times = 0
      let lost = 0
      let afterwards = () => {}
      const server = createServer((client) => {
        if (!accepts) return void client.destroy()
        const upstream = connect(Number(target.port), target.hostname)
        const cut = () => {
          client.destroy()
          upstream.destroy()
        }
        for (const socket of [client, upstream]) {
          sockets.add(socket)
          socket.on("error", cut).on("close", () => {
            sockets.delete(socket)
            cut()
          })
        }
        let isDoomed = false
        client.on("data", (chunk) => {
          if (times > 0 && chunk.includes(marked) && skip-- <= 0) {
            times--
            isDoomed = true
          }
          upstream.write(chunk)
        })
        upstream.on("data", (chunk) => {
          if (!isDoomed) return void client.write(chunk)
          lost++
          cut()
          afterwards()
        })
      })
      server.listen(0, "127.0.0.1", () => {
        const address = server.address()
        const through = new URL(url)
        through.port = typeof address === "object" && address !== null ? String(address.port) : ""
        resume(
          Effect.succeed({
            url: through.href,
            loseAnswers: (text, which) => {
              marked = text
              skip = which.skip ?? 0
              times = which.times
              afterwards = which.afterwards ?? (() => {})
            },
            lost: () => lost,
            accept: (yes) => {
              accepts = yes
            },
            close: Effect.sync(() => {
              for (const socket of sockets) socket.destroy()
              server.close()
            })
          })
        )
      })
    }),
    ({ close }) => close
  )
