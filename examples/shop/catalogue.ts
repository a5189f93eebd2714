/**
 * 1. What the shop sells, and for how much: in cents. An order has the sum as it was when it was placed.
 */
import type { Line } from "./vocabulary.ts"

export const prices: { readonly [sku: string]: number } = {
  tea: 850,
  cup: 1_200,
  pot: 3_900,
  tin: 690,
  spoon: 450,
  kettle: 7_900,
  honey: 980,
  scale: 2_400
}

/** What some goods cost together, or which of them are not sold here. */
export const totalOf = (
  lines: ReadonlyArray<Line>
): { readonly total: number } | { readonly unknown: ReadonlyArray<string> } => {
  const unknown = lines.filter(({ sku }) => !Object.hasOwn(prices, sku)).map(({ sku }) => sku)
  if (unknown.length > 0) return { unknown }
  return { total: lines.reduce((total, { sku, quantity }) => total + quantity * (prices[sku] ?? 0), 0) }
}
