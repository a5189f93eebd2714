/**
 * The lines of a text that comes as bytes. What is no text is told, and not made into another one; memory does not grow with the text, nor with
 * a line that never ends.
 */
import * as Stream from "effect/Stream"
import { Buffer, isUtf8 } from "node:buffer"

/** A line without its end. */
export interface TextLine {
  /** From 1. */
  readonly number: number
  /** Bytes of the text up to the end of this line, with it. */
  readonly end: number
  readonly text: string
  /** What is wrong with it, if it cannot be read: then there is no text. */
  readonly problem: string | undefined
  /** Whether it has an end: the last line of a file that was cut off has none. */
  readonly isEnded: boolean
}

/** More than any store takes as one event. */
export const maxLineBytes = 256 * 1024 * 1024

const newline = 10

interface State {
  number: number
  end: number
  /** What has come of a line. */
  rest: Array<Buffer>
  restBytes: number
}

/** What some programs begin a text with. It is no part of it. */
const mark = "\uFEFF"

const textOf = (bytes: Buffer, number: number): string => {
  const text = bytes.toString("utf8")
  return number === 1 && text.startsWith(mark) ? text.slice(mark.length) : text
}

const lineFrom = (bytes: Buffer, isText: boolean, number: number): Pick<TextLine, "text" | "problem"> =>
  isText || isUtf8(bytes)
    ? { text: textOf(bytes, number), problem: undefined }
    : { text: "", problem: "it is not text in UTF-8" }

/** Takes what has come, and gives the lines that end in it. */
const take = (state: State, chunk: Uint8Array, most: number, lines: Array<TextLine>): void => {
  const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
  const last = bytes.lastIndexOf(newline)
  const keep = (more: Buffer): void => {
    state.restBytes += more.length
    // Of a line that is too long no more is kept than that it is.
    if (state.restBytes > most) state.rest = []
    else if (more.length > 0) state.rest.push(more)
  }
  if (last === -1) return keep(bytes)
  const whole = bytes.subarray(0, last + 1)
  const isText = isUtf8(whole)
  for (let from = 0; from <= last;) {
    const to = bytes.indexOf(newline, from)
    const part = bytes.subarray(from, to)
    state.number += 1
    if (state.restBytes > 0) {
      keep(part)
      lines.push(endOf(state, most, true))
    } else {
      state.end += part.length + 1
      lines.push({ number: state.number, end: state.end, ...lineFrom(part, isText, state.number), isEnded: true })
    }
    from = to + 1
  }
  // Copied, so that it does not hold all that came with it.
  keep(Buffer.from(bytes.subarray(last + 1)))
}

/** The line that was kept until its end came. */
const endOf = (state: State, most: number, isEnded: boolean): TextLine => {
  const { number, rest, restBytes } = state
  const end = state.end + restBytes + (isEnded ? 1 : 0)
  state.end = end
  state.rest = []
  state.restBytes = 0
  if (restBytes > most) return { number, end, text: "", problem: `it has more than ${most} bytes`, isEnded }
  return { number, end, ...lineFrom(Buffer.concat(rest), false, number), isEnded }
}

/** Splits a text into its lines. */
export const textLines = <E, R>(
  bytes: Stream.Stream<Uint8Array, E, R>,
  most: number = maxLineBytes
): Stream.Stream<TextLine, E, R> =>
  Stream.mapAccumArray(
    bytes,
    (): State => ({ number: 0, end: 0, rest: [], restBytes: 0 }),
    (state, chunks) => {
      const lines: Array<TextLine> = []
      for (const chunk of chunks) take(state, chunk, most, lines)
      return [state, lines]
    },
    {
      onHalt: (state) => {
        if (state.restBytes === 0) return []
        state.number += 1
        return [endOf(state, most, false)]
      }
    }
  )
