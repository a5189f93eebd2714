/**
 * Freezes a value as deep as it is made of plain objects and arrays. What classes make is left alone: it looks after itself, and
 * some of it caches inside.
 */
export const deepFreeze = <A>(value: A): A => {
  // No recursion: stored data may be nested deeper than the stack is.
  const rest: Array<unknown> = [value]
  while (rest.length > 0) {
    const one = rest.pop()
    if (typeof one !== "object" || one === null || Object.isFrozen(one)) continue
    const prototype: unknown = Object.getPrototypeOf(one)
    if (!Array.isArray(one) && prototype !== Object.prototype && prototype !== null) continue
    Object.freeze(one)
    for (const member of Object.values(one)) rest.push(member)
  }
  return value
}
