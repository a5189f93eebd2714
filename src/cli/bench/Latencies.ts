/**
 * How long things took: as many as there are, in memory that does not grow with them.
 *
 * Times are counted in classes, each a hundredth longer than the one before, from a microsecond to more than a quarter of an hour: what is said of them is right to a
 * hundredth. The longest is kept as it is.
 */

const growth = Math.log(1.01)
const leastMillis = 0.001
const classes = Math.ceil(Math.log(1e9) / growth) + 1

/** What is counted. Times are in milliseconds. */
export interface Latencies {
  readonly add: (millis: number) => void
  readonly count: () => number
  /** The time that a share of them took at most, from 0 to 1. Not a number where there is none. */
  readonly quantile: (share: number) => number
  readonly max: () => number
}

export const make = (): Latencies => {
  const counts = new Float64Array(classes)
  let count = 0
  let max = Number.NaN
  return {
    add: (millis) => {
      const place = Math.ceil(Math.log(Math.max(millis, leastMillis) / leastMillis) / growth)
      counts[Math.min(classes - 1, place)]! += 1
      count += 1
      if (!(max >= millis)) max = millis
    },
    count: () => count,
    quantile: (share) => {
      // The same as of all times in a row: the one at this place.
      let left = Math.max(1, Math.ceil(share * count))
      for (let place = 0; place < classes && count > 0; place++) {
        left -= counts[place]!
        if (left <= 0) return Math.min(max, leastMillis * Math.exp(place * growth))
      }
      return Number.NaN
    },
    max: () => max
  }
}
