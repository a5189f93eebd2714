/**
 * What the same domain has in common, whatever it is written with: what is asked of a bank, and what it answers.
 */

/** An answer as a server would give it: 200, 400 for what is not understood, 404 for no account, 409 for too little money. */
export interface Answer {
  readonly status: number
  readonly balance?: number
}

/**
 * A bank as a server would call it: for which account, what is asked for, with what (as it came, unchecked), and an id
 * of the request. A request is executed once, however often it comes.
 */
export type Bank = (account: string, command: string, input: object, requestId: string) => Promise<Answer>
