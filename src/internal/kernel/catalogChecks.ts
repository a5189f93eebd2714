/**
 * What a schema demands that JSON Schema cannot say: checks of its own making, patterns with flags, and what its text is
 * decoded to. Each is a line of text with the path it holds at.
 */
import * as Schema from "effect/Schema"

type Document = ReturnType<typeof Schema.toRepresentation>
type Representation = Document["representation"]
type Check = Exclude<Representation, { readonly _tag: "Reference" }>["checks"][number]

/** Checks that the JSON Schema of a stored form says in full, so that it is enough to compare that. */
const said = new Set(
  [
    "isInt",
    "isFinite",
    "isBetween",
    "isGreaterThan",
    "isGreaterThanOrEqualTo",
    "isLessThan",
    "isLessThanOrEqualTo",
    "isMinLength",
    "isMaxLength",
    "isLengthBetween"
  ].map((name) => `effect/schema/${name}`)
)

const nameOf = ({ id, payload }: { readonly id: string; readonly payload: unknown }): string => {
  const name = id.replace(/^effect\/schema\//, "")
  return payload === null || payload === undefined ? name : `${name} ${JSON.stringify(payload)}`
}

const linesOfCheck = (check: Check, isSaid: (id: string) => boolean): ReadonlyArray<string> => {
  const { representation } = check
  if (representation !== undefined) return isSaid(representation.id) ? [] : [nameOf(representation)]
  if (check._tag === "FilterGroup") return check.checks.flatMap((one) => linesOfCheck(one, isSaid))
  const { expected } = check.annotations ?? {}
  return [typeof expected === "string" ? `a filter: ${expected}` : "a filter"]
}

/** The lines of a representation, in the order of its parts. A type that holds itself is gone through once. */
const linesOf = ({ representation, references }: Document, isSaid: (id: string) => boolean): ReadonlyArray<string> => {
  const lines: Array<string> = []
  const walk = (node: Representation, path: string, within: ReadonlyArray<string>): void => {
    if (node._tag === "Reference") {
      const target = references[node.$ref]
      if (target !== undefined && !within.includes(node.$ref)) walk(target, path, [...within, node.$ref])
      return
    }
    const at = path === "" ? "the whole" : path
    if (node._tag === "Declaration") {
      lines.push(`${at}: ${node.representation === undefined ? "a type of its own" : nameOf(node.representation)}`)
      node.typeParameters.forEach((parameter, index) => walk(parameter, `${path}<${index}>`, within))
    }
    for (const check of node.checks) for (const line of linesOfCheck(check, isSaid)) lines.push(`${at}: ${line}`)
    if (node._tag === "Objects") {
      for (const { name, type } of node.propertySignatures) walk(type, childPath(path, String(name)), within)
      for (const { type } of node.indexSignatures) walk(type, `${path}{}`, within)
    }
    if (node._tag === "Arrays") {
      node.elements.forEach(({ type }, index) => walk(type, `${path}[${index}]`, within))
      for (const type of node.rest) walk(type, `${path}[]`, within)
    }
    if (node._tag === "Union") for (const type of node.types) walk(type, path, within)
    if (node._tag === "Suspend") walk(node.thunk, path, within)
  }
  walk(representation, "", [])
  return lines
}

/** The path of a field within what is at `path`. Where it ends, no name goes on. */
export const childPath = (path: string, field: string): string =>
  !/^[\w$-]+$/.test(field) ? `${path}[${JSON.stringify(field)}]` : path === "" ? field : `${path}.${field}`

/**
 * What must hold of data beside its JSON Schema, in the order of its fields, such as `code: isPattern {…}` and `at: Date`.
 * The body of a check of the user's own is code, and cannot be told: that it is there is all that is said.
 */
export const checksOf = (schema: Schema.Codec<unknown, unknown>): ReadonlyArray<string> => {
  const stored = Schema.toRepresentation(Schema.toCodecJson(schema))
  const isIn = new Set(linesOf(stored, () => false))
  const lines = [
    ...linesOf(stored, (id) => said.has(id)),
    ...linesOf(Schema.toRepresentation(Schema.toType(schema)), () => false).filter((line) => !isIn.has(line))
  ]
  const counts = new Map<string, number>()
  return lines.map((line) => {
    const count = (counts.get(line) ?? 0) + 1
    counts.set(line, count)
    return count === 1 ? line : `${line} (${count})`
  })
}
