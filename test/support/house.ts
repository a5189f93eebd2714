/**
 * Checks source files against the rules of a house: floors, what each may import, and what a file must look like. Every
 * check gives the violations it finds, in words that say what to do.
 */
import { posix } from "node:path"
import { type Import, importsOf, namespacesOf } from "./source.ts"

/**
 * Some files that belong together, and the floors below that they may import.
 */
export interface Floor {
  /** Paths, or `folder/**`. */
  readonly files: ReadonlyArray<string>
  readonly imports: ReadonlyArray<string>
}

/**
 * Which packages may be named where. A name imported from `effect` counts as its module: `effect/Schema`.
 */
export interface PackageRule {
  readonly packages: ReadonlyArray<string>
  /** Floors or files; `**` is all of them. */
  readonly in: ReadonlyArray<string>
}

/**
 * The rules. A floor stands above those before it; of the package rules the first that fits a package decides.
 */
export interface House {
  readonly floors: Readonly<Record<string, Floor>>
  readonly packages: ReadonlyArray<PackageRule>
  readonly maxLines: number
}

/** Texts by path. */
export type Sources = Readonly<Record<string, string>>

const fits = (pattern: string, path: string): boolean =>
  pattern.endsWith("**") ? path.startsWith(pattern.slice(0, -2)) : path === pattern

const floorsOf = (house: House, path: string): ReadonlyArray<string> =>
  Object.entries(house.floors)
    .filter(([, floor]) => floor.files.some((pattern) => fits(pattern, path)))
    .map(([name]) => name)

const isRelative = (specifier: string): boolean => specifier.startsWith(".")

const targetOf = (path: string, specifier: string): string => posix.join(posix.dirname(path), specifier)

/** Every relative import, with the file it leads to. */
const edges = (sources: Sources): ReadonlyArray<{ from: string; to: string; line: number }> =>
  Object.entries(sources).flatMap(([from, source]) =>
    importsOf(source).flatMap(({ specifier, line }) =>
      specifier !== undefined && isRelative(specifier) ? [{ from, to: targetOf(from, specifier), line }] : []
    )
  )

/** Every file is on one floor, a floor imports only floors before it, and no floor names a file that is gone. */
export const placement = (house: House, sources: Sources): ReadonlyArray<string> => {
  const names = Object.keys(house.floors)
  const paths = Object.keys(sources)
  return [
    ...paths.flatMap((path) => {
      const on = floorsOf(house, path)
      return on.length === 0
        ? [`${path} is on no floor: add it to the one it belongs to, in \`floors\` of test/architecture.test.ts`]
        : on.length > 1
          ? [`${path} is on more than one floor: ${on.join(", ")}`]
          : []
    }),
    ...Object.entries(house.floors).flatMap(([name, floor]) => [
      ...floor.imports
        .filter((below) => !names.slice(0, names.indexOf(name)).includes(below))
        .map((below) => `the floor ${name} imports ${below}, which is not below it`),
      ...floor.files
        .filter((file) => !file.endsWith("**") && !paths.includes(file))
        .map((file) => `${file} is named on the floor ${name} and is not there: take it out`)
    ])
  ]
}

/** A file imports files of its own floor and of the floors that its floor may import. */
export const directions = (house: House, sources: Sources): ReadonlyArray<string> =>
  edges(sources).flatMap(({ from, to, line }) => {
    if (!(to in sources)) return [`${from}:${line} imports ${to}, which is not in src`]
    return floorsOf(house, from).flatMap((mine) =>
      floorsOf(house, to)
        .filter((theirs) => theirs !== mine && !house.floors[mine]?.imports.includes(theirs))
        .map((theirs) => `${from}:${line} imports ${to}: ${mine} does not import ${theirs}`)
    )
  })

/** The packages of an import, modules of `effect` each by its own name. */
const packagesOf = ({ specifier, names }: Import): ReadonlyArray<string> =>
  specifier === undefined
    ? ["a computed specifier"]
    : isRelative(specifier)
      ? []
      : specifier === "effect" && names.length > 0
        ? names.map((name) => (name === "*" ? "effect (as a whole)" : `effect/${name}`))
        : [specifier]

/** A file names only packages that it may. */
export const packages = (house: House, sources: Sources): ReadonlyArray<string> =>
  Object.entries(sources).flatMap(([path, source]) =>
    importsOf(source).flatMap((found) =>
      packagesOf(found).flatMap((name) => {
        const rule = house.packages.find((one) => one.packages.some((pattern) => fits(pattern, name)))
        const floors = floorsOf(house, path)
        if (rule?.in.some((place) => floors.includes(place) || fits(place, path))) return []
        return [`${path}:${found.line} imports ${name}, allowed in ${rule?.in.join(", ") || "no file"}`]
      })
    )
  )

/** No file imports itself, not even by way of others or for types. Of a file's circles the shortest is told. */
export const circles = (sources: Sources): ReadonlyArray<string> => {
  const next = new Map<string, Array<string>>()
  for (const { from, to } of edges(sources)) next.set(from, [...(next.get(from) ?? []), to])
  const found = new Set<string>()
  for (const start of Object.keys(sources)) {
    const paths = [[start]]
    const seen = new Set<string>()
    for (let path = paths.shift(); path !== undefined; path = paths.shift()) {
      const reached = next.get(path.at(-1) ?? start) ?? []
      if (reached.includes(start)) {
        const first = path.indexOf(path.toSorted()[0] ?? start)
        const circle = [...path.slice(first), ...path.slice(0, first)]
        found.add([...circle, circle[0]].join(" → "))
        break
      }
      for (const file of reached) {
        if (!seen.has(file)) paths.push([...path, file])
        seen.add(file)
      }
    }
  }
  return Array.from(found)
}

const isPublic = (path: string): boolean => !path.includes("/") && path !== "index.ts"

/** The root re-exports every public module as a namespace of its own name, and does nothing else. */
export const rootExports = (sources: Sources): ReadonlyArray<string> => {
  const { namespaces, others } = namespacesOf(sources["index.ts"] ?? "")
  const exported = namespaces.map(({ name, specifier }) => `${name} from ${specifier}`)
  const expected = Object.keys(sources)
    .filter(isPublic)
    .map((path) => `${posix.basename(path, ".ts")} from ./${path}`)
  return [
    ...others.map((line) => `index.ts:${line} is no \`export * as Module from "./Module.ts"\``),
    ...exported
      .filter((one) => !expected.includes(one))
      .map((one) => `index.ts exports ${one}, which is no public module`),
    ...expected.filter((one) => !exported.includes(one)).map((one) => `index.ts does not export ${one}`)
  ]
}

/** Every public module opens with a comment that says in a paragraph what it is for. */
export const openings = (sources: Sources): ReadonlyArray<string> =>
  Object.entries(sources).flatMap(([path, source]) => {
    if (path.includes("/")) return []
    const comment = /^(?:\/\* oxlint-disable [^*]*\*\/\s*)?\/\*\*\n((?: \*(?: .*)?\n)*?) \*\//.exec(source)?.[1] ?? ""
    const paragraph = comment.replaceAll(/^ \* ?/gm, "").split("\n\n")[0] ?? ""
    return /^[^@\s].*[.:]\s*$/s.test(paragraph)
      ? []
      : [`${path} does not open with a paragraph that says what it is for`]
  })

/** No file is longer than a reader can hold. */
export const sizes = (house: House, sources: Sources): ReadonlyArray<string> =>
  Object.entries(sources).flatMap(([path, source]) => {
    const lines = source.trimEnd().split("\n").length
    return lines > house.maxLines ? [`${path} has ${lines} lines, more than ${house.maxLines}`] : []
  })
