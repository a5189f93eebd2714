/** What has been frozen here, with all that is in it. */
const walked = new WeakSet<object>()

/**
 * Freezes a value as deep as it is made of plain objects and arrays. What classes make is left alone: it looks after itself, and
 * some of it caches inside.
 */
export const deepFreeze = <A>(value: A): A => {
  // No recursion: stored data may be nested deeper than the stack is.
  const rest: Array<unknown> = [value]
  while (rest.length > 0) {
    const one = rest.pop()
    // What others have frozen need not be frozen inside.
    if (typeof one !== "object" || one === null || walked.has(one)) continue
    const prototype: unknown = Object.getPrototypeOf(one)
    if (!Array.isArray(one) && prototype !== Object.prototype && prototype !== null) continue
    walked.add(one)
    Object.freeze(one)
    for (const member of Object.values(one)) rest.push(member)
  }
  return value
}
