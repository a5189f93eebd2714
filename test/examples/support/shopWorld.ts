/**
 * Days in the shop, without a runtime: the real rules, the process that hears of everything late and in its own time, customers, a gateway
 * and a carrier that do as they please. What happens next is drawn at random of all that could.
 */
import { DateTime, Duration, Result } from "effect"
import { Decider, type RecordedEvent } from "eventfold"
import type { Fact } from "../../../examples/shop/audit.ts"
import type { ShopEvent } from "../../../examples/shop/events.ts"
import { fulfilment, paymentDeadline } from "../../../examples/shop/fulfilment.ts"
import { inventory } from "../../../examples/shop/inventory/inventory.ts"
import { order } from "../../../examples/shop/order/order.ts"
import { payment } from "../../../examples/shop/payment/payment.ts"
import { randomOf } from "../../../examples/shop/random.ts"
import { shipment } from "../../../examples/shop/shipping/shipment.ts"

type Manager = typeof fulfilment
type Action = ReturnType<Manager["react"]>[number]
type Send = Extract<Action, { readonly _tag: "Send" }>
type Input = Parameters<Manager["evolve"]>[1]

const deciders = { order, inventory, payment, shipment }
type Category = keyof typeof deciders
type Command = Decider.Command<(typeof deciders)[Category]>
const categoryOf = { orders: "order", stock: "inventory", payments: "payment", shipments: "shipment" } as const

type Heard = Parameters<Manager["instanceOf"]>[0]
const heard: ReadonlyArray<string> = fulfilment.events.types
const isHeard = (event: ShopEvent): event is Heard => heard.includes(event._tag)

const skus = ["tea", "cup", "pot"]

interface Instance {
  readonly id: string
  state: Manager["initial"]
  /** Events that it has not heard of. */
  readonly unheard: Array<Extract<Input, { readonly _tag: "Event" }>>
  readonly outcomes: Array<Input>
  readonly outbox: Array<Send>
  due: DateTime.Utc | undefined
}

export interface Day {
  readonly facts: ReadonlyArray<Fact>
  readonly until: DateTime.Utc
  /** What the process has answered, and in which states. */
  readonly handled: ReadonlySet<string>
  /** Instances that are not over. */
  readonly unfinished: ReadonlyArray<string>
}

/** One day of so many orders. With another manager, it is that one's day. */
export const playDay = (seed: number, orders: number, manager: Manager = fulfilment): Day => {
  const random = randomOf(seed)
  const below = (n: number) => Math.floor(random() * n)
  const pick = <A>(all: ReadonlyArray<A>): A => all[below(all.length)]!

  let now = DateTime.makeUnsafe("2026-01-05T08:00:00Z")
  const facts: Array<Fact> = []
  const states = new Map<string, unknown>()
  const versions = new Map<string, number>()
  const instances = new Map<string, Instance>()
  const handled = new Set<string>()
  /** What the gateway and the carrier have been asked for and have not done, in the order of each stream. */
  const asked: Array<Fact> = []
  const booked: Array<string> = []
  const underWay: Array<string> = []

  const instanceOf = (id: string): Instance => {
    const known = instances.get(id)
    if (known !== undefined) return known
    const fresh: Instance = { id, state: manager.initial, unheard: [], outcomes: [], outbox: [], due: undefined }
    instances.set(id, fresh)
    return fresh
  }

  const record = (category: Category, id: string, event: ShopEvent) => {
    const stream = `${category}-${id}` as const
    const decider: Decider.Any = deciders[category]
    states.set(stream, decider.evolve(states.has(stream) ? states.get(stream) : decider.initial, event))
    const version = (versions.get(stream) ?? 0) + 1
    versions.set(stream, version)
    const position = facts.length + 1
    const fact: Fact = { event, id, position, at: now }
    facts.push(fact)
    if (/^(PaymentSubmitted|RefundRequested|ShipmentRequested)$/.test(event._tag)) asked.push(fact)
    const recorded: RecordedEvent.RecordedEvent = {
      id: String(position),
      type: event._tag,
      schemaVersion: 1,
      stream,
      version,
      position,
      recordedAt: now,
      data: {},
      tags: [],
      metadata: {}
    }
    if (!isHeard(event)) return
    const instance = manager.instanceOf(event, recorded)
    if (instance !== undefined) instanceOf(instance).unheard.push({ _tag: "Event", event, recorded })
  }

  const execute = (category: Category, id: string, command: Command) => {
    const decider: Decider.Any = deciders[category]
    const stream = `${category}-${id}`
    const context = Decider.context({ now, commandId: `${facts.length}` })
    const decided: Result.Result<ReadonlyArray<ShopEvent>, unknown> = decider.decide(
      command,
      states.has(stream) ? states.get(stream) : decider.initial,
      context
    )
    if (Result.isSuccess(decided)) for (const event of decided.success) record(category, id, event)
    return decided
  }

  const isOver = (instance: Instance) => manager.isTerminal(instance.state)

  const handle = (instance: Instance, input: Input, at: DateTime.Utc) => {
    const context = { instance: instance.id, now: at }
    const { state } = instance
    instance.state = manager.evolve(state, input, context)
    for (const action of manager.react(instance.state, input, { ...context, before: state })) {
      if (action._tag === "Send") instance.outbox.push(action)
      else instance.due = action._tag === "Schedule" ? action.at : undefined
    }
    if (isOver(instance)) instance.due = undefined
    if (input._tag === "Executed") return
    const what =
      input._tag === "Event"
        ? input.event._tag
        : input._tag === "Elapsed"
          ? "Deadline elapsed"
          : `${input.command._tag} rejected`
    handled.add(`${what} in ${state._tag}`)
  }

  const dispatch = (instance: Instance) => {
    const { command, id, to } = instance.outbox.shift()!
    const category = categoryOf[to]
    // Now and then it is sent twice: the rules do not mind.
    if (random() < 0.1) execute(category, id, command)
    const decided = execute(category, id, command)
    const outcome = Result.isSuccess(decided)
      ? { _tag: "Executed", to, id, command, events: decided.success }
      : { _tag: "Rejected", to, id, command, rejection: decided.failure }
    instance.outcomes.push(outcome as Input)
  }

  /** A timer waits for the events that were recorded before it was due. */
  const isDue = ({ due, unheard }: Instance) =>
    due !== undefined &&
    DateTime.isLessThanOrEqualTo(due, now) &&
    !unheard.some(({ recorded }) => DateTime.isLessThanOrEqualTo(recorded.recordedAt, due))

  const place = (id: string) => {
    const lines = skus.filter(() => random() < 0.6).map((sku) => ({ sku, quantity: 1 + below(3) }))
    const ordered = lines.length > 0 ? lines : [{ sku: pick(skus), quantity: 1 }]
    execute("order", id, { _tag: "Place", customer: `customer of ${id}`, lines: ordered, total: 100 * (1 + below(9)) })
  }

  const answer = () => {
    const index = below(asked.length)
    const { event, id } = asked.splice(index, 1)[0]!
    if (event._tag === "PaymentSubmitted") {
      const { amount } = event
      record("payment", id, random() < 0.75 ? { _tag: "PaymentCaptured", amount } : { _tag: "PaymentDeclined" })
    }
    if (event._tag === "RefundRequested") record("payment", id, { _tag: "PaymentRefunded", amount: event.amount })
    if (event._tag === "ShipmentRequested") {
      record("shipment", id, { _tag: "ShipmentBooked", tracking: `t-${id}` })
      booked.push(id)
    }
  }

  const collect = () => {
    const id = booked.splice(below(booked.length), 1)[0]!
    if (Result.isSuccess(execute("shipment", id, { _tag: "Dispatch" }))) underWay.push(id)
  }

  const deliver = () => {
    execute("shipment", underWay.splice(below(underWay.length), 1)[0]!, { _tag: "Deliver" })
  }

  for (const sku of skus) execute("inventory", sku, { _tag: "Receive", quantity: 1 + below(2 * orders) })
  const ids = Array.from({ length: orders }, (_, n) => `o${n}`)
  let placed = 0

  const waiting = (those: (one: Instance) => boolean, act: (one: Instance) => void): ReadonlyArray<() => void> => {
    const found = Array.from(instances.values()).filter(those)
    return found.length > 0 ? [() => act(pick(found))] : []
  }

  /** What the shop could do next. */
  const moves = () => [
    ...waiting(
      ({ unheard }) => unheard.length > 0,
      (one) => {
        const input = one.unheard.shift()!
        handle(one, input, input.recorded.recordedAt)
      }
    ),
    ...waiting(
      ({ outcomes }) => outcomes.length > 0,
      (one) => handle(one, one.outcomes.shift()!, now)
    ),
    ...waiting(({ outbox }) => outbox.length > 0, dispatch),
    ...waiting(isDue, (one) => {
      const at = one.due!
      one.due = undefined
      handle(one, { _tag: "Elapsed", timer: "payment", at }, now)
    })
  ]

  /** What the gateway and the carrier could. */
  const answers = () => [
    ...(asked.length > 0 ? [answer] : []),
    ...(booked.length > 0 ? [collect] : []),
    ...(underWay.length > 0 ? [deliver] : [])
  ]

  /** What people could, who do not know what they do: most of it is refused. */
  const whims = (): ReadonlyArray<() => void> => [
    () => void (placed < orders && place(ids[placed++]!)),
    () => void execute("payment", pick(ids), { _tag: "Pay", card: "visa" }),
    () => void (random() < 0.3 && execute("order", pick(ids), { _tag: "RequestCancellation" })),
    () => {
      // A parcel is damaged in the house.
      const id = pick(ids)
      if (random() < 0.1 && states.has(`shipment-${id}`)) execute("shipment", id, { _tag: "Cancel" })
    },
    () => (now = DateTime.addDuration(now, Duration.seconds(below(300))))
  ]

  const eagerness = 0.3 + 0.6 * random()
  const speed = 0.3 + 0.6 * random()
  for (let step = 0; step < orders * 80; step++) {
    const next = random() < eagerness ? moves() : random() < speed ? answers() : whims()
    if (next.length > 0) pick(next)()
  }
  // Everybody has gone home, and what has been begun is done.
  for (let next = [...moves(), ...answers()]; ; next = [...moves(), ...answers()]) {
    if (next.length > 0) pick(next)()
    else if (Array.from(instances.values()).some(({ due }) => due !== undefined)) {
      now = DateTime.addDuration(now, paymentDeadline)
    } else break
  }
  const unfinished = Array.from(instances.values()).flatMap((one) =>
    isOver(one) ? [] : [`${one.id} is ${JSON.stringify(one.state)}`]
  )
  return { facts, until: now, handled, unfinished }
}
