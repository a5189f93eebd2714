/**
 * 1. Words that all of the shop's domains share. Each domain has its own events and rules; these are only the names of things.
 */
import { Schema } from "effect"

/** The id of an order. Its payment and its shipment bear the same one. */
export const OrderId = Schema.String.check(
  Schema.isPattern(/^[A-Za-z0-9_-]{1,64}$/, { expected: "1 to 64 letters, digits, hyphens or underscores" })
)

/** A kind of goods. */
export const Sku = OrderId

/** A number of pieces. */
export const Quantity = Schema.Int.check(
  Schema.isBetween({ minimum: 1, maximum: 1_000_000 }, { expected: "a whole number from 1 to 1,000,000" })
)

/** An amount of money in minor units, such as cents. */
export const Money = Schema.Int.check(Schema.isGreaterThan(0, { expected: "a whole number, more than 0" }))

/** A name as people write it. */
export const Customer = Schema.String.check(
  Schema.isPattern(/^[^\s\p{Cc}\p{Cs}]([^\p{Cc}\p{Cs}]{0,98}[^\s\p{Cc}\p{Cs}])?$/u, { expected: "a name" })
)

/** So many pieces of something. */
export const Line = Schema.Struct({ sku: Sku, quantity: Quantity })
export type Line = typeof Line.Type

/** Some lines, of different goods. */
export const Lines = Schema.Array(Line).check(
  Schema.isBetweenLength(1, 20, { expected: "1 to 20 lines" }),
  Schema.makeFilter((lines) => new Set(lines.map(({ sku }) => sku)).size === lines.length || "one line for each sku")
)
