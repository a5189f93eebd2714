import { assert, describe, it } from "@effect/vitest"
import { DateTime } from "effect"
import type { RecordedEvent } from "eventfold"
import { type Node, storyOf } from "../../../src/cli/trace/story.ts"

const event = (position: number, metadata: RecordedEvent.Metadata): RecordedEvent.RecordedEvent => ({
  id: `e${position}`,
  type: "Happened",
  schemaVersion: 1,
  stream: "thing-1",
  version: position,
  position,
  recordedAt: DateTime.makeUnsafe(position * 10),
  data: {},
  tags: [],
  metadata
})

/** `c1[e1 e2[...]]` */
const shown = (nodes: ReadonlyArray<Node>): string =>
  nodes
    .map((node) => {
      const inner = shown(node.kind === "command" ? node.events : node.caused)
      const name =
        node.kind === "command" ? node.id : `${node.event.id}${node.causedBy === undefined ? "" : `<${node.causedBy}`}`
      return inner === "" ? name : `${name}[${inner}]`
    })
    .join(" ")

const storyIn = (...all: ReadonlyArray<RecordedEvent.Metadata>): string =>
  shown(
    storyOf(
      "c",
      all.map((metadata, index) => event(index + 1, metadata)),
      false
    ).roots
  )

describe("the story of a conversation", () => {
  it("puts the events of a command together, under what caused it", () => {
    assert.strictEqual(
      storyIn(
        { commandId: "a" },
        { commandId: "a" },
        { commandId: "b", causationId: "e1" },
        { commandId: "c", causationId: "e2" },
        { commandId: "b", causationId: "e1" },
        { causationId: "e5" },
        { commandId: "b", causationId: "e6" }
      ),
      "a[e1[b[e3 e5[e6[b[e7]]]]] e2[c[e4]]]"
    )
  })

  it("begins anew where the cause is not there, comes later, is the event itself, or is no id", () => {
    assert.strictEqual(
      storyIn(
        { causationId: "elsewhere" },
        { causationId: "e2" },
        { causationId: "e4" },
        { causationId: "e3" },
        Object.fromEntries([
          ["causationId", 7],
          ["commandId", { a: 1 }]
        ])
      ),
      "e1<elsewhere e2<e2 e3<e4[e4] e5"
    )
  })
})
