/**
 * The one session of an embedded PostgreSQL, shared by logical connections. Units of frames run one at a time, in the order
 * they came; from the first unit of a transaction until the session is idle again only units of the same connection do.
 *
 *     free --unit leaves a transaction open--> held by its connection --unit leaves the session idle--> free
 *                                                        |
 *                                              connection gone: ROLLBACK
 */
import { setImmediate } from "node:timers/promises"
import { type Answer, ask, type Backend, statusOf } from "./Backend.ts"
import { backendKey, errorResponse, type Frame, query, readyForQuery, startup } from "./frames.ts"
import { LogicalConnection, type Peer } from "./LogicalConnection.ts"
import { readSettings, settingsIn, tellsOfSettings, writeSettings } from "./settings.ts"
import { type Turn, Turns } from "./Turns.ts"

const bytesOf = (frames: ReadonlyArray<Frame>): Buffer => Buffer.concat(frames.map(({ bytes }) => bytes))

const refuse = ({ peer }: LogicalConnection, sqlState: string, message: string): void =>
  peer.deliver(Buffer.concat([errorResponse(sqlState, message), readyForQuery("I")]))

export class Session {
  private readonly backend: Backend
  /** What PostgreSQL says to a client that has come in, but for the key and for being ready. */
  private readonly greeting: Buffer
  private readonly connections = new Map<number, LogicalConnection>()
  private readonly turns = new Turns()
  private settings = ""
  private running: Promise<void> | undefined
  private ended: Error | undefined
  private nextProcessId = 1
  private readonly patienceMillis: number
  private patience: NodeJS.Timeout | undefined

  private constructor(backend: Backend, greeting: Buffer, patienceMillis: number) {
    this.backend = backend
    this.greeting = greeting
    this.patienceMillis = patienceMillis
  }

  /**
   * A session of a backend. A unit waits so long for a transaction that does nothing; a fiber in a transaction that waits for a
   * query outside of it would else wait for ever.
   */
  static async open(backend: Backend, patienceMillis = 10_000): Promise<Session> {
    const { frames } = await ask(backend, startup("postgres", "postgres"))
    return new Session(backend, bytesOf(frames.filter(({ tag }) => tag !== "K" && tag !== "Z")), patienceMillis)
  }

  /** Lets a client in. */
  connect(peer: Peer): LogicalConnection | undefined {
    if (this.ended !== undefined) {
      peer.fail(this.ended)
      return undefined
    }
    const processId = this.nextProcessId++
    const connection = new LogicalConnection(processId, crypto.getRandomValues(new Int32Array(1))[0]!, peer)
    this.connections.set(processId, connection)
    peer.deliver(Buffer.concat([this.greeting, backendKey(processId, connection.secret), readyForQuery("I")]))
    return connection
  }

  /** Queues a unit of frames. */
  submit(connection: LogicalConnection, unit: ReadonlyArray<Frame>): void {
    this.turns.add({ connection, frames: connection.prepare(unit), farewell: false })
    this.start()
  }

  /**
   * Takes back a unit that has not had its turn. One that has is over before anybody could ask, and in a transaction that
   * holds the session there is nothing to wait for.
   */
  cancel(processId: number, secret: number): void {
    const connection = this.connections.get(processId)
    if (connection === undefined || connection.secret !== secret || connection === this.turns.holder) return
    if (!this.turns.takeBack(connection)) return
    refuse(connection, "57014", "canceling statement due to user request")
  }

  /** Lets a client go: what it has not been answered is dropped, a transaction of its is rolled back. */
  disconnect(connection: LogicalConnection): void {
    if (!this.connections.delete(connection.processId)) return
    this.turns.takeBackAll((turn) => turn.connection === connection)
    this.turns.add({ connection, frames: connection.farewell(), farewell: true })
    this.start()
  }

  /** Ends the session and its backend. An open transaction is rolled back. */
  async close(): Promise<void> {
    const usable = this.ended === undefined
    this.end(new Error("the embedded database is closed"))
    await this.running
    if (usable && this.turns.holder !== undefined) await this.backend.execute(query("ROLLBACK"))
    await this.backend.close()
  }

  private end(error: Error): void {
    this.ended ??= error
    this.calm()
    this.turns.takeBackAll(() => true)
    const connections = [...this.connections.values()]
    this.connections.clear()
    for (const { peer } of connections) peer.fail(this.ended)
  }

  private start(): void {
    if (this.ended !== undefined || this.running !== undefined) return
    if (!this.turns.isDue) {
      if (!this.turns.isEmpty) this.patience ??= setTimeout(() => this.losePatience(), this.patienceMillis)
      return
    }
    this.calm()
    this.running = this.run().then(
      () => {
        this.running = undefined
        // What came after the last look at the queue.
        this.start()
      },
      (cause: unknown) => {
        this.running = undefined
        this.end(new Error("the embedded database has stopped", { cause }))
      }
    )
  }

  private calm(): void {
    clearTimeout(this.patience)
    this.patience = undefined
  }

  private losePatience(): void {
    this.calm()
    for (const { connection } of this.turns.takeBackAll(({ farewell }) => !farewell)) {
      refuse(
        connection,
        "55P03",
        "a transaction of another connection has kept the embedded database waiting for too long; " +
          "is it waiting for this very query, which was made outside of it?"
      )
    }
  }

  private async run(): Promise<void> {
    while (true) {
      // A turn blocks the thread for as long as it takes: in between, everything else gets its share.
      await setImmediate()
      const turn = this.ended === undefined ? this.turns.next() : undefined
      if (turn === undefined) return
      await this.take(turn)
    }
  }

  private async take({ connection, frames, farewell }: Turn): Promise<void> {
    if (!farewell && connection.settings !== this.settings && this.turns.holder === undefined) {
      await ask(this.backend, writeSettings(connection.settings))
      this.settings = connection.settings
    }
    const answer = await ask(this.backend, frames)
    const status = statusOf(answer)
    this.turns.holder = status === "I" ? undefined : connection
    connection.settingsTouched ||= answer.frames.some(tellsOfSettings)
    if (connection.settingsTouched && status === "I") {
      this.settings = settingsIn((await ask(this.backend, readSettings)).frames)
      connection.settings = this.settings
      connection.settingsTouched = false
    }
    this.deliver(connection, answer)
  }

  /** The answer goes to who asked; what was notified goes to everybody, and each takes the channels it listens to. */
  private deliver(connection: LogicalConnection, { bytes: answer, frames }: Answer): void {
    const notified = frames.filter(({ tag }) => tag === "A")
    const listeners = [...this.connections.values()]
    if (this.connections.has(connection.processId)) connection.peer.deliver(answer)
    if (notified.length === 0) return
    const bytes = bytesOf(notified)
    for (const listener of listeners) if (listener !== connection) listener.peer.deliver(bytes)
  }
}
