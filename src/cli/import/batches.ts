/**
 * A file of events as batches that a store takes at once, each of whole lines up to the first that is no event.
 */
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type { RecordedEvent } from "../../RecordedEvent.ts"
import * as StreamName from "../../StreamName.ts"
import { CliFailure } from "../failure.ts"
import { decodeLine } from "../file/line.ts"
import { numberProblem } from "../file/numbers.ts"
import type { TextLine } from "../file/textLines.ts"
import { printable } from "../output/table.ts"

/** An event, and the line that it is on. */
export interface Item {
  readonly line: number
  readonly event: RecordedEvent
}

export interface Batch {
  readonly items: ReadonlyArray<Item>
  /** Bytes of the file up to here. */
  readonly end: number
  /** Why it ends here: the next line is no event. */
  readonly failure: CliFailure | undefined
}

const mostEvents = 2000
/** Of text: a store counts data and metadata alone, which is less. */
const mostBytes = 4 * 1024 * 1024

/** What was imported stays, however an import ends. */
export const stays = "What comes before it is imported, and stays"

const broken = (name: string, line: number, problem: string, advice: string): CliFailure =>
  new CliFailure({ kind: "domain", problem: `${name}:${line}: ${printable(problem)}`, advice })

const decode = (name: string, { isEnded, number, problem, text }: TextLine, after: number) =>
  Result.gen(function* () {
    const mend = `${stays}. Mend the line, and import the file again: what is there is skipped`
    if (problem !== undefined) return yield* Result.fail(broken(name, number, problem, mend))
    const line = yield* Result.mapError(decodeLine(text), ({ message }) =>
      isEnded
        ? broken(name, number, message, mend)
        : broken(
            name,
            number,
            "the file ends in the middle of a line",
            `${stays}. Finish the file with eventfold export --resume, and import it again: what is there is skipped`
          )
    )
    const changed = numberProblem(text)
    if (changed !== undefined) {
      return yield* Result.fail(
        broken(name, number, changed, `${stays}. Write it as a text, and import the file again`)
      )
    }
    const stream = yield* Result.mapError(StreamName.parse(line.stream), (wrong) => broken(name, number, wrong, mend))
    if (line.position <= after) {
      return yield* Result.fail(broken(name, number, `position ${line.position} comes after position ${after}`, mend))
    }
    return { line: number, event: { ...line, stream } } satisfies Item
  })

interface State {
  items: Array<Item>
  bytes: number
  /** How far the file was read, and the lines were taken. */
  read: number
  position: number
  hasFailed: boolean
}

/** Gathers lines into batches. After one that failed there are no more. */
export const batches =
  (name: string) =>
  <E, R>(lines: Stream.Stream<TextLine, E, R>): Stream.Stream<Batch, E, R> =>
    Stream.mapAccumArray(
      lines,
      (): State => ({ items: [], bytes: 0, read: 0, position: 0, hasFailed: false }),
      (state, some) => {
        const full: Array<Batch> = []
        const flush = (failure: CliFailure | undefined): void => {
          full.push({ items: state.items, end: state.read, failure })
          state.items = []
          state.bytes = 0
        }
        for (const line of some) {
          if (state.hasFailed) break
          const size = line.end - state.read
          if (line.problem === undefined && line.text.trim() === "") {
            state.read = line.end
            continue
          }
          if (state.items.length > 0 && state.bytes + size > mostBytes) flush(undefined)
          const item = decode(name, line, state.position)
          if (Result.isFailure(item)) {
            state.hasFailed = true
            flush(item.failure)
            break
          }
          state.items.push(item.success)
          state.bytes += size
          state.read = line.end
          state.position = item.success.event.position
          if (state.items.length === mostEvents) flush(undefined)
        }
        return [state, full]
      },
      {
        onHalt: ({ items, read }) => (items.length === 0 ? [] : [{ items, end: read, failure: undefined }])
      }
    )
