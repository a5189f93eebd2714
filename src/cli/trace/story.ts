/**
 * The events of a conversation as a tree: which command decided them, which event that followed from, and what followed from them.
 */
import * as DateTime from "effect/DateTime"
import type * as Schema from "effect/Schema"
import type { RecordedEvent } from "../../RecordedEvent.ts"
import { lineOf } from "../file/line.ts"
import { cut } from "../output/eventLine.ts"
import { counted, duration, instant } from "../output/format.ts"
import { printable } from "../output/table.ts"

/** Events that one command decided. */
export interface CommandNode {
  readonly kind: "command"
  readonly id: string
  readonly actor: string | undefined
  readonly events: ReadonlyArray<EventNode>
}

/** An event, and what followed from it. */
export interface EventNode {
  readonly kind: "event"
  readonly event: RecordedEvent
  /** What caused it, where that is not in the conversation. */
  readonly causedBy: string | undefined
  readonly caused: ReadonlyArray<Node>
}

export type Node = CommandNode | EventNode

/** A conversation. */
export interface Story {
  readonly correlationId: string
  /** By position. At least one. */
  readonly events: ReadonlyArray<RecordedEvent>
  /** Whether there are more, which are left out. */
  readonly isCut: boolean
  /** What it began with: more than one where causes are not known. */
  readonly roots: ReadonlyArray<Node>
}

/** What others have written into metadata may be anything. */
export const textOf = (value: Schema.Json | undefined): string | undefined =>
  typeof value === "string" ? value : undefined

interface Growing {
  readonly nodes: Array<Node>
  readonly commands: Map<string, Array<EventNode>>
}

const growing = (nodes: Array<Node>): Growing => ({ nodes, commands: new Map() })

/**
 * The story of events, by position. A cause comes before what it causes, so one that does not is none.
 */
export const storyOf = (correlationId: string, events: ReadonlyArray<RecordedEvent>, isCut: boolean): Story => {
  const roots = growing([])
  const places = new Map<string, Growing>()
  for (const event of events) {
    const { actor, causationId, commandId } = event.metadata
    const cause = textOf(causationId)
    const before = cause === undefined ? undefined : places.get(cause)
    const caused: Array<Node> = []
    const node: EventNode = { kind: "event", event, causedBy: before === undefined ? cause : undefined, caused }
    places.set(event.id, growing(caused))
    const { commands, nodes } = before ?? roots
    const id = textOf(commandId)
    const others = id === undefined ? undefined : commands.get(id)
    if (id === undefined) nodes.push(node)
    else if (others !== undefined) others.push(node)
    else {
      const decided = [node]
      commands.set(id, decided)
      nodes.push({ kind: "command", id, actor: textOf(actor), events: decided })
    }
  }
  return { correlationId, events, isCut, roots: roots.nodes }
}

const millisFrom = (story: Story, event: RecordedEvent): number =>
  DateTime.toEpochMillis(event.recordedAt) - DateTime.toEpochMillis(story.events[0]!.recordedAt)

const streamsOf = ({ events }: Story): ReadonlyArray<string> => Array.from(new Set(events.map(({ stream }) => stream)))

const nodeJson = (story: Story, node: Node): Schema.JsonObject =>
  node.kind === "command"
    ? {
        kind: node.kind,
        id: node.id,
        ...(node.actor !== undefined && { actor: node.actor }),
        events: node.events.map((one) => nodeJson(story, one))
      }
    : {
        kind: node.kind,
        afterMillis: millisFrom(story, node.event),
        ...(node.causedBy !== undefined && { causedBy: node.causedBy }),
        event: lineOf(node.event),
        caused: node.caused.map((one) => nodeJson(story, one))
      }

/** A story as JSON. */
export const storyJson = (story: Story): Schema.JsonObject => ({
  correlationId: story.correlationId,
  events: story.events.length,
  isCut: story.isCut,
  streams: streamsOf(story),
  first: DateTime.formatIso(story.events[0]!.recordedAt),
  last: DateTime.formatIso(story.events.at(-1)!.recordedAt),
  roots: story.roots.map((node) => nodeJson(story, node))
})

const after = (millis: number): string => `+${millis < 1000 ? `${millis} ms` : duration(millis)}`

const nodeText = (story: Story, node: Node, asked: string): string => {
  if (node.kind === "command") {
    const by = node.actor === undefined ? "" : ` by ${node.actor}`
    return printable(`${node.id === asked ? "▶ " : ""}command ${node.id}${by}`)
  }
  const { data, id, position, stream, type, version } = node.event
  const cause = node.causedBy === undefined ? "" : `  (caused by ${node.causedBy}, which is not here)`
  const what = `${after(millisFrom(story, node.event))}  ${stream}@${version}  ${type}  #${position}${cause}`
  return printable(`${id === asked ? "▶ " : ""}${what}  ${JSON.stringify(data)}`)
}

/** A story as text: lines that are cut to so many columns. What was asked for is marked. */
export const storyText = (story: Story, asked: string, columns: number): string => {
  const first = story.events[0]!
  const streams = streamsOf(story)
  const span = millisFrom(story, story.events.at(-1)!)
  const head = `conversation ${printable(story.correlationId)}: ${counted(story.events.length, "event")} in ${counted(streams.length, "stream")}`
  const lines = [`${head}, from ${instant(first.recordedAt)} on, within ${span === 0 ? "0 ms" : duration(span)}`, ""]
  const put = (nodes: ReadonlyArray<Node>, indent: string): void => {
    for (const [index, node] of nodes.entries()) {
      const isLast = index === nodes.length - 1
      lines.push(cut(`${indent}${isLast ? "└─" : "├─"} ${nodeText(story, node, asked)}`, columns))
      put(node.kind === "command" ? node.events : node.caused, `${indent}${isLast ? "   " : "│  "}`)
    }
  }
  put(story.roots, "")
  if (story.isCut) lines.push("", "there are more events: give a greater --limit")
  return lines.join("\n")
}
