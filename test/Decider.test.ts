import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Data, DateTime, Effect, Equal, HashMap, Option, Result, Schema } from "effect"
import { Decider, Event } from "eventfold"

class Odd extends Data.TaggedError("Odd")<{ readonly state: number }> {}

/** The rules of an arbitrary decider: numbers that decide how it evolves, what it decides, and what it refuses. */
const Rules = Schema.Struct({
  start: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 96 })),
  factor: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 96 })),
  refuses: Schema.Int.check(Schema.isBetween({ minimum: 2, maximum: 5 })),
  yields: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 3 }))
})
type Rules = typeof Rules.Type

const Small = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 96 }))

const evolve = ({ factor }: Rules, state: number, n: number) => (state * factor + n + 1) % 97

/** Three deciders of the same make and with different words, so that they can stand side by side. */
const first = (rules: Rules) =>
  Decider.make({
    name: "first",
    state: Schema.Int,
    initial: rules.start,
    commands: Schema.TaggedUnion({ AddFirst: { n: Schema.Int }, ResetFirst: {} }),
    events: Event.define({ FirstAdded: { n: Schema.Int, id: Schema.String }, FirstReset: {} }),
    isTerminal: (state) => state === 13
  })
    .evolve({ FirstAdded: (state, { n }) => evolve(rules, state, n), FirstReset: () => rules.start })
    .decide({
      AddFirst: ({ n }, state, { id }) =>
        (state + n) % rules.refuses === 0
          ? Result.fail(new Odd({ state }))
          : Array.from({ length: rules.yields }, (_, i) => ({ _tag: "FirstAdded", n: n + i, id: id(i) }) as const),
      ResetFirst: (_, state) => (state === rules.start ? [] : [{ _tag: "FirstReset" }])
    })

const second = (rules: Rules) =>
  Decider.make({
    name: "second",
    state: Schema.Int,
    initial: rules.start,
    commands: Schema.TaggedUnion({ AddSecond: { n: Schema.Int } }),
    events: Event.define({ SecondAdded: { n: Schema.Int } })
  })
    .evolve({ SecondAdded: (state, { n }) => evolve(rules, state, n) })
    .decide({
      AddSecond: ({ n }, state) =>
        (state + n) % rules.refuses === 0 ? Result.fail(new Odd({ state })) : [{ _tag: "SecondAdded", n }]
    })

const third = (rules: Rules) =>
  Decider.make({
    name: "third",
    state: Schema.String,
    initial: "",
    commands: Schema.TaggedUnion({ Say: { n: Schema.Int } }),
    events: Event.define({ Said: { n: Schema.Int } })
  })
    .evolve({ Said: (state, { n }) => `${state}${n % rules.factor || 0}`.slice(-9) })
    .decide({ Say: ({ n }) => (n % rules.refuses === 0 ? [] : [{ _tag: "Said", n }]) })

const FirstCommand = Schema.TaggedUnion({ AddFirst: { n: Small }, ResetFirst: {} })
const AnyCommand = Schema.TaggedUnion({
  AddFirst: { n: Small },
  ResetFirst: {},
  AddSecond: { n: Small },
  Say: { n: Small }
})

const now = DateTime.makeUnsafe("2000-01-01T00:00:00Z")
const contextOf = (index: number) => Decider.context({ now, commandId: `command ${index}` })

/** Runs commands one after another; rejected ones change nothing. Gives every answer, every event, and the last state. */
const runAll = <S, C extends Event.Tagged, E extends R, X extends Record<C["_tag"], unknown>, R extends Event.Tagged>(
  decider: Decider.Decider<S, C, E, X, R>,
  commands: ReadonlyArray<C>
) => {
  let state = decider.initial
  const answers: Array<Result.Result<ReadonlyArray<E>, unknown>> = []
  const states: Array<S> = [state]
  for (const [index, command] of commands.entries()) {
    const answer = Decider.run(decider, state, command, contextOf(index))
    answers.push(Result.map(answer, ({ events }) => events))
    if (Result.isSuccess(answer)) state = answer.success.state
    states.push(state)
  }
  const events = answers.flatMap((answer) => (Result.isSuccess(answer) ? answer.success : []))
  return { answers, events, states, state }
}

const same = (a: unknown, b: unknown) =>
  assert.isTrue(Equal.equals(a, b), `${JSON.stringify(a)} <> ${JSON.stringify(b)}`)

const rulesAnd = <S extends Schema.Codec<unknown, unknown>>(command: S) =>
  ({ a: Rules, b: Rules, c: Rules, commands: Arbitrary.array(Arbitrary.schema(command), { maxLength: 30 }) }) as const

describe("a decider", () => {
  it.effect.prop("ends in the state that its events fold to", rulesAnd(FirstCommand), ({ a, commands }) =>
    Effect.sync(() => {
      const decider = first(a)
      const { events, state } = runAll(decider, commands)
      same(Decider.fold(decider, events), state)
    })
  )

  it.effect.prop("folds the same in one go and in two", rulesAnd(FirstCommand), ({ a, b, commands }) =>
    Effect.sync(() => {
      const decider = first(a)
      const { events } = runAll(decider, commands)
      const cut = b.start % (events.length + 1)
      same(
        Decider.fold(decider, events.slice(cut), Decider.fold(decider, events.slice(0, cut))),
        Decider.fold(decider, events)
      )
    })
  )

  it.effect.prop("decides the same again, ids included", rulesAnd(FirstCommand), ({ a, commands }) =>
    Effect.sync(() => same(runAll(first(a), commands).answers, runAll(first(a), commands).answers))
  )

  it("makes different ids for different names and commands", () => {
    const [one, two] = [contextOf(1), contextOf(2)]
    assert.strictEqual(one.id("x"), one.id("x"))
    assert.strictEqual(new Set([one.id("x"), one.id("y"), one.id(0), two.id("x")]).size, 4)
  })
})

describe("compose", () => {
  it.effect.prop("lets each decider go its own way", rulesAnd(AnyCommand), ({ a, b, c, commands }) =>
    Effect.sync(() => {
      const all = Decider.compose(Decider.compose(first(a), second(b)), third(c))
      const { answers, state } = runAll(all, commands)
      // Each alone, with the ids of the places that its commands have among all.
      const alone = <D extends Decider.Any>(decider: D) => {
        let own = decider.initial
        commands.forEach((command, index) => {
          if (!decider.commandTypes.includes(command._tag)) return
          const answer = Decider.run(decider, own, command, contextOf(index))
          same(
            Result.map(answer, ({ events }) => events),
            answers[index]
          )
          if (Result.isSuccess(answer)) own = answer.success.state
        })
        return own
      }
      same(state, [[alone(first(a)), alone(second(b))], alone(third(c))])
    })
  )

  it.effect.prop("has an identity, on either side", rulesAnd(FirstCommand), ({ a, commands }) =>
    Effect.sync(() => {
      const alone = runAll(first(a), commands)
      const left = runAll(Decider.compose(Decider.empty, first(a)), commands)
      const right = runAll(Decider.compose(first(a), Decider.empty), commands)
      same(left.answers, alone.answers)
      same(right.answers, alone.answers)
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

  it.effect.prop("is associative, up to the nesting of the state", rulesAnd(AnyCommand), ({ a, b, c, commands }) =>
    Effect.sync(() => {
      const left = runAll(Decider.compose(Decider.compose(first(a), second(b)), third(c)), commands)
      const right = runAll(Decider.compose(first(a), Decider.compose(second(b), third(c))), commands)
      same(left.answers, right.answers)
      same(
        left.states.map(([[x, y], z]) => [x, y, z]),
        right.states.map(([x, [y, z]]) => [x, y, z])
      )
    })
  )

  it.effect.prop("ends in the state that its events fold to", rulesAnd(AnyCommand), ({ a, b, c, commands }) =>
    Effect.sync(() => {
      const all = Decider.compose(first(a), Decider.compose(second(b), third(c)))
      const { events, state } = runAll(all, commands)
      same(Decider.fold(all, events), state)
    })
  )

  it("is over when both are", () => {
    const rules: Rules = { start: 13, factor: 1, refuses: 2, yields: 1 }
    const both = Decider.compose(first(rules), Decider.empty)
    assert.isTrue(both.isTerminal([13, undefined]))
    assert.isFalse(both.isTerminal([12, undefined]))
    assert.isFalse(Decider.compose(first(rules), second(rules)).isTerminal([13, 13]))
  })

  it("refuses events in common when the program starts", () => {
    const rules: Rules = { start: 0, factor: 1, refuses: 2, yields: 1 }
    const renamed = Decider.adapt(second(rules), {
      name: "other",
      commands: Schema.TaggedUnion({ Other: {} }),
      events: Event.define({ SecondAdded: {} })
    }).via({
      ask: { Other: () => ({ _tag: "AddSecond", n: 1 }) },
      write: { SecondAdded: () => [{ _tag: "SecondAdded" }] },
      read: { SecondAdded: () => [{ _tag: "SecondAdded", n: 1 }] }
    })
    assert.throws(() => Decider.compose(second(rules), renamed), /SecondAdded is defined already/)
  })
})

describe("many", () => {
  const memberOf = (family: HashMap.HashMap<string, number>, key: string, decider: { readonly initial: number }) =>
    Option.getOrElse(HashMap.get(family, key), () => decider.initial)

  it.effect.prop("of one key behaves as the decider", rulesAnd(FirstCommand), ({ a, commands }) =>
    Effect.sync(() => {
      const alone = runAll(first(a), commands)
      const family = runAll(
        Decider.many(first(a)),
        commands.map((command) => Event.keyed("k", command))
      )
      same(
        family.answers,
        alone.answers.map((answer) => Result.map(answer, (events) => events.map((event) => Event.keyed("k", event))))
      )
      same(
        family.states.map((state) => memberOf(state, "k", first(a))),
        alone.states
      )
    })
  )

  it.effect.prop("keeps the members apart", rulesAnd(FirstCommand), ({ a, b, commands }) =>
    Effect.sync(() => {
      const keyOf = (index: number) => `key ${(index * (b.factor + 1)) % 3}`
      const family = Decider.many(first(a))
      const { events, state } = runAll(
        family,
        commands.map((command, index) => Event.keyed(keyOf(index), command))
      )
      same(Decider.fold(family, events), state)
      for (const key of ["key 0", "key 1", "key 2"]) {
        const own = events.filter((event) => event.key === key).map(({ value }) => value)
        same(memberOf(state, key, first(a)), Decider.fold(first(a), own))
      }
    })
  )

  it("stores its state and commands by their schemas", () => {
    const family = Decider.many(first({ start: 0, factor: 1, refuses: 2, yields: 1 }))
    const state = HashMap.make(["a", 1], ["__proto__", 2])
    const json = Schema.encodeSync(Schema.toCodecJson(family.state))(state)
    same(Schema.decodeUnknownSync(Schema.toCodecJson(family.state))(JSON.parse(JSON.stringify(json))), state)
    const isCommand = Schema.is(family.commands)
    assert.isTrue(isCommand(Event.keyed("a", { _tag: "AddFirst", n: 1 })))
    assert.isFalse(isCommand({ _tag: "ResetFirst", key: "a", value: { _tag: "AddFirst", n: 1 } }))
  })

  it("is never over, for a new member can always begin", () => {
    const family = Decider.many(first({ start: 13, factor: 1, refuses: 2, yields: 1 }))
    assert.isFalse(family.isTerminal(HashMap.make(["a", 13])))
  })
})

describe("adapt", () => {
  const Command = Schema.TaggedUnion({ Increase: { by: Small }, Restart: {} })
  const Changed = Event.define({ Increased: { by: Schema.Int, ref: Schema.String }, Restarted: {} })

  const adapted = (rules: Rules) =>
    Decider.adapt(first(rules), { name: "adapted", commands: Command, events: Changed }).via({
      ask: { Increase: ({ by }) => ({ _tag: "AddFirst", n: by }), Restart: () => ({ _tag: "ResetFirst" }) },
      write: {
        FirstAdded: ({ n, id }) => [{ _tag: "Increased", by: n, ref: id }],
        FirstReset: () => [{ _tag: "Restarted" }]
      },
      read: {
        Increased: ({ by, ref }) => [{ _tag: "FirstAdded", n: by, id: ref }],
        Restarted: () => [{ _tag: "FirstReset" }]
      }
    })

  const ask = (command: typeof Command.Type): typeof FirstCommand.Type =>
    command._tag === "Increase" ? { _tag: "AddFirst", n: command.by } : { _tag: "ResetFirst" }
  const write = (event: Decider.Event<ReturnType<typeof first>>): typeof Changed.Type =>
    event._tag === "FirstAdded" ? { _tag: "Increased", by: event.n, ref: event.id } : { _tag: "Restarted" }

  it.effect.prop("by nothing but identities changes nothing", rulesAnd(FirstCommand), ({ a, commands }) =>
    Effect.sync(() => {
      const { commands: vocabulary, events } = first(a)
      const identical = Decider.adapt(first(a), { name: "first", commands: vocabulary, events }).via({
        ask: { AddFirst: (command) => command, ResetFirst: (command) => command },
        write: { FirstAdded: (event) => [event], FirstReset: (event) => [event] },
        read: { FirstAdded: (event) => [event], FirstReset: (event) => [event] }
      })
      same(runAll(identical, commands), runAll(first(a), commands))
    })
  )

  it.effect.prop("is the decider under other words", rulesAnd(Command), ({ a, commands }) =>
    Effect.sync(() => {
      const original = runAll(first(a), commands.map(ask))
      const translated = runAll(adapted(a), commands)
      same(translated.states, original.states)
      same(translated.events, original.events.map(write))
      same(translated.answers.map(Result.isFailure), original.answers.map(Result.isFailure))
      same(Decider.fold(adapted(a), translated.events), translated.state)
    })
  )

  it.effect.prop("twice is once by the composed translation", rulesAnd(Command), ({ a, commands }) =>
    Effect.sync(() => {
      const back = Decider.adapt(adapted(a), {
        name: "first",
        commands: first(a).commands,
        events: first(a).events
      }).via({
        ask: { AddFirst: ({ n }) => ({ _tag: "Increase", by: n }), ResetFirst: () => ({ _tag: "Restart" }) },
        write: {
          Increased: ({ by, ref }) => [{ _tag: "FirstAdded", n: by, id: ref }],
          Restarted: () => [{ _tag: "FirstReset" }]
        },
        read: {
          FirstAdded: ({ n, id }) => [{ _tag: "Increased", by: n, ref: id }],
          FirstReset: () => [{ _tag: "Restarted" }]
        }
      })
      same(runAll(back, commands.map(ask)), runAll(first(a), commands.map(ask)))
    })
  )
})

describe("a handler", () => {
  it("is not found among what every object has", () => {
    const strange = Decider.make({
      name: "strange",
      state: Schema.Int,
      initial: 0,
      commands: Schema.TaggedUnion({ Go: {} }),
      events: Event.define({ Went: {} })
    })
      .evolve({ Went: (n) => n })
      .decide({ Go: () => [] })
    for (const _tag of ["toString", "constructor", "__proto__"]) {
      assert.throws(() => strange.evolve(0, { _tag } as never), /has no handler/)
      assert.throws(() => strange.decide({ _tag } as never, 0, contextOf(0)), /has no handler/)
    }
  })

  it("that gives neither events nor a Result is a mistake that is named", () => {
    const wrong = Decider.make({
      name: "wrong",
      state: Schema.Int,
      initial: 0,
      commands: Schema.TaggedUnion({ Go: {} }),
      events: Event.define({ Went: {} })
    })
      .evolve({ Went: (n) => n })
      .decide({ Go: () => "nothing" as never })
    assert.throws(() => wrong.decide({ _tag: "Go" }, 0, contextOf(0)), /gave neither events nor a Result/)
  })
})

describe("observed events", () => {
  const Sensor = Event.define({ Heated: {} })
  const alarm = Decider.make({
    name: "alarm",
    state: Schema.Int,
    initial: 0,
    commands: Schema.TaggedUnion({ Check: {} }),
    events: Event.define({ Rang: {} }),
    observes: Sensor
  })
    .evolve({ Heated: (heat) => heat + 1, Rang: () => 0 })
    .decide({ Check: (_, heat) => (heat > 1 ? [{ _tag: "Rang" }] : []) })

  it("change the state, and are not written", () => {
    const heat = Decider.fold(alarm, [{ _tag: "Heated" }, { _tag: "Heated" }])
    same(Result.getOrThrow(alarm.decide({ _tag: "Check" }, heat, contextOf(0))), [{ _tag: "Rang" }])
    assert.deepStrictEqual(alarm.events.types, ["Rang"])
    assert.deepStrictEqual(alarm.reads.types, ["Rang", "Heated"])
  })
})
