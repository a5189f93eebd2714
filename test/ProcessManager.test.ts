import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Data, DateTime, Effect, Equal, Result, Schema } from "effect"
import { Decider, Event, ProcessManager, type RecordedEvent } from "eventfold"

const { cancel, schedule, send } = ProcessManager

class Refused extends Data.TaggedError("Refused")<{ readonly n: number }> {}

/** What all process managers here send commands to. */
const worker = Decider.make({
  name: "worker",
  state: Schema.Int,
  initial: 0,
  commands: Schema.TaggedUnion({ Do: { n: Schema.Int }, Stop: {} }),
  events: Event.define({ Done: { n: Schema.Int }, Stopped: {} })
})
  .evolve({ Done: (count) => count + 1, Stopped: (count) => count })
  .decide({
    Do: ({ n }) => (n > 9 ? Result.fail(new Refused({ n })) : [{ _tag: "Done", n }]),
    Stop: () => [{ _tag: "Stopped" }]
  })

const start = DateTime.makeUnsafe("2000-01-01T00:00:00Z")
const after = (seconds: number) => DateTime.add(start, { seconds })

const recordedAt = (position: number): RecordedEvent.RecordedEvent => ({
  id: `00000000-0000-7000-8000-${String(position).padStart(12, "0")}`,
  type: "any",
  schemaVersion: 1,
  stream: "any-1",
  version: position,
  position,
  recordedAt: after(position),
  data: {},
  tags: [],
  metadata: { actor: "Ada" }
})

const context: ProcessManager.InputContext = { instance: "it", now: after(1) }

const same = (a: unknown, b: unknown) =>
  assert.isTrue(Equal.equals(a, b), `${JSON.stringify(a)} <> ${JSON.stringify(b)}`)

describe("a process manager", () => {
  /** Its state says what has happened, and its reactions send that to the worker. */
  const telling = ProcessManager.make({
    name: "telling",
    state: Schema.Array(Schema.String),
    initial: [],
    events: Event.define({ Began: { n: Schema.Int }, Went: {} }),
    targets: {
      near: ProcessManager.sends(worker, ["Do", "Stop"]),
      far: ProcessManager.sends(worker, ["Do"])
    },
    timers: ["short", "long"],
    isTerminal: (told) => told.length > 1
  })
    .correlate({
      Began: ({ n }, { position }) => `${n} at ${position}`,
      Went: () => undefined
    })
    .evolve({
      events: {
        Began: (told, { n }, { instance, now, recorded }) => [
          ...told,
          `Began ${n} ${instance} ${DateTime.formatIso(now)} ${recorded.position} ${recorded.metadata.actor}`
        ],
        Went: (told) => [...told, "Went"]
      },
      rejected: {
        near: {
          Do: (told, { command, id, rejection }) => [...told, `near ${id} rejects ${command.n}: ${rejection.n}`]
        },
        far: { Do: (told, { id }, { instance, now }) => [...told, `far ${id} ${instance} ${DateTime.formatIso(now)}`] }
      },
      executed: {
        near: {
          Do: (told, { events, id }) => [...told, `near ${id} did ${events.map(({ _tag }) => _tag).join()}`],
          Stop: (told, { id }, { instance }) => [...told, `near ${id} stopped ${instance}`]
        }
      },
      elapsed: {
        short: (told, { at }, { instance, now }) => [
          ...told,
          `short ${instance} ${DateTime.formatIso(at)} ${DateTime.formatIso(now)}`
        ],
        long: (told) => [...told, "long"]
      }
    })
    .react({
      events: {
        Began: (told, { n }, { instance, now, recorded }) => [
          send("near", told.join(), { _tag: "Do", n }),
          schedule("short", DateTime.add(now, { seconds: recorded.position })),
          cancel("long"),
          send("far", instance, { _tag: "Do", n })
        ],
        Went: (told) => [send("near", told.join(), { _tag: "Stop" })]
      },
      rejected: {
        near: { Do: (told, { rejection }) => [send("near", told.join(), { _tag: "Do", n: rejection.n })] },
        far: { Do: (told) => [send("far", told.join(), { _tag: "Do", n: 0 })] }
      },
      executed: { far: { Do: (told, { events }) => [send("far", told.join(), { _tag: "Do", n: events.length })] } },
      elapsed: {
        short: (_, { at }) => [schedule("long", at)],
        long: (told, _, { before }) => [send("near", `${before.join()} ${told.join()}`, { _tag: "Stop" })]
      },
      resume: (told, { instance, now }) => [
        send("near", `${instance} ${told.length}`, { _tag: "Stop" }),
        schedule("short", now)
      ]
    })
  type Input = Parameters<typeof telling.evolve>[1]

  const began: Input = { _tag: "Event", event: { _tag: "Began", n: 3 }, recorded: recordedAt(7) }
  const went: Input = { _tag: "Event", event: { _tag: "Went" }, recorded: recordedAt(8) }
  const outcome = { id: "w", command: { _tag: "Do", n: 12 } } as const
  const refusal = { ...outcome, _tag: "Rejected", rejection: new Refused({ n: 12 }) } as const
  const execution = { ...outcome, _tag: "Executed", events: [{ _tag: "Done", n: 12 }] } as const
  const nearRejects: Input = { ...refusal, to: "near" }
  const farRejects: Input = { ...refusal, to: "far" }
  const nearDid: Input = { ...execution, to: "near" }
  const farDid: Input = { ...execution, to: "far" }
  const stopped: Input = { _tag: "Executed", to: "near", id: "w", command: { _tag: "Stop" }, events: [] }
  const short: Input = { _tag: "Elapsed", timer: "short", at: after(5) }
  const long: Input = { _tag: "Elapsed", timer: "long", at: after(5) }
  const at1 = "2000-01-01T00:00:01.000Z"

  it("folds every kind of input by the handler of its own", () => {
    const inputs = [began, went, nearRejects, farRejects, nearDid, stopped, short, long]
    const told = inputs.reduce((state, input) => telling.evolve(state, input, context), telling.initial)
    assert.deepStrictEqual(told, [
      `Began 3 it ${at1} 7 Ada`,
      "Went",
      "near w rejects 12: 12",
      `far w it ${at1}`,
      "near w did Done",
      "near w stopped it",
      `short it 2000-01-01T00:00:05.000Z ${at1}`,
      "long"
    ])
  })

  it("reacts to every kind of input by the handler of its own, on the state that it is given, and the one before", () => {
    const asked = (input: Input) => telling.react(["told"], input, { ...context, before: ["before"] })
    same(asked(began), [
      send("near", "told", { _tag: "Do", n: 3 }),
      schedule("short", after(8)),
      cancel("long"),
      send("far", "it", { _tag: "Do", n: 3 })
    ])
    same(asked(went), [send("near", "told", { _tag: "Stop" })])
    same(asked(nearRejects), [send("near", "told", { _tag: "Do", n: 12 })])
    same(asked(farRejects), [send("far", "told", { _tag: "Do", n: 0 })])
    same(asked(farDid), [send("far", "told", { _tag: "Do", n: 1 })])
    same(asked(short), [schedule("long", after(5))])
    same(asked(long), [send("near", "before told", { _tag: "Stop" })])
  })

  it("leaves what was executed alone where it has no handler for that", () => {
    const told = ["told"]
    assert.strictEqual(telling.evolve(told, farDid, context), told)
    same(telling.react(told, nearDid, { ...context, before: told }), [])
    same(telling.react(told, stopped, { ...context, before: told }), [])
  })

  it("says which instance an event happens to, if any", () => {
    assert.strictEqual(telling.instanceOf({ _tag: "Began", n: 3 }, recordedAt(7)), "3 at 7")
    assert.isUndefined(telling.instanceOf({ _tag: "Went" }, recordedAt(7)))
  })

  it("resumes by its state, and by nothing where it does not say", () => {
    same(telling.resume(["a", "b"], context), [send("near", "it 2", { _tag: "Stop" }), schedule("short", after(1))])
    same(quiet.resume(1, context), [])
  })

  it("is over when it says so, and never where it does not say", () => {
    assert.deepStrictEqual([["a"], ["a", "b"]].map(telling.isTerminal), [false, true])
    assert.isFalse(quiet.isTerminal(0))
  })

  it("has neither targets nor timers where it names none", () => {
    assert.deepStrictEqual(quiet.targets, {})
    assert.deepStrictEqual(quiet.timers, [])
    assert.deepStrictEqual(telling.timers, ["short", "long"])
    assert.deepStrictEqual(telling.targets.near, { decider: worker, commands: ["Do", "Stop"] })
  })

  it("has an initial state that nothing can change", () => {
    const nested = ProcessManager.make({
      name: "nested",
      state: Schema.Struct({ inner: Schema.Array(Schema.Struct({ n: Schema.Int })) }),
      initial: { inner: [{ n: 1 }] },
      events: Event.define({ Went: {} })
    })
      .correlate({ Went: () => "it" })
      .evolve({ events: { Went: (state) => Object.assign(state, { inner: [] }) } })
      .react({ events: { Went: () => [] } })
    const input = { _tag: "Event", event: { _tag: "Went" }, recorded: recordedAt(8) } as const
    assert.throws(() => nested.evolve(nested.initial, input, context), TypeError)
    assert.throws(() => Object.assign(nested.initial.inner[0]!, { n: 2 }), TypeError)
    const both = ProcessManager.compose(nested, ProcessManager.empty)
    assert.throws(() => Object.assign(both.initial, { 0: undefined }), TypeError)
  })
})

/** A process manager with no more than it needs. */
const quiet = ProcessManager.make({ name: "quiet", state: Schema.Int, initial: 0, events: Event.define({ Rang: {} }) })
  .correlate({ Rang: () => "bell" })
  .evolve({ events: { Rang: (count) => count + 1 } })
  .react({ events: { Rang: () => [] } })

describe("a handler", () => {
  const names = ["toString", "constructor", "__proto__", "Other"]
  const recorded = recordedAt(1)
  const none = { id: "w", events: [], rejection: undefined }

  it("that is missing is a mistake that is named", () => {
    const resigned = ProcessManager.make({
      name: "resigned",
      state: Schema.Int,
      initial: 0,
      events: Event.define({ Went: {} }),
      targets: { near: ProcessManager.sends(worker, ["Do"]) },
      timers: ["short"]
    })
      .correlate({ Went: () => "it" })
      .evolve({
        events: { Went: (n) => n },
        rejected: { near: { Do: (n) => n } },
        executed: { near: { Do: (n) => n + 1 } },
        elapsed: { short: (n) => n }
      })
      .react({
        events: { Went: () => [] },
        rejected: { near: { Do: () => [] } },
        executed: { near: { Do: () => [cancel("short")] } },
        elapsed: { short: () => [] }
      })
    for (const { evolve, instanceOf, name, react } of [resigned, quiet]) {
      for (const tag of names) {
        const inputs = [
          [name, { _tag: "Event", event: { _tag: tag }, recorded }],
          [`${name}, elapsed`, { _tag: "Elapsed", timer: tag, at: start }],
          [`${name}, rejected by near,`, { ...none, _tag: "Rejected", to: "near", command: { _tag: tag } }],
          [`${name}, rejected by ${tag},`, { ...none, _tag: "Rejected", to: tag, command: { _tag: tag } }]
        ] as const
        for (const [where, input] of inputs) {
          assert.throws(() => evolve(0, input as never, context), `${where} has no handler for ${tag}`)
          assert.throws(() => react(0, input as never, { ...context, before: 0 }), `${where} has no handler for ${tag}`)
        }
        assert.throws(() => instanceOf({ _tag: tag } as never, recorded), `${name} has no handler for ${tag}`)
        // One for what was executed is not needed.
        for (const to of ["near", tag]) {
          const input = { ...none, _tag: "Executed", to, command: { _tag: tag } } as never
          assert.strictEqual(evolve(5, input, context), 5)
          same(react(5, input, { ...context, before: 5 }), [])
        }
      }
    }
  })

  it("is found under names that every object has", () => {
    const odd = ProcessManager.make({
      name: "odd",
      state: Schema.Int,
      initial: 0,
      events: Event.define({ constructor: {} }),
      targets: { hasOwnProperty: ProcessManager.sends(worker, ["Do"]) },
      timers: ["toString"]
    })
      .correlate({ constructor: () => "it" })
      .evolve({
        events: { constructor: (n) => n + 1 },
        rejected: { hasOwnProperty: { Do: (n) => n + 10 } },
        executed: { hasOwnProperty: { Do: (n) => n + 100 } },
        elapsed: { toString: (n) => n + 1000 }
      })
      .react({
        events: { constructor: () => [] },
        rejected: { hasOwnProperty: { Do: () => [] } },
        elapsed: { toString: () => [] }
      })
    const outcome = { to: "hasOwnProperty", id: "w", command: { _tag: "Do", n: 1 } } as const
    const inputs: ReadonlyArray<Parameters<typeof odd.evolve>[1]> = [
      { _tag: "Event", event: { _tag: "constructor" }, recorded },
      { _tag: "Elapsed", timer: "toString", at: start },
      { ...outcome, _tag: "Rejected", rejection: new Refused({ n: 1 }) },
      { ...outcome, _tag: "Executed", events: [] }
    ]
    const both = ProcessManager.compose(quiet, odd)
    assert.strictEqual(
      inputs.reduce((n, input) => odd.evolve(n, input, context), 0),
      1111
    )
    same(
      inputs.reduce((state, input) => both.evolve(state, input, context), both.initial),
      [0, 1111]
    )
  })
})

/** The rules of an arbitrary process manager: numbers that decide how it evolves, what it asks for, and when it is over. */
const Rules = Schema.Struct({
  start: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 96 })),
  factor: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 96 })),
  ends: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 5 })),
  asks: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 3 }))
})
type Rules = typeof Rules.Type

const kinds = ["Event", "Elapsed", "Rejected", "Executed"] as const

/** Numbers from 5 leave the state as it is. */
const move = ({ factor }: Rules, state: number, kind: (typeof kinds)[number], n: number) =>
  n < 5 ? (state * factor + n + kinds.indexOf(kind) + 1) % 97 : state

const asked = <const Name extends string>(
  { asks }: Rules,
  name: Name,
  state: number,
  n: number,
  { instance, now }: ProcessManager.InputContext
) =>
  [
    send(name, `${instance} ${state}`, { _tag: "Do", n }),
    schedule(name, DateTime.add(now, { seconds: n })),
    cancel(name)
  ].slice(0, asks)

const ends = ({ ends }: Rules) => ({ isTerminal: (state: number) => state % ends === 0 })

const instanceIn = ({ ends }: Rules, n: number) => (n % ends === 0 ? undefined : `it ${n}`)

/** Three process managers of the same make and with different words, so that they can stand side by side. */
const first = (rules: Rules) =>
  ProcessManager.make({
    name: "first",
    state: Schema.Int,
    initial: rules.start,
    events: Event.define({ First: { n: Schema.Int } }),
    targets: { first: ProcessManager.sends(worker, ["Do"]) },
    timers: ["first"],
    ...ends(rules)
  })
    .correlate({ First: ({ n }) => instanceIn(rules, n) })
    .evolve({
      events: { First: (state, { n }) => move(rules, state, "Event", n) },
      rejected: { first: { Do: (state, { rejection }) => move(rules, state, "Rejected", rejection.n) } },
      executed: { first: { Do: (state, { command }) => move(rules, state, "Executed", command.n) } },
      elapsed: { first: (state, { at }) => move(rules, state, "Elapsed", DateTime.getPartUtc(at, "second")) }
    })
    .react({
      events: { First: (state, { n }, context) => asked(rules, "first", state - context.before, n, context) },
      rejected: { first: { Do: (state, _, context) => asked(rules, "first", state, 1, context) } },
      executed: { first: { Do: (state, _, context) => asked(rules, "first", state, 2, context) } },
      elapsed: { first: (state, _, context) => asked(rules, "first", state, 3, context) },
      resume: (state, context) => asked(rules, "first", state, 4, context)
    })

const second = (rules: Rules) =>
  ProcessManager.make({
    name: "second",
    state: Schema.Int,
    initial: rules.start,
    events: Event.define({ Second: { n: Schema.Int } }),
    targets: { second: ProcessManager.sends(worker, ["Do"]) },
    timers: ["second"],
    ...ends(rules)
  })
    .correlate({ Second: ({ n }) => instanceIn(rules, n) })
    .evolve({
      events: { Second: (state, { n }) => move(rules, state, "Event", n) },
      rejected: { second: { Do: (state, { command }) => move(rules, state, "Rejected", command.n) } },
      elapsed: { second: () => rules.start }
    })
    .react({
      events: { Second: (state, { n }, context) => asked(rules, "second", state - context.before, n, context) },
      rejected: { second: { Do: () => [] } },
      executed: { second: { Do: (state, _, context) => asked(rules, "second", state, 2, context) } },
      elapsed: { second: (state, _, context) => asked(rules, "second", state, 3, context) }
    })

const third = (rules: Rules) =>
  ProcessManager.make({
    name: "third",
    state: Schema.Int,
    initial: rules.start,
    events: Event.define({ Third: { n: Schema.Int } }),
    targets: { third: ProcessManager.sends(worker, ["Do"]) },
    timers: ["third"],
    ...ends(rules)
  })
    .correlate({ Third: () => "it" })
    .evolve({
      events: { Third: (state, { n }) => move(rules, state, "Event", n) },
      rejected: { third: { Do: (state) => state } },
      executed: { third: { Do: (state, { events }) => move(rules, state, "Executed", events.length) } },
      elapsed: { third: (state) => move(rules, state, "Elapsed", 1) }
    })
    .react({
      events: { Third: (_, __, { recorded }) => asked(rules, "third", recorded.position, 0, context) },
      rejected: { third: { Do: (state, _, context) => asked(rules, "third", state, 1, context) } },
      elapsed: { third: () => [] },
      resume: (state, context) => asked(rules, "third", state, 4, context)
    })

/** An input of one of the three. */
const Drawn = Schema.Struct({
  side: Schema.Literals(["first", "second", "third"]),
  kind: Schema.Literals(kinds),
  n: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 9 }))
})
type Drawn = typeof Drawn.Type

const tags = { first: "First", second: "Second", third: "Third" } as const

const inputOf = ({ kind, n, side }: Drawn) => {
  const outcome = { to: side, id: "w", command: { _tag: "Do", n } }
  switch (kind) {
    case "Event":
      return { _tag: kind, event: { _tag: tags[side], n }, recorded: recordedAt(n + 1) }
    case "Elapsed":
      return { _tag: kind, timer: side, at: after(n) }
    case "Rejected":
      return { ...outcome, _tag: kind, rejection: new Refused({ n }) }
    case "Executed":
      return { ...outcome, _tag: kind, events: Array.from({ length: n }, (_, i) => ({ _tag: "Done", n: i })) }
  }
}

/** An input with the circumstances that it has wherever it stands among others. */
interface Happening {
  readonly drawn: Drawn
  readonly context: ProcessManager.InputContext
}

const happenings = (drawn: ReadonlyArray<Drawn>): ReadonlyArray<Happening> =>
  drawn.map((one, index) => ({ drawn: one, context: { instance: `it ${index}`, now: after(index) } }))

/** Gives every state, all that is asked for at each, and where each event goes. */
const runAll = <P extends ProcessManager.Any>(manager: P, all: ReadonlyArray<Happening>) => {
  let state: P["initial"] = manager.initial
  const states = [state]
  const asks: Array<ReadonlyArray<unknown>> = []
  const resumed: Array<ReadonlyArray<unknown>> = [manager.resume(state, context)]
  const over: Array<boolean> = [manager.isTerminal(state)]
  const instances: Array<string | undefined> = []
  for (const { context, drawn } of all) {
    const input = inputOf(drawn)
    if (input._tag === "Event") instances.push(manager.instanceOf(input.event, input.recorded))
    const before: P["initial"] = state
    state = manager.evolve(state, input, context)
    states.push(state)
    asks.push(manager.react(state, input, { ...context, before }))
    resumed.push(manager.resume(state, context))
    over.push(manager.isTerminal(state))
  }
  return { asks, instances, over, resumed, state, states }
}

const drawnOf = (sides: ReadonlyArray<Drawn["side"]>) =>
  Arbitrary.array(Arbitrary.schema(Schema.Struct({ ...Drawn.fields, side: Schema.Literals(sides) })), { maxLength: 30 })

const rulesAnd = (...sides: ReadonlyArray<Drawn["side"]>) =>
  ({ a: Rules, b: Rules, c: Rules, drawn: drawnOf(sides) }) as const

describe("compose", () => {
  it.effect.prop(
    "lets each process manager go its own way",
    rulesAnd("first", "second", "third"),
    ({ a, b, c, drawn }) =>
      Effect.sync(() => {
        const all = happenings(drawn)
        const last = all.at(-1)?.context ?? context
        const composed = runAll(ProcessManager.compose(ProcessManager.compose(first(a), second(b)), third(c)), all)
        const alone = (manager: ProcessManager.Any, side: Drawn["side"]) => {
          const own = runAll(
            manager,
            all.filter(({ drawn }) => drawn.side === side)
          )
          same(
            own.asks,
            composed.asks.filter((_, index) => drawn[index]!.side === side)
          )
          same(
            own.instances,
            composed.instances.filter((_, index) => drawn.filter(({ kind }) => kind === "Event")[index]!.side === side)
          )
          return own
        }
        const [x, y, z] = [alone(first(a), "first"), alone(second(b), "second"), alone(third(c), "third")]
        same(composed.state, [[x.state, y.state], z.state])
        same(composed.resumed.at(-1), [
          ...first(a).resume(x.state, last),
          ...second(b).resume(y.state, last),
          ...third(c).resume(z.state, last)
        ])
      })
  )

  it.effect.prop("has an identity, on either side", rulesAnd("first"), ({ a, drawn }) =>
    Effect.sync(() => {
      const all = happenings(drawn)
      const alone = runAll(first(a), all)
      const left = runAll(ProcessManager.compose(ProcessManager.empty, first(a)), all)
      const right = runAll(ProcessManager.compose(first(a), ProcessManager.empty), all)
      for (const { asks, instances, over, resumed } of [left, right]) {
        same([asks, instances, over, resumed], [alone.asks, alone.instances, alone.over, alone.resumed])
      }
      same(
        left.states,
        alone.states.map((state) => [undefined, state])
      )
      same(
        right.states,
        alone.states.map((state) => [state, undefined])
      )
    })
  )

  it.effect.prop(
    "is associative, up to the nesting of the state",
    rulesAnd("first", "second", "third"),
    ({ a, b, c, drawn }) =>
      Effect.sync(() => {
        const all = happenings(drawn)
        const left = ProcessManager.compose(ProcessManager.compose(first(a), second(b)), third(c))
        const right = ProcessManager.compose(first(a), ProcessManager.compose(second(b), third(c)))
        const { state: _, states, ...came } = runAll(left, all)
        const { state: __, states: others, ...cameOther } = runAll(right, all)
        same(came, cameOther)
        same(
          states.map(([[x, y], z]) => [x, y, z]),
          others.map(([x, [y, z]]) => [x, y, z])
        )
        assert.strictEqual(left.name, right.name)
        assert.deepStrictEqual(left.timers, right.timers)
        assert.deepStrictEqual(left.events.types, right.events.types)
        assert.deepStrictEqual(left.targets, right.targets)
      })
  )

  it.effect.prop(
    "takes the inputs of two sides in any order, as long as those of each keep theirs",
    {
      a: Rules,
      b: Rules,
      mine: drawnOf(["first"]),
      theirs: drawnOf(["second"]),
      order: Arbitrary.array(Arbitrary.schema(Schema.Boolean), { minLength: 60, maxLength: 60 })
    },
    ({ a, b, mine, order, theirs }) =>
      Effect.sync(() => {
        const merged = (flip: boolean) => {
          const [left, right] = [[...happenings(mine)], [...happenings(theirs)]]
          const all: Array<Happening> = []
          for (const bit of order) {
            const next = (bit === flip ? left.shift() : right.shift()) ?? left.shift() ?? right.shift()
            if (next !== undefined) all.push(next)
          }
          return all
        }
        const both = ProcessManager.compose(first(a), second(b))
        const ran = [merged(false), merged(true)].map((all) => {
          const { asks, state } = runAll(both, all)
          const of = (side: Drawn["side"]) => asks.filter((_, index) => all[index]!.drawn.side === side)
          return { state, first: of("first"), second: of("second"), count: asks.length }
        })
        assert.strictEqual(ran[0]!.count, mine.length + theirs.length)
        same(ran[0], ran[1])
      })
  )

  it.effect.prop(
    "is at the very initial value for as long as both sides are",
    rulesAnd("first", "second"),
    ({ a, b, drawn }) =>
      Effect.sync(() => {
        const both = ProcessManager.compose(first(a), second(b))
        for (const { context, drawn: one } of happenings(drawn)) {
          const input = inputOf(one) as never
          const [mine, theirs] = both.initial
          const stays =
            one.side === "first"
              ? first(a).evolve(mine, input, context) === mine
              : second(b).evolve(theirs, input, context) === theirs
          assert.strictEqual(both.evolve(both.initial, input, context) === both.initial, stays)
        }
      })
  )

  const rules: Rules = { start: 13, factor: 1, ends: 2, asks: 1 }

  it("is over when both are", () => {
    const both = ProcessManager.compose(first(rules), second(rules))
    assert.deepStrictEqual([[1, 1] as const, [2, 1] as const, [1, 2] as const, [2, 2] as const].map(both.isTerminal), [
      false,
      false,
      false,
      true
    ])
  })

  it("refuses events in common when the program starts", () => {
    const other = ProcessManager.make({ name: "x", state: Schema.Int, initial: 0, events: Event.define({ First: {} }) })
      .correlate({ First: () => "it" })
      .evolve({ events: { First: (n) => n } })
      .react({ events: { First: () => [] } })
    assert.throws(() => ProcessManager.compose(first(rules), other), /First is defined already/)
  })

  it("stores its state by the schemas of both", () => {
    const both = ProcessManager.compose(ProcessManager.compose(first(rules), ProcessManager.empty), second(rules))
    const codec = Schema.toCodecJson(both.state)
    const json = JSON.parse(JSON.stringify(Schema.encodeSync(codec)([[1, undefined], 2])))
    same(Schema.decodeUnknownSync(codec)(json), [[1, undefined], 2])
    assert.throws(() => Schema.decodeUnknownSync(codec)(JSON.parse('[[1, null], "2"]')))
  })
})
