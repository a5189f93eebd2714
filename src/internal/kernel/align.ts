/**
 * Which elements of two arrays correspond, when they are told apart by numbers: the shortest list of removals and insertions (E. Myers,
 * "An O(ND) Difference Algorithm and Its Variations"), found only as long as it is short.
 */

/** From `start` up to, but not including, `end`. */
interface Range {
  readonly start: number
  readonly end: number
}

/** What stands between elements that correspond: elements of the first array, of the second, or of both. */
export interface Gap {
  readonly left: Range
  readonly right: Range
}

/** An element of the first array and the one of the second that it has become. */
export type Pair = readonly [left: number, right: number]

/**
 * The most removals and insertions that are looked for. It bounds the work to this many steps an element, and the memory to a million
 * numbers.
 */
const mostEdits = 1000

/** The most pairs that are looked at to find the ones that are most alike. */
const mostPairs = 10_000

/**
 * The gaps between what corresponds, from the front. Arrays that differ in more than the edits that are looked for have one gap, from where
 * they first differ to where they last do.
 */
export const align = (left: ReadonlyArray<number>, right: ReadonlyArray<number>): ReadonlyArray<Gap> => {
  const shorter = Math.min(left.length, right.length)
  let start = 0
  while (start < shorter && left[start] === right[start]) start++
  let common = 0
  while (common < shorter - start && left[left.length - 1 - common] === right[right.length - 1 - common]) common++
  const end = { left: left.length - common, right: right.length - common }
  if (start === end.left && start === end.right) return []
  const whole = [{ left: { start, end: end.left }, right: { start, end: end.right } }]
  if (start === end.left || start === end.right) return whole
  const pairs = correspondence(left.slice(start, end.left), right.slice(start, end.right))
  if (pairs === undefined) return whole
  const gaps: Array<Gap> = []
  let i = start
  let j = start
  for (const [nextLeft, nextRight] of [...pairs, [end.left - start, end.right - start] as const]) {
    const next = { left: nextLeft + start, right: nextRight + start }
    if (i < next.left || j < next.right) {
      gaps.push({ left: { start: i, end: next.left }, right: { start: j, end: next.right } })
    }
    i = next.left + 1
    j = next.right + 1
  }
  return gaps
}

/** The pairs of indices of a longest common subsequence, or `undefined` when too much else stands between. */
const correspondence = (left: ReadonlyArray<number>, right: ReadonlyArray<number>): ReadonlyArray<Pair> | undefined => {
  const [n, m] = [left.length, right.length]
  const most = Math.min(n + m, mostEdits)
  // How far each diagonal k = x - y can be followed with the edits so far, at index `most + 1 + k`.
  const reach = new Int32Array(2 * most + 3)
  const middle = most + 1
  const isDown = (reach: Int32Array, offset: number, k: number, edits: number): boolean =>
    k === -edits || (k !== edits && reach[offset + k - 1]! < reach[offset + k + 1]!)
  const steps: Array<Int32Array> = []
  for (let edits = 0; edits <= most; edits++) {
    // The diagonals that the steps of this round start from: -edits to edits.
    steps.push(reach.slice(middle - edits, middle + edits + 1))
    for (let k = -edits; k <= edits; k += 2) {
      let x = isDown(reach, middle, k, edits) ? reach[middle + k + 1]! : reach[middle + k - 1]! + 1
      let y = x - k
      while (x < n && y < m && left[x] === right[y]) {
        x++
        y++
      }
      reach[middle + k] = x
      if (x >= n && y >= m) return walkBack(steps, isDown, n, m)
    }
  }
  return undefined
}

const walkBack = (
  steps: ReadonlyArray<Int32Array>,
  isDown: (reach: Int32Array, offset: number, k: number, edits: number) => boolean,
  n: number,
  m: number
): ReadonlyArray<Pair> => {
  const pairs: Array<Pair> = []
  let [x, y] = [n, m]
  for (let edits = steps.length - 1; edits > 0; edits--) {
    const reach = steps[edits]!
    const k = x - y
    const before = isDown(reach, edits, k, edits) ? k + 1 : k - 1
    const [beforeX, beforeY] = [reach[edits + before]!, reach[edits + before]! - before]
    while (x > beforeX && y > beforeY) pairs.push([--x, --y])
    x = beforeX
    y = beforeY
  }
  while (x > 0 && y > 0) pairs.push([--x, --y])
  return pairs.reverse()
}

/** What a pair counts for, however little alike. */
const anyLikeness = 1e-6

/**
 * Which elements in a gap have become which, in order: those that are most alike, and of those that are nothing alike as many as there can
 * be. `likeness` is from 0 to 1, and squared: one pair that is much alike is better than two that are a little. In a big gap the elements
 * are taken one after the other.
 */
export const pairUp = (
  { left, right }: Gap,
  likeness: (left: number, right: number) => number
): ReadonlyArray<Pair> => {
  const [n, m] = [left.end - left.start, right.end - right.start]
  const count = Math.min(n, m)
  if (n * m > mostPairs) {
    return Array.from({ length: count }, (_, index) => [left.start + index, right.start + index])
  }
  // What all pairs from (i, j) on count for at best, at index i * (m + 1) + j.
  const best = new Float64Array((n + 1) * (m + 1))
  const scores = new Float64Array(n * m)
  for (let i = n - 1; i >= 0; i--) {
    for (let j = m - 1; j >= 0; j--) {
      const alike = likeness(left.start + i, right.start + j)
      const score = alike * alike + anyLikeness + best[(i + 1) * (m + 1) + j + 1]!
      scores[i * m + j] = score
      best[i * (m + 1) + j] = Math.max(score, best[(i + 1) * (m + 1) + j]!, best[i * (m + 1) + j + 1]!)
    }
  }
  const pairs: Array<Pair> = []
  let [i, j] = [0, 0]
  while (i < n && j < m) {
    const here = best[i * (m + 1) + j]!
    if (scores[i * m + j] === here) pairs.push([left.start + i++, right.start + j++])
    else if (best[(i + 1) * (m + 1) + j] === here) i++
    else j++
  }
  return pairs
}
