/**
 * Inventory, 2 and 3. State and evolve, commands and decide.
 *
 * What is promised to somebody is reserved: it is still in the house, and is not promised twice. A reservation is settled once, by being
 * released or taken; of one that is settled, or was never made, there is nothing to settle.
 */
import { HashMap, Option, Result, Schema } from "effect"
import { Decider } from "eventfold"
import { OrderId, Quantity } from "../vocabulary.ts"
import { InventoryEvent } from "./events.ts"

const Count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))

export const Inventory = Schema.Struct({
  /** How many are in the house. */
  onHand: Count,
  /** How many of them are promised, by order. */
  reserved: Schema.HashMap(OrderId, Quantity)
})
export type Inventory = typeof Inventory.Type

export const InventoryCommand = Schema.TaggedUnion({
  Receive: { quantity: Quantity },
  Reserve: { orderId: OrderId, quantity: Quantity },
  Release: { orderId: OrderId },
  Take: { orderId: OrderId }
})

export class OutOfStock extends Schema.TaggedError<OutOfStock>()("OutOfStock", { available: Count }) {}
export class NoRoom extends Schema.TaggedError<NoRoom>()("NoRoom", { limit: Schema.Int }) {}

/** How many can be promised. */
export const available = ({ onHand, reserved }: Inventory): number =>
  HashMap.reduce(reserved, onHand, (left, quantity) => left - quantity)

/** The largest number of pieces of one kind that there is room for. */
const limit = 1_000_000_000

export const inventory = Decider.make({
  name: "inventory",
  state: Inventory,
  initial: { onHand: 0, reserved: HashMap.empty() },
  commands: InventoryCommand,
  events: InventoryEvent
})
  .evolve({
    StockReceived: (stock, { quantity }) => ({ ...stock, onHand: stock.onHand + quantity }),
    StockReserved: (stock, { orderId, quantity }) => ({
      ...stock,
      reserved: HashMap.set(stock.reserved, orderId, quantity)
    }),
    ReservationReleased: (stock, { orderId }) => ({ ...stock, reserved: HashMap.remove(stock.reserved, orderId) }),
    StockTaken: (stock, { orderId, quantity }) => ({
      onHand: stock.onHand - quantity,
      reserved: HashMap.remove(stock.reserved, orderId)
    })
  })
  .decide({
    Receive: ({ quantity }, { onHand }) =>
      quantity > limit - onHand ? Result.fail(new NoRoom({ limit })) : [{ _tag: "StockReceived", quantity }],
    Reserve: ({ orderId, quantity }, stock) => {
      if (HashMap.has(stock.reserved, orderId)) return []
      const left = available(stock)
      return quantity > left
        ? Result.fail(new OutOfStock({ available: left }))
        : [{ _tag: "StockReserved", orderId, quantity }]
    },
    Release: ({ orderId }, { reserved }) =>
      Option.match(HashMap.get(reserved, orderId), {
        onNone: () => [],
        onSome: (quantity) => [{ _tag: "ReservationReleased", orderId, quantity }]
      }),
    Take: ({ orderId }, { reserved }) =>
      Option.match(HashMap.get(reserved, orderId), {
        onNone: () => [],
        onSome: (quantity) => [{ _tag: "StockTaken", orderId, quantity }]
      })
  })
