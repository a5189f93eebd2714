/**
 * 6. Specs of the fulfilment: what the shop does about everything that can happen to an order. The README has the same as a table.
 */
import { describe, it } from "@effect/vitest"
import type { Effect } from "effect"
import { ProcessManager, type StreamName } from "eventfold"
import { Spec } from "eventfold/testing"
import { fulfilment } from "./fulfilment.ts"
import type { CancelReason } from "./order/events.ts"
import { OutOfStock } from "./inventory/inventory.ts"
import { PaymentAlreadyMade, PaymentUnderWay } from "./payment/payment.ts"
import { ShipmentOnItsWay } from "./shipping/shipment.ts"

const { send } = ProcessManager
const { given } = Spec.process(fulfilment)
const rule = (name: string, spec: Effect.Effect<void, Spec.SpecFailure>) => it.effect(name, () => spec)

// Ada orders two teas and a pot.
const tea = { sku: "tea", quantity: 2 }
const pot = { sku: "pot", quantity: 1 }
const ordered = { customer: "Ada", lines: [tea, pot], total: 4_900 }

type Heard = typeof fulfilment.events.Type

const happened = (stream: StreamName.StreamName) => (event: Heard) => Spec.recorded(event, { stream })
const order = happened("order-o1")
const payment = happened("payment-o1")
const shipment = happened("shipment-o1")

const placed = order({ _tag: "OrderPlaced", ...ordered })
const cancellationRequested = order({ _tag: "CancellationRequested" })
const cancelled = (reason: CancelReason) => order({ _tag: "OrderCancelled", reason })
const fulfilled = order({ _tag: "OrderFulfilled" })
const teaReserved = happened("inventory-tea")({ _tag: "StockReserved", orderId: "o1", quantity: 2 })
const potReserved = happened("inventory-pot")({ _tag: "StockReserved", orderId: "o1", quantity: 1 })
const captured = payment({ _tag: "PaymentCaptured", amount: 4_900 })
const declined = payment({ _tag: "PaymentDeclined" })
const withdrawn = payment({ _tag: "PaymentWithdrawn" })
const refunded = payment({ _tag: "PaymentRefunded", amount: 4_900 })
const stopped = shipment({ _tag: "ShipmentCancelled" })
const dispatched = shipment({ _tag: "ShipmentDispatched" })
const delivered = shipment({ _tag: "ShipmentDelivered" })

const reserveTea = send("stock", "tea", { _tag: "Reserve", orderId: "o1", quantity: 2 })
const reservePot = send("stock", "pot", { _tag: "Reserve", orderId: "o1", quantity: 1 })
const releaseTea = send("stock", "tea", { _tag: "Release", orderId: "o1" })
const releasePot = send("stock", "pot", { _tag: "Release", orderId: "o1" })
const takeTea = send("stock", "tea", { _tag: "Take", orderId: "o1" })
const takePot = send("stock", "pot", { _tag: "Take", orderId: "o1" })
const requestPayment = send("payments", "o1", { _tag: "Request", amount: 4_900 })
const withdraw = send("payments", "o1", { _tag: "Withdraw" })
const refund = send("payments", "o1", { _tag: "Refund" })
const ship = send("shipments", "o1", { _tag: "Request", to: "Ada", lines: [tea, pot] })
const stop = send("shipments", "o1", { _tag: "Cancel" })
const cancel = (reason: CancelReason) => send("orders", "o1", { _tag: "Cancel", reason })
const refuse = send("orders", "o1", { _tag: "RefuseCancellation" })
const fulfil = send("orders", "o1", { _tag: "Fulfil" })

const reserved = [placed, teaReserved, potReserved]
const paid = [...reserved, captured]

describe("an order that all goes well with", () => {
  rule("has its goods reserved", given([]).when(placed).then([reserveTea, reservePot]))
  rule("waits for all of them", given([placed]).when(potReserved).thenNothing())
  rule(
    "is then to be paid, within 15 minutes",
    given([placed, potReserved]).when(teaReserved).then([requestPayment]).thenTimer("payment", "15 minutes")
  )
  rule(
    "is shipped once it is paid, and its customer has all the time in the world",
    given(reserved).when(captured).then([ship]).thenNoTimer("payment")
  )
  rule("takes its goods along", given(paid).when(dispatched).then([takeTea, takePot]))
  rule(
    "is fulfilled when it is delivered",
    given([...paid, dispatched])
      .when(delivered)
      .then([fulfil])
  )
  rule(
    "and over when it says so",
    given([...paid, dispatched, delivered])
      .when(fulfilled)
      .thenNothing()
      .thenEnded()
  )
})

describe("goods that are not there", () => {
  const rejected = new OutOfStock({ available: 0 })
  const short = given([placed]).whenRejected("stock", "pot", reservePot.command, rejected)
  rule("cancel the order, and the others are given back", short.then([releaseTea, cancel("OutOfStock")]))
  rule(
    "of which there may be several",
    short
      .then([releaseTea, cancel("OutOfStock")])
      .whenRejected("stock", "tea", reserveTea.command, rejected)
      .thenNothing()
  )
  rule(
    "others that were reserved meanwhile are given back already",
    short.thenNoTimer("payment").when(teaReserved).thenNothing()
  )
  rule("that is the end of it", short.thenNoTimer("payment").when(cancelled("OutOfStock")).thenEnded())
})

describe("a payment that does not come", () => {
  const late = given(reserved).elapse("15 minutes")
  const calledOff = late.then([withdraw, releaseTea, releasePot, cancel("PaymentOverdue")])
  rule("is not missed a moment before", given(reserved).elapse("899 seconds").thenNothing())
  rule("is not waited for any longer: the goods are given back, and the order is cancelled", calledOff)
  rule(
    "is over when the payment is withdrawn and the order is cancelled",
    calledOff.when(withdrawn).thenNothing().when(cancelled("PaymentOverdue")).thenEnded()
  )
  rule(
    "and may be with the gateway, so the order waits for that, cancelled as it is",
    calledOff
      .whenRejected("payments", "o1", withdraw.command, new PaymentUnderWay())
      .thenNothing()
      .when(cancelled("PaymentOverdue"))
      .thenNothing()
      .when(declined)
      .thenEnded()
  )
  rule(
    "what comes in after all is given back",
    calledOff
      .whenRejected("payments", "o1", withdraw.command, new PaymentAlreadyMade())
      .thenNothing()
      .when(cancelled("PaymentOverdue"))
      .thenNothing()
      .when(captured)
      .then([refund])
      .when(refunded)
      .thenEnded()
  )
})

describe("a card that is declined", () => {
  const nope = given(reserved).when(declined)
  rule(
    "cancels the order, and the goods are given back",
    nope.then([releaseTea, releasePot, cancel("PaymentDeclined")]).thenNoTimer("payment")
  )
  rule("that is the end of it", nope.thenNoTimer("payment").when(cancelled("PaymentDeclined")).thenEnded())
})

describe("a customer who changes their mind", () => {
  rule(
    "while goods are reserved, gets rid of the order",
    given([placed, teaReserved])
      .when(cancellationRequested)
      .then([releaseTea, releasePot, cancel("ByCustomer")])
      .when(potReserved)
      .thenNothing()
      .when(cancelled("ByCustomer"))
      .thenEnded()
  )
  rule(
    "and hears nothing of goods that were not there",
    given([placed, cancellationRequested])
      .whenRejected("stock", "tea", reserveTea.command, new OutOfStock({ available: 1 }))
      .thenNothing()
  )
  rule(
    "before paying, is not asked for money any more",
    given(reserved)
      .when(cancellationRequested)
      .then([withdraw, releaseTea, releasePot, cancel("ByCustomer")])
      .thenNoTimer("payment")
      .when(withdrawn)
      .thenNothing()
      .when(cancelled("ByCustomer"))
      .thenEnded()
  )
  rule(
    "while paying, gets the money back",
    given([...reserved, cancellationRequested])
      .when(captured)
      .then([refund])
  )

  const stopping = given(paid).when(cancellationRequested)
  rule("after paying, has the parcel stopped", stopping.then([stop]))
  rule(
    "and gets the money back, if it could be",
    stopping
      .then([stop])
      .when(stopped)
      .then([refund, releaseTea, releasePot, cancel("ByCustomer")])
      .when(cancelled("ByCustomer"))
      .thenNothing()
      .when(refunded)
      .thenEnded()
  )
  const tooLate = new ShipmentOnItsWay()
  rule(
    "or is told no, if it could not: it is delivered as ordered",
    stopping
      .whenRejected("shipments", "o1", stop.command, tooLate)
      .then([refuse])
      .when(dispatched)
      .then([takeTea, takePot])
      .when(delivered)
      .then([fulfil])
      .when(fulfilled)
      .thenEnded()
  )
  rule(
    "whichever of the two is heard of first",
    stopping
      .then([stop])
      .when(dispatched)
      .then([takeTea, takePot])
      .whenRejected("shipments", "o1", stop.command, tooLate)
      .then([refuse])
  )
  rule(
    "is told no at once when it is on its way",
    given([...paid, dispatched])
      .when(cancellationRequested)
      .then([refuse])
  )
  rule(
    "is answered by the order itself when it is delivered",
    given([...paid, dispatched, delivered])
      .when(cancellationRequested)
      .thenNothing()
  )
  rule(
    "has what they want when it is called off for another reason",
    given([...reserved, declined])
      .when(cancellationRequested)
      .thenNothing()
  )
})

describe("a parcel that is damaged in the house", () => {
  rule(
    "is not sent: the money is given back",
    given(paid)
      .when(stopped)
      .then([refund, releaseTea, releasePot, cancel("NotShippable")])
  )
})

describe("what is done by hand", () => {
  rule("ends the process with the order", given(reserved).when(cancelled("ByCustomer")).then([]).thenEnded())
  rule(
    "whatever its state",
    given([...paid, dispatched])
      .when(fulfilled)
      .thenNothing()
      .thenEnded()
  )
  rule(
    "a payment that nobody is to make cancels the order",
    given(reserved)
      .when(withdrawn)
      .then([releaseTea, releasePot, cancel("PaymentDeclined")])
  )
  rule("what happens without an order is nobody's concern", given([]).when(captured).thenNothing())
})

describe("an order that was under way before there was this process", () => {
  rule("has reserved what is not reserved", given([placed, teaReserved]).resume().then([reservePot]))
  rule(
    "is to be paid, and has 15 minutes from now",
    given(reserved).elapse("5 minutes").resume().then([requestPayment]).thenTimer("payment", "15 minutes")
  )
  rule("is shipped", given(paid).resume().then([ship]))
  rule(
    "is stopped",
    given([...paid, cancellationRequested])
      .resume()
      .then([stop])
  )
  rule(
    "takes its goods along, and answers who asked meanwhile",
    given([...paid, dispatched])
      .resume()
      .then([takeTea, takePot, refuse])
  )
  rule(
    "is fulfilled",
    given([...paid, dispatched, delivered])
      .resume()
      .then([takeTea, takePot, fulfil])
  )
  rule(
    "is called off, and whoever has paid gets the money back",
    given([...reserved, cancellationRequested])
      .resume()
      .then([withdraw, refund, releaseTea, releasePot, cancel("ByCustomer")])
  )
  rule(
    "and is left alone when it is over",
    given([...paid, dispatched, delivered, fulfilled])
      .resume()
      .then([])
  )
})
