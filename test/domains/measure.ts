/**
 * Measures a program by its text and its syntax tree.
 */
import { Predicate } from "effect"
import { parseAst } from "vitest/node"

/** What a program is made of. */
export interface Measure {
  /** Without blank lines and comments. */
  readonly lines: number
  /** Of those lines, without white space. */
  readonly characters: number
  /** Types given between angle brackets, where something is used. */
  readonly typeArguments: number
  /** Types written after parameters, variables, fields of classes, and parameter lists. */
  readonly annotations: number
  /** `type` and `interface`. */
  readonly declarations: number
  /** `as X`, `<X>x`, `x!`; not `as const`. */
  readonly casts: number
  readonly asConst: number
}

export const nothing: Measure = {
  lines: 0,
  characters: 0,
  typeArguments: 0,
  annotations: 0,
  declarations: 0,
  casts: 0,
  asConst: 0
}

export const sum = (a: Measure, b: Measure): Measure => ({
  lines: a.lines + b.lines,
  characters: a.characters + b.characters,
  typeArguments: a.typeArguments + b.typeArguments,
  annotations: a.annotations + b.annotations,
  declarations: a.declarations + b.declarations,
  casts: a.casts + b.casts,
  asConst: a.asConst + b.asConst
})

const typeOf = (node: object): string | undefined =>
  Predicate.hasProperty(node, "type") && typeof node.type === "string" ? node.type : undefined

const isConst = (node: object): boolean => {
  const annotation = Predicate.hasProperty(node, "typeAnnotation") ? node.typeAnnotation : undefined
  const name = Predicate.hasProperty(annotation, "typeName") ? annotation.typeName : undefined
  return Predicate.hasProperty(name, "name") && name.name === "const"
}

const visit = (node: unknown, inType: boolean, found: (of: keyof Measure, count?: number) => void): void => {
  if (Array.isArray(node)) for (const member of node) visit(member, inType, found)
  if (!Predicate.isObject(node) || Array.isArray(node)) return
  const type = typeOf(node)
  if (type === "TSTypeParameterInstantiation" && Predicate.hasProperty(node, "params") && Array.isArray(node.params)) {
    found("typeArguments", node.params.length)
  }
  if (type === "TSTypeAnnotation" && !inType) found("annotations")
  if (type === "TSTypeAliasDeclaration" || type === "TSInterfaceDeclaration") found("declarations")
  if (type === "TSAsExpression") found(isConst(node) ? "asConst" : "casts")
  if (type === "TSTypeAssertion" || type === "TSNonNullExpression") found("casts")
  // Within a type, an annotation is a field of what is defined.
  const within = inType || (type?.startsWith("TSType") ?? false) || type === "TSInterfaceBody"
  for (const child of Object.values(node)) visit(child, within, found)
}

const isCode = (line: string): boolean => !/^\s*(?:$|\/\/|\/?\*)/.test(line)

/** Measures the text of a file. */
export const measure = (source: string): Measure => {
  const code = source.split("\n").filter(isCode)
  const counts = { ...nothing, lines: code.length, characters: code.join("").replaceAll(/\s/g, "").length }
  visit(parseAst(source, { lang: "ts", astType: "ts" }), false, (of, count = 1) => (counts[of] += count))
  return counts
}
