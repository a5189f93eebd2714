/**
 * Alarms, which ring when it is time: by a process that has a timer for each, and does something else besides.
 */
import { Schema } from "effect"
import { Aggregate, Decider, Event, Process, ProcessManager, StreamName } from "eventfold"

const AlarmEvent = Event.define({
  AlarmSet: { at: Schema.DateTimeUtcFromMillis },
  Stopped: {},
  Rung: {},
  Poked: {},
  Answered: {}
})

export const alarm = Decider.make({
  name: "alarm",
  state: Schema.Int,
  initial: 0,
  commands: Schema.TaggedUnion({
    Set: { at: Schema.DateTimeUtcFromMillis },
    Stop: {},
    Poke: {},
    Ring: {},
    Answer: {}
  }),
  events: AlarmEvent
})
  .evolve({
    AlarmSet: (count) => count + 1,
    Stopped: (count) => count + 1,
    Rung: (count) => count + 1,
    Poked: (count) => count + 1,
    Answered: (count) => count + 1
  })
  .decide({
    Set: ({ at }) => [{ _tag: "AlarmSet", at }],
    Stop: () => [{ _tag: "Stopped" }],
    Poke: () => [{ _tag: "Poked" }],
    Ring: () => [{ _tag: "Rung" }],
    Answer: () => [{ _tag: "Answered" }]
  })

const ringing = ProcessManager.make({
  name: "ringing",
  state: Schema.Int,
  initial: 0,
  events: Event.pick(AlarmEvent, ["AlarmSet", "Stopped", "Poked"]),
  targets: { alarms: ProcessManager.sends(alarm, ["Ring", "Answer"]) },
  timers: ["alarm"]
})
  .correlate({
    AlarmSet: (_, { stream }) => StreamName.id(stream),
    Stopped: (_, { stream }) => StreamName.id(stream),
    Poked: (_, { stream }) => StreamName.id(stream)
  })
  .evolve({
    events: { AlarmSet: (count) => count + 1, Stopped: (count) => count + 1, Poked: (count) => count + 1 },
    elapsed: { alarm: (count) => count + 1 }
  })
  .react({
    events: {
      AlarmSet: (_, { at }) => [ProcessManager.schedule("alarm", at)],
      Stopped: () => [ProcessManager.cancel("alarm")],
      Poked: (_, __, { instance }) => [ProcessManager.send("alarms", instance, { _tag: "Answer" })]
    },
    elapsed: { alarm: (_, __, { instance }) => [ProcessManager.send("alarms", instance, { _tag: "Ring" })] }
  })

export class Alarms extends Aggregate.Service<Alarms>()("test/Alarms", { decider: alarm }) {}

export class Ringing extends Process.Service<Ringing>()("test/Ringing", {
  manager: ringing,
  aggregates: { alarms: Alarms }
}) {}

export const aggregates = Alarms.layer
