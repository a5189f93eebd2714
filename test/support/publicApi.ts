/**
 * What the package exports, and what of it no docstring explains: read from the syntax trees of its sources, as nothing
 * but the text has docstrings.
 */
import { dirname, join } from "node:path/posix"
import { Predicate } from "effect"
import { parseAst } from "vitest/node"

/** Sources by their paths from `src`. */
export type Sources = Readonly<Record<string, string>>

/** A module that the package exports, and how a user imports it. */
export interface PublicModule {
  /** From `src`. */
  readonly path: string
  /** As a namespace of its entry point. */
  readonly name: string
  /** What stands after the package's name where it is imported: nothing, or `/memory`. */
  readonly entry: string
}

/** A declaration that the package exports. */
export interface Exported {
  readonly module: PublicModule
  readonly name: string
  /** Where it is declared, which may be in an internal file. */
  readonly path: string
  /** The text of its docstring, of the first one where it has several, with its tags. */
  readonly docstring: string
}

interface Node {
  readonly type: string
  readonly start: number
  readonly end: number
  readonly [key: string]: unknown
}

const isNode = (value: unknown): value is Node =>
  Predicate.hasProperty(value, "type") && typeof value.type === "string" && Predicate.hasProperty(value, "start")

const nodeAt = (node: Node, ...path: ReadonlyArray<string>): Node | undefined => {
  const found = path.reduce((value: unknown, key) => (Predicate.hasProperty(value, key) ? value[key] : undefined), node)
  return isNode(found) ? found : undefined
}

const nodesAt = (node: Node | undefined, key: string): ReadonlyArray<Node> => {
  const value = node?.[key]
  return Array.isArray(value) ? value.filter(isNode) : []
}

const nameOf = (node: Node | undefined): string => {
  const name = node?.["name"] ?? node?.["value"]
  return typeof name === "string" ? name : ""
}

const childrenOf = (node: Node): ReadonlyArray<Node> =>
  Object.values(node).flatMap((child) => (Array.isArray(child) ? child.filter(isNode) : isNode(child) ? [child] : []))

/** Walks down to where `enter` says no. */
const walk = (node: Node, enter: (node: Node) => boolean): void => {
  if (enter(node)) for (const child of childrenOf(node)) walk(child, enter)
}

interface Declared {
  /** What a docstring stands before. */
  readonly statement: Node
  readonly declaration: Node
}

interface File {
  readonly path: string
  readonly text: string
  readonly declared: ReadonlyMap<string, ReadonlyArray<Declared>>
  /** Names that stand for those of other files. */
  readonly imported: ReadonlyMap<string, { readonly from: string; readonly name: string }>
  readonly exported: ReadonlyMap<string, { readonly from?: string; readonly name: string }>
  readonly namespaces: ReadonlyArray<{ readonly name: string; readonly from: string }>
}

const read = (path: string, text: string): File => {
  const declared = new Map<string, Array<Declared>>()
  const imported = new Map<string, { from: string; name: string }>()
  const exported = new Map<string, { from?: string; name: string }>()
  const namespaces: Array<{ name: string; from: string }> = []
  const fromOf = (node: Node) => {
    const specifier = nameOf(nodeAt(node, "source"))
    return specifier.startsWith(".") ? join(dirname(path), specifier) : undefined
  }
  const declare = (statement: Node, declaration: Node, isExported: boolean) => {
    const named =
      declaration.type === "VariableDeclaration"
        ? nodesAt(declaration, "declarations").map((one) => ({ name: nameOf(nodeAt(one, "id")), declaration: one }))
        : [{ name: nameOf(nodeAt(declaration, "id")), declaration }]
    for (const one of named) {
      if (one.name === "") continue
      declared.set(one.name, [...(declared.get(one.name) ?? []), { statement, declaration: one.declaration }])
      if (isExported) exported.set(one.name, { name: one.name })
    }
  }
  const program: unknown = parseAst(text, { lang: "ts", astType: "ts" })
  for (const statement of isNode(program) ? nodesAt(program, "body") : []) {
    const from = fromOf(statement)
    const declaration = nodeAt(statement, "declaration")
    if (statement.type === "ImportDeclaration") {
      for (const one of nodesAt(statement, "specifiers")) {
        const name = nameOf(nodeAt(one, "imported"))
        if (from !== undefined && name !== "") imported.set(nameOf(nodeAt(one, "local")), { from, name })
      }
    } else if (statement.type === "ExportAllDeclaration") {
      const name = nameOf(nodeAt(statement, "exported"))
      if (from !== undefined) namespaces.push({ name, from })
    } else if (statement.type === "ExportNamedDeclaration" && declaration === undefined) {
      for (const one of nodesAt(statement, "specifiers")) {
        const name = nameOf(nodeAt(one, "local"))
        exported.set(nameOf(nodeAt(one, "exported")), from === undefined ? { name } : { name, from })
      }
    } else if (declaration !== undefined) declare(statement, declaration, true)
    else declare(statement, statement, false)
  }
  return { path, text, declared, imported, exported, namespaces }
}

const lineAt = (text: string, offset: number): number => text.slice(0, offset).split("\n").length

/** The text of the docstring that stands before an offset, or `undefined`. */
const docstringBefore = (text: string, offset: number): string | undefined => {
  let before = text.slice(0, offset).trimEnd()
  // Between a docstring and what it is of there may be directives to a linter.
  for (
    let line = /(?:^|\n)[ \t]*\/\/[^\n]*$/.exec(before);
    line !== null;
    line = /(?:^|\n)[ \t]*\/\/[^\n]*$/.exec(before)
  ) {
    before = before.slice(0, line.index).trimEnd()
  }
  if (!before.endsWith("*/")) return undefined
  const comment = before.slice(before.lastIndexOf("/*"))
  if (!comment.startsWith("/**")) return undefined
  const said = comment
    .slice(3, -2)
    .replaceAll(/^\s*\* ?/gm, "")
    .trim()
  return said === "" || said.startsWith("@") ? undefined : said
}

/** What needs no words: the tag of a union's member, and what every error and every class has. */
const saysItself = (name: string): boolean => name === "_tag" || name === "message" || name === "constructor"

/** What the library keeps to itself: brands, and what a class hides. What is overridden is explained where it comes from. */
const isHidden = (member: Node): boolean =>
  nameOf(nodeAt(member, "key")).startsWith("~") ||
  nodeAt(member, "key")?.type === "PrivateIdentifier" ||
  member["accessibility"] === "private" ||
  member["override"] === true

/** The fields of a schema that a class extends, or that a constant is: what `Schema.Struct` and its like are called with. */
const fieldsOf = (declaration: Node): ReadonlyArray<Node> => {
  const fields: Array<Node> = []
  const take = (call: Node) => {
    for (const given of nodesAt(call, "arguments"))
      if (given.type === "ObjectExpression") fields.push(...nodesAt(given, "properties"))
  }
  const extended = nodeAt(declaration, "superClass")
  if (extended !== undefined) take(extended)
  walk(extended ?? nodeAt(declaration, "init") ?? declaration, (node) => {
    if (nameOf(nodeAt(node, "callee", "property")) === "Struct") take(node)
    return !isCode(node)
  })
  return fields
}

const isCode = ({ type }: Node): boolean =>
  type === "BlockStatement" || type === "ArrowFunctionExpression" || type === "FunctionExpression"

const isMember = ({ type }: Node): boolean =>
  /^(?:TSPropertySignature|TSMethodSignature|PropertyDefinition|MethodDefinition)$/.test(type)

/** Of several members on one line the docstring before all of them speaks. */
const hasItsLine = (text: string, { start }: Node): boolean =>
  text.slice(text.lastIndexOf("\n", start - 1) + 1, start).trim() === ""

/** The members that a declaration shows: of its types, of the fields that it is made with, and of what a function gives. */
const membersOf = (declaration: Node): ReadonlyArray<Node> => {
  const members: Array<Node> = [...fieldsOf(declaration)]
  const isImplementing = nodesAt(declaration, "implements").length > 0
  const collectOfCode = (code: Node): void => {
    const result = nodeAt(code, "returnType")
    const typed = [
      ...nodesAt(code, "params"),
      ...nodesAt(nodeAt(code, "typeParameters"), "params"),
      ...(result === undefined ? [] : [result])
    ]
    for (const one of typed) collect(one)
    const given = nodeAt(code, "body")
    if (given?.type === "ArrowFunctionExpression") collectOfCode(given)
    if (given?.type !== "ObjectExpression" || result !== undefined) return
    for (const property of nodesAt(given, "properties")) {
      if (nodeAt(property, "key") !== undefined) members.push(property)
      const value = nodeAt(property, "value")
      if (value?.type === "ArrowFunctionExpression") collectOfCode(value)
    }
  }
  const collect = (node: Node): void =>
    walk(node, (one) => {
      if (isCode(one)) {
        collectOfCode(one)
        return false
      }
      if (!isMember(one)) return true
      if (isHidden(one) || (isImplementing && one.type === "MethodDefinition")) return false
      members.push(one)
      return true
    })
  collect(declaration)
  return members
}

/** The types that a declaration names, but for those in the body of a function. */
const typesNamedBy = (declaration: Node): ReadonlySet<string> => {
  const names = new Set<string>()
  walk(declaration, (node) => {
    if (node.type === "BlockStatement" || (isMember(node) && isHidden(node))) return false
    const name = node.type === "TSTypeReference" ? nameOf(nodeAt(node, "typeName")) : nameOf(nodeAt(node, "expression"))
    if (name !== "") names.add(name)
    return true
  })
  return names
}

/** An entry point: what stands after the package's name, and its source from `src`. */
export interface EntryPoint {
  readonly entry: string
  readonly path: string
}

/** The entry points of a package's `exports`. What a pattern names, the root re-exports: the test of the architecture sees to it. */
export const entryPoints = (exports: { readonly [key: string]: unknown }): ReadonlyArray<EntryPoint> =>
  Object.entries(exports).flatMap(([key, targets]) => {
    const source = Predicate.hasProperty(targets, "@eventfold/source") ? targets["@eventfold/source"] : undefined
    return typeof source === "string" && !key.includes("*")
      ? [{ entry: key.slice(1), path: source.slice("./src/".length) }]
      : []
  })

/** What is exported, and what of it is not explained. */
export interface PublicApi {
  readonly modules: ReadonlyArray<PublicModule>
  readonly exports: ReadonlyArray<Exported>
  /** Where a docstring is missing, and of what. */
  readonly missing: ReadonlyArray<string>
  /** Modules that have no example, in whatever docstring. */
  readonly unshown: ReadonlyArray<string>
}

/** Reads what the namespaces of the entry points export. */
export const publicApi = (sources: Sources, entries: ReadonlyArray<EntryPoint>): PublicApi => {
  const cache = new Map<string, File>()
  const fileAt = (path: string): File => {
    const file = cache.get(path) ?? read(path, sources[path] ?? "")
    cache.set(path, file)
    return file
  }
  /** Where a name of a file is declared. */
  const resolve = (
    file: File,
    name: string
  ): { readonly file: File; readonly declared: ReadonlyArray<Declared> } | undefined => {
    const declared = file.declared.get(name)
    if (declared !== undefined) return { file, declared }
    const other = file.imported.get(name)
    return other === undefined ? undefined : resolveExport(fileAt(other.from), other.name)
  }
  const resolveExport = (file: File, name: string): ReturnType<typeof resolve> => {
    const exported = file.exported.get(name)
    if (exported === undefined) return undefined
    return exported.from === undefined
      ? resolve(file, exported.name)
      : resolveExport(fileAt(exported.from), exported.name)
  }

  const modules = entries.flatMap(({ entry, path }) => {
    const { namespaces } = fileAt(path)
    return namespaces.map(({ name, from }): PublicModule => ({ path: from, name, entry }))
  })
  const missing = new Set<string>()
  const seen = new Set<Node>()
  const check = (file: File, name: string, declared: ReadonlyArray<Declared>): void => {
    const of = (offset: number, what: string) => missing.add(`src/${file.path}:${lineAt(file.text, offset)} ${what}`)
    if (!declared.some(({ statement }) => docstringBefore(file.text, statement.start) !== undefined)) {
      of(declared[0]?.statement.start ?? 0, name)
    }
    for (const { declaration } of declared) {
      if (seen.has(declaration)) continue
      seen.add(declaration)
      for (const member of membersOf(declaration)) {
        const key = nameOf(nodeAt(member, "key"))
        if (saysItself(key) || !hasItsLine(file.text, member)) continue
        if (docstringBefore(file.text, member.start) !== undefined) continue
        of(member.start, `${name}.${key}`)
      }
      // An interface that is not exported is read all the same, where what is exported names it.
      for (const type of typesNamedBy(declaration)) {
        const found = resolve(file, type)
        if (found?.declared[0]?.declaration.type === "TSInterfaceDeclaration") check(found.file, type, found.declared)
      }
    }
  }
  const exports = modules.flatMap((module): ReadonlyArray<Exported> => {
    const file = fileAt(module.path)
    if (!/^(?:\/\* oxlint-disable [^*]*\*\/\s*)?\/\*\*/.test(file.text))
      missing.add(`src/${module.path}:1 ${module.name}`)
    return Array.from(file.exported.keys()).flatMap((name) => {
      const found = resolveExport(file, name)
      if (found === undefined) return []
      check(found.file, name, found.declared)
      const docstrings = found.declared.flatMap(
        ({ statement }) => docstringBefore(found.file.text, statement.start) ?? []
      )
      return [{ module, name, path: found.file.path, docstring: docstrings[0] ?? "" }]
    })
  })
  const isShown = ({ path }: PublicModule): boolean => {
    const from = exports.filter(({ module }) => module.path === path).map((exported) => exported.path)
    return [path, ...from].some((one) => /^\s*\* @example$/m.test(sources[one] ?? ""))
  }
  const unshown = modules.filter((module) => !isShown(module)).map(({ path }) => `src/${path}`)
  return { modules, exports, missing: Array.from(missing), unshown }
}
