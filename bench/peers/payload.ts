/**
 * What everybody stores: 200 bytes of data and 100 bytes of metadata, as JSON.
 */
import { randomUUID } from "node:crypto"

/** The type of every event. */
export const type = "Booked"

/** The data of an event. */
export type Data = { readonly account: string; readonly amount: number; readonly note: string }

/** The metadata of an event. */
export type Metadata = { readonly correlationId: string; readonly note: string }

const dataBytes = 200
const metadataBytes = 100

const missing = (object: object, bytes: number): string => "n".repeat(bytes - JSON.stringify(object).length)

const metadataNote = missing({ correlationId: randomUUID(), note: "" }, metadataBytes)

/** The data of an event of a stream. */
export const dataOf = (account: string, amount: number): Data => ({
  account,
  amount,
  note: missing({ account, amount, note: "" }, dataBytes)
})

/** Metadata with an id of its own. */
export const someMetadata = (): Metadata => ({ correlationId: randomUUID(), note: metadataNote })

let made = 0

/**
 * An id of an event: a UUID of version 7, which begins with the time, so that new ids lie side by side in an index. Who makes ids by itself makes
 * its own.
 */
export const freshId = (): string => {
  const time = Date.now().toString(16).padStart(12, "0")
  const sequence = (0x7000 + (made++ & 0xfff)).toString(16)
  return `${time.slice(0, 8)}-${time.slice(8)}-${sequence}-${randomUUID().slice(19)}`
}

/** The name of a stream, which is its account as well. */
export const streamOf = (category: string, number: number): string => `${category}-${number}`

/** The category of what a round of a process writes. */
export const categoryOf = (process: number, round: number): string => `p${process}r${round}`

/** What the amounts 1, 2, 3... of so many events come to. */
export const sumOf = (events: number): number => (events * (events + 1)) / 2

/** The number of the stream that a fiber's next command is for: fibers meet on a stream now and then, and do not go side by side. */
export const hotStream = (fiber: number, place: number, streams: number): number =>
  1 + ((fiber * 31 + place * 7919) % streams)
