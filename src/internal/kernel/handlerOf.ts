/**
 * The handler of a tag. Which handler belongs to which tag is known to the types of the builders alone; here every handler is alike.
 */
export const handlerOf = (name: string, handlers: object, tagged: { readonly _tag: string }) => {
  const byTag = handlers as Record<string, (...args: ReadonlyArray<unknown>) => never>
  const handler = Object.hasOwn(handlers, tagged._tag) ? byTag[tagged._tag] : undefined
  if (handler === undefined) throw new Error(`${name} has no handler for ${tagged._tag}`)
  return handler
}
