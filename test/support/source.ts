/**
 * Reads TypeScript from its syntax tree: what a file imports, what it declares, and what it does by being loaded.
 */
import { Predicate } from "effect"
import { parseAst } from "vitest/node"

/**
 * One place where a file names another: an import, an export from, an `import()` of a value or of a type, a `require`.
 */
export interface Import {
  /** `undefined` when it is computed. */
  readonly specifier: string | undefined
  /** The names taken; `*` stands for all of them. */
  readonly names: ReadonlyArray<string>
  readonly line: number
  /** Where the specifier stands in the text, with its quotes. */
  readonly span: readonly [start: number, end: number]
}

const parse = (source: string) => parseAst(source, { lang: "ts", astType: "ts" })

const at = (node: unknown, ...path: ReadonlyArray<string>): unknown =>
  path.reduce((value: unknown, key) => (Predicate.hasProperty(value, key) ? value[key] : undefined), node)

const textAt = (node: unknown, ...path: ReadonlyArray<string>): string | undefined => {
  const value = at(node, ...path)
  return typeof value === "string" ? value : undefined
}

const numberAt = (node: unknown, key: string): number => {
  const value = at(node, key)
  return typeof value === "number" ? value : 0
}

const listAt = (node: unknown, key: string): ReadonlyArray<unknown> => {
  const value = at(node, key)
  return Array.isArray(value) ? value : []
}

const walk = (node: unknown, visit: (node: object) => void): void => {
  if (Array.isArray(node)) for (const member of node) walk(member, visit)
  else if (Predicate.isObject(node)) {
    visit(node)
    for (const child of Object.values(node)) walk(child, visit)
  }
}

const lineAt = (source: string, offset: number): number => source.slice(0, offset).split("\n").length

const nameOf = (node: unknown): string => textAt(node, "name") ?? textAt(node, "value") ?? "*"

const leftmost = (name: unknown): unknown => (at(name, "left") === undefined ? name : leftmost(at(name, "left")))

/** The specifier's node and the names taken, for a node that names another file. */
const namesAnother = (
  node: object
): { readonly source: unknown; readonly names: ReadonlyArray<string> } | undefined => {
  const source = at(node, "source")
  switch (textAt(node, "type")) {
    case "ImportDeclaration":
      return {
        source,
        names: listAt(node, "specifiers").map((specifier) =>
          textAt(specifier, "type") === "ImportDefaultSpecifier" ? "default" : nameOf(at(specifier, "imported"))
        )
      }
    case "ExportNamedDeclaration":
      return Predicate.isObject(source)
        ? { source, names: listAt(node, "specifiers").map((specifier) => nameOf(at(specifier, "local"))) }
        : undefined
    case "ExportAllDeclaration":
    case "ImportExpression":
      return { source, names: ["*"] }
    case "TSImportType":
      return { source, names: [nameOf(leftmost(at(node, "qualifier")))] }
    case "TSExternalModuleReference":
      return { source: at(node, "expression"), names: ["*"] }
    case "CallExpression":
      return textAt(node, "callee", "name") === "require"
        ? { source: listAt(node, "arguments")[0], names: ["*"] }
        : undefined
    default:
      return undefined
  }
}

const specifierOf = (source: unknown): string | undefined => {
  const quasis = listAt(source, "quasis")
  return textAt(source, "value") ?? (quasis.length === 1 ? textAt(quasis[0], "value", "cooked") : undefined)
}

/**
 * Everything that a file imports, types included, in the order of the text.
 */
export const importsOf = (source: string): ReadonlyArray<Import> => {
  const imports: Array<Import> = []
  walk(parse(source), (node) => {
    const found = namesAnother(node)
    if (found === undefined) return
    imports.push({
      specifier: specifierOf(found.source),
      names: found.names,
      line: lineAt(source, numberAt(node, "start")),
      span: [numberAt(found.source, "start"), numberAt(found.source, "end")]
    })
  })
  return imports.toSorted((a, b) => a.span[0] - b.span[0])
}

/**
 * What the file re-exports as namespaces, and its other statements by their lines.
 */
export const namespacesOf = (
  source: string
): { readonly namespaces: ReadonlyArray<{ name: string; specifier: string }>; readonly others: Array<number> } => {
  const namespaces: Array<{ name: string; specifier: string }> = []
  const others: Array<number> = []
  for (const statement of parse(source).body) {
    const name = statement.type === "ExportAllDeclaration" ? textAt(statement.exported, "name") : undefined
    const specifier = specifierOf(at(statement, "source"))
    if (name !== undefined && specifier !== undefined) namespaces.push({ name, specifier })
    else others.push(lineAt(source, statement.start))
  }
  return { namespaces, others }
}

const passive = new Set<string>([
  "ImportDeclaration",
  "ExportAllDeclaration",
  "ExportNamedDeclaration",
  "ExportDefaultDeclaration",
  "VariableDeclaration",
  "FunctionDeclaration",
  "ClassDeclaration",
  "TSTypeAliasDeclaration",
  "TSInterfaceDeclaration",
  "TSDeclareFunction"
])

/**
 * The lines of the statements that do something when the file is loaded, beside defining what it exports.
 */
export const effectsOf = (source: string): ReadonlyArray<number> => {
  const lines: Array<number> = []
  const program = parse(source)
  for (const statement of program.body) {
    if (!passive.has(statement.type)) lines.push(lineAt(source, statement.start))
    if (statement.type === "ImportDeclaration" && statement.specifiers.length === 0) {
      lines.push(lineAt(source, statement.start))
    }
  }
  walk(program, (node) => {
    if (textAt(node, "type") === "StaticBlock") lines.push(lineAt(source, numberAt(node, "start")))
  })
  return lines
}

/**
 * Whether the file declares values that it does not define, so that it can be compiled but not run.
 */
export const declaresValues = (source: string): boolean =>
  parse(source).body.some((statement) => {
    const declaration = statement.type === "ExportNamedDeclaration" ? statement.declaration : statement
    return at(declaration, "declare") === true && !/TSTypeAlias|TSInterface/.test(textAt(declaration, "type") ?? "")
  })
