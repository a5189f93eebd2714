/**
 * Inventory, 1. Events: what becomes of one kind of goods. Each has a stream of its own.
 */
import { Event } from "eventfold"
import { OrderId, Quantity } from "../vocabulary.ts"

export const InventoryEvent = Event.define({
  StockReceived: { quantity: Quantity },
  StockReserved: { orderId: OrderId, quantity: Quantity },
  /** They can be sold to others again. */
  ReservationReleased: { orderId: OrderId, quantity: Quantity },
  /** They have left the house. */
  StockTaken: { orderId: OrderId, quantity: Quantity }
})
export type InventoryEvent = typeof InventoryEvent.Type
