/**
 * Instances of processes as people read them.
 */
import { assert, it } from "@effect/vitest"
import { DateTime } from "effect"
import { instancesText, instanceText, stepText } from "../../../src/cli/processes/text.ts"
import type { Instance, Stuck } from "../../../src/Process.ts"

const at = DateTime.makeUnsafe("2026-03-31T10:00:00Z")
const stuck: Stuck = {
  _tag: "Event",
  position: 5,
  reason: "Failed",
  problem: "Error: on fire\n    at\tRemind \u001b[31m(domain.ts:1)\r\n    at decide"
}
const instance: Instance<null> = {
  instance: "emma",
  status: "stuck",
  state: null,
  startedAt: at,
  updatedAt: at,
  steps: 1,
  commands: [],
  timers: [],
  stuck,
  waiting: []
}

it("a problem has its lines where an instance is shown, and only the first of them elsewhere", () => {
  assert.deepStrictEqual(instanceText("lending", instance).split("\n").slice(2, 5), [
    "stuck at the event at position 5: Error: on fire",
    "      at\\tRemind \\u001b[31m(domain.ts:1)",
    "      at decide"
  ])
  assert.match(instancesText([instance], at), /stuck at the event at position 5: Error: on fire$/)
  const step = stepText({ number: 1, at, input: { _tag: "Retried" }, commands: [], timers: [], stuck })
  assert.match(step, /^     is stuck at the event at position 5: Error: on fire$/m)
  assert.notInclude(step, "decide")
})
