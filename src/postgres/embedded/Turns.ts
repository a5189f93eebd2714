/**
 * Whose turn it is: units of frames wait in the order they came, and while a connection holds the session only its own units
 * are due.
 */
import type { LogicalConnection } from "./LogicalConnection.ts"

export interface Turn {
  readonly connection: LogicalConnection
  readonly frames: Buffer
  /** Whether this is the last of a connection that nobody waits for any more. */
  readonly farewell: boolean
}

export class Turns {
  private waiting: Array<Turn> = []
  /** The connection whose transaction is open. */
  holder: LogicalConnection | undefined

  get isEmpty(): boolean {
    return this.waiting.length === 0
  }

  /** Whether somebody's turn has come. */
  get isDue(): boolean {
    return this.indexOfNext() >= 0
  }

  add(turn: Turn): void {
    this.waiting.push(turn)
  }

  next(): Turn | undefined {
    const index = this.indexOfNext()
    return index < 0 ? undefined : this.waiting.splice(index, 1)[0]
  }

  /** Takes back the first unit of a connection, and says whether there was one. */
  takeBack(connection: LogicalConnection): boolean {
    const index = this.waiting.findIndex((turn) => turn.connection === connection)
    if (index >= 0) this.waiting.splice(index, 1)
    return index >= 0
  }

  /** Takes back all units that fit. */
  takeBackAll(fits: (turn: Turn) => boolean): ReadonlyArray<Turn> {
    const taken = this.waiting.filter(fits)
    this.waiting = this.waiting.filter((turn) => !fits(turn))
    return taken
  }

  private indexOfNext(): number {
    if (this.holder === undefined) return this.isEmpty ? -1 : 0
    return this.waiting.findIndex(({ connection }) => connection === this.holder)
  }
}
