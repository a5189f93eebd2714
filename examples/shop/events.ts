/**
 * 9. All that can happen in the shop, for those who read its log as a whole.
 */
import { Event } from "eventfold"
import { InventoryEvent } from "./inventory/events.ts"
import { OrderEvent } from "./order/events.ts"
import { GatewayEvent, PaymentEvent } from "./payment/events.ts"
import { CarrierEvent, ShipmentEvent } from "./shipping/events.ts"

export const ShopEvent = Event.union(
  Event.union(OrderEvent, InventoryEvent),
  Event.union(Event.union(PaymentEvent, GatewayEvent), Event.union(ShipmentEvent, CarrierEvent))
)
export type ShopEvent = typeof ShopEvent.Type
