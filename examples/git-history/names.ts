/**
 * Names. To git a path is bytes, in an event it is text, and to tell two paths apart is all that matters: so the text says
 * each byte. What is valid UTF-8 and can be seen stands for itself; every other byte, and the percent sign, is written as
 * a percent sign and two hexadecimal digits. Different paths have different texts, and a text fits on one line.
 */
import { Buffer, isUtf8 } from "node:buffer"

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true })

/** Control characters, those that reorder the text around them, line separators, and the mark of an escape. */
const unseen = /[%\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu

const hex = (byte: number): string => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`

const seen = (valid: Uint8Array): string => utf8.decode(valid).replace(unseen, encodeURIComponent)

/** How many bytes the character has that begins with this one, if it is one. */
const lengthBy = (lead: number): number => (lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4)

/** Bytes that are one character each, ASCII above all. */
export const latin1 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1")

/** What nearly all paths are, and what reads the same in any encoding: ASCII that can be seen. */
const plain = /^[\x20-\x24\x26-\x7e]*$/

/** The text of a path. */
export const pathOfBytes = (bytes: Uint8Array): string => {
  const asRead = latin1(bytes)
  if (plain.test(asRead)) return asRead
  if (isUtf8(bytes)) return seen(bytes)
  let text = ""
  for (let at = 0; at < bytes.length;) {
    const lead = bytes[at]!
    const character = bytes.subarray(at, at + lengthBy(lead))
    const valid = isUtf8(character)
    text += valid ? seen(character) : hex(lead)
    at += valid ? character.length : 1
  }
  return text
}

/** The text of a path that a person has typed as it is. */
export const pathOfText = (typed: string): string => pathOfBytes(new TextEncoder().encode(typed))

/** Text that names nothing, such as a subject: what is not UTF-8 is replaced, and what is very long is cut. */
export const textOfBytes = (bytes: Uint8Array): string => {
  const text = new TextDecoder().decode(bytes.length > 4000 ? bytes.subarray(0, 4000) : bytes)
  return text.replace(/[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu, "\ufffd")
}
