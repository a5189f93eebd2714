/**
 * What the generations of a projection have handled, as the next one is told it.
 */

/**
 * Positions by partition, for each number of partitions that there was: an event has been handled before when any of these lists
 * covers it. Adds where a generation stood; a list that another one covers as a whole says nothing.
 */
export const withStood = (
  before: ReadonlyArray<ReadonlyArray<number>>,
  stood: ReadonlyArray<number>
): ReadonlyArray<ReadonlyArray<number>> => {
  const same = before.find(({ length }) => length === stood.length)
  const merged = same === undefined ? stood : stood.map((position, i) => Math.max(position, same[i]!))
  const least = Math.min(...merged)
  return [...before.filter((list) => list !== same && Math.max(...list) > least), merged]
}
