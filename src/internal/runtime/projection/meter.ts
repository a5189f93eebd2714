/**
 * How fast events are handled: events a second, over the last few seconds.
 */
export const makeMeter = (): ((now: number, events: number) => number) => {
  const windowMillis = 5000
  let since = 0
  let count = 0
  let before = 0
  return (now: number, events: number): number => {
    if (now - since >= windowMillis) {
      before = since === 0 ? 0 : (count * 1000) / (now - since)
      since = now
      count = 0
    }
    count += events
    const elapsed = now - since
    return elapsed < 1000 ? Math.max(before, count) : (count * 1000) / elapsed
  }
}
