/**
 * Writes the API reference, a page for each module that the package exports: `node generate.mjs FOLDER`, from the project's folder.
 *
 * TypeDoc reads the sources and writes Markdown. What it cannot know of this project is told to it here: that the first docstring of a file is about
 * the module, that what a service can do is its second type, and that the base of an error is no news to anybody.
 */
import { readFileSync } from "node:fs"
import { dirname, join, resolve } from "node:path"
import { Application, Converter, PageEvent, ReflectionKind } from "typedoc"
import ts from "typescript"

const [folder] = process.argv.slice(2)
const root = process.cwd()
const { exports, name, version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"))

/** The files of the modules, and how each is imported. */
const modules = new Map(
  Object.entries(exports).flatMap(([key, targets]) => {
    const entry = targets?.["@eventfold/source"]
    if (entry === undefined || key.includes("*")) return []
    const text = readFileSync(join(root, entry), "utf8")
    return Array.from(text.matchAll(/^export \* as (\w+) from "([^"]+)"/gm), ([, module, from]) => [
      resolve(root, dirname(entry), from),
      `import { ${module} } from "${name}${key.slice(1)}"`
    ])
  })
)

/** The sources, as if the first docstring of each module said that it is the module's, and how it is imported. */
const readFile = ts.sys.readFile
ts.sys.readFile = (path, encoding) => {
  const text = readFile(path, encoding)
  const line = modules.get(resolve(path))
  if (line === undefined || text === undefined) return text
  const [docstring] = /^(?:\/\* oxlint[^*]*\*\/\s*)?\/\*\*\n[^]*? \*\//.exec(text) ?? [""]
  const [first, ...others] = docstring.slice(0, -" */".length).split("\n *\n")
  const more = [` * \`${line}\``, ...others, " * @module\n */"].join("\n *\n")
  return `${first.trimEnd()}\n *\n${more}${text.slice(docstring.length)}`
}

const app = await Application.bootstrapWithPlugins({
  name: `${name} ${version}`,
  entryPoints: Array.from(modules.keys()),
  tsconfig: join(root, "tsconfig.json"),
  plugin: ["typedoc-plugin-missing-exports", "typedoc-plugin-markdown"],
  outputs: [{ name: "markdown", path: resolve(folder) }],
  router: "module",
  readme: "none",
  // The compiler of the project has checked them.
  skipErrorChecking: true,
  disableSources: true,
  disableGit: true,
  excludeExternals: true,
  excludePrivate: true,
  placeInternalsInOwningModule: true,
  sort: ["source-order"],
  kindSortOrder: ["Function", "Variable", "Class", "Interface", "TypeAlias"],
  groupOrder: ["Functions", "Variables", "Classes", "Interfaces", "Type Aliases"],
  validation: { invalidLink: true, invalidPath: true, notExported: false, notDocumented: false },
  expandObjects: true,
  expandParameters: true,
  hideBreadcrumbs: true,
  hidePageHeader: true,
  indexFormat: "table",
  parametersFormat: "table",
  interfacePropertiesFormat: "table",
  classPropertiesFormat: "table",
  typeAliasPropertiesFormat: "table",
  propertyMembersFormat: "table",
  typeDeclarationFormat: "table",
  tableColumnSettings: {
    hideInherited: true,
    hideModifiers: true,
    hideSources: true,
    hideOverrides: true,
    hideDefaults: true
  }
})

/** What a service can do: the type that `Context.Service` is given beside the class. */
const shapeOf = (symbol) => {
  for (const declaration of symbol?.declarations ?? []) {
    if (!ts.isClassDeclaration(declaration)) continue
    const extended = declaration.heritageClauses?.[0]?.types[0]?.expression
    const made = extended !== undefined && ts.isCallExpression(extended) ? extended.expression : undefined
    if (made === undefined || !ts.isCallExpression(made)) continue
    const [, shape] = made.typeArguments ?? []
    if (shape !== undefined && ts.isTypeLiteralNode(shape)) return shape
  }
  return undefined
}

app.converter.on(Converter.EVENT_CREATE_DECLARATION, (context, reflection) => {
  const shape = reflection.kindOf(ReflectionKind.Class) && shapeOf(context.getSymbolFromReflection(reflection))
  if (!shape) return
  const { declaration } = app.converter.convertType(context.withScope(reflection), shape)
  for (const member of declaration.children.slice()) {
    declaration.removeChild(member)
    member.parent = reflection
    reflection.addChild(member)
  }
})

const machinery = [ReflectionKind.TypeAlias, ReflectionKind.Interface, ReflectionKind.Variable]

app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
  for (const reflection of Object.values(project.reflections)) {
    const isMember = reflection.parent?.kindOf(ReflectionKind.Class) === true
    // What is neither exported nor explained is the machinery of other types, and what begins so is a brand.
    const isMachinery = reflection.kindOf(machinery) && !reflection.hasComment()
    const isBrand = reflection.name.startsWith("~")
    const isEverywhere = isMember && (reflection.kindOf(ReflectionKind.Constructor) || reflection.name === "message")
    if (isMachinery || isBrand || isEverywhere) project.removeReflection(reflection)
  }
})

// A function's signature has its type parameters, with what they extend.
app.renderer.on(PageEvent.END, (page) => {
  const withoutTables = (section) =>
    section.replaceAll(/^(#+) Type Parameters\n\n(?:\|.*\n)+\n/gm, (table, { length }) =>
      length > 4 || /^.*\(\)\n/.test(section) ? "" : table
    )
  page.contents = page.contents
    ?.split(/^(?=### )/m)
    .map(withoutTables)
    .join("")
})

const project = await app.convert()
if (project !== undefined) {
  for (const reflection of Object.values(project.reflections)) {
    const isOfClass = reflection.kindOf(ReflectionKind.Class) || reflection.parent?.kindOf(ReflectionKind.Class)
    if (isOfClass)
      for (const known of ["extendedTypes", "typeHierarchy", "inheritedFrom", "overwrites", "defaultValue"])
        delete reflection[known]
  }
  app.validate(project)
  await app.generateOutputs(project)
}
process.exitCode = project === undefined || app.logger.hasErrors() || app.logger.hasWarnings() ? 1 : 0
