/**
 * The module of a domain, as `--domain` names it: what it exports of deciders, sets of events, views and services of aggregates, by name or in
 * plain objects one level deep. They are known by what they have, so that a module may come with a copy of eventfold of its own.
 */
import process from "node:process"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import type { PlatformError } from "effect/PlatformError"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Decider from "../Decider.ts"
import type * as Event from "../Event.ts"
import type * as View from "../View.ts"
import { CliFailure } from "./failure.ts"

/** A set of event types, whatever they are. */
export type Definitions = Event.Definitions<Event.Tagged>

/** Something under the name by which a module exports it, such as `account` or `default.account`. */
export interface Exported<out A> {
  readonly name: string
  readonly value: A
}

/** A decider, and the category of the streams that it is for. */
export interface ExportedDecider extends Exported<Decider.Any> {
  readonly category: string
}

/** What a module exports of a domain: each thing once, in the order of its names. */
export interface Domain {
  /** As it was given. */
  readonly module: string
  readonly deciders: ReadonlyArray<ExportedDecider>
  /** The sets that are exported, and those of deciders and views. */
  readonly events: ReadonlyArray<Exported<Definitions>>
  readonly views: ReadonlyArray<Exported<View.Any>>
}

const has = <Fields extends { readonly [field: string]: (value: unknown) => boolean }>(
  value: unknown,
  fields: Fields
): boolean =>
  Predicate.isObject(value) &&
  Object.entries(fields).every(([field, is]) => Predicate.hasProperty(value, field) && is(value[field]))

const isMap = (value: unknown): boolean => value instanceof Map
const isSet = (value: unknown): boolean => value instanceof Set

/** Whether a value is a set of event types. */
export const isDefinitions = (value: unknown): value is Definitions =>
  has(value, { types: Array.isArray, stored: isMap, encoders: isMap, ignored: isSet, renamed: Predicate.isFunction })

/** Whether a value is a decider. */
export const isDecider = (value: unknown): value is Decider.Any =>
  has(value, {
    name: Predicate.isString,
    state: Schema.isSchema,
    commands: Schema.isSchema,
    commandTypes: Array.isArray,
    events: isDefinitions,
    reads: isDefinitions,
    isTerminal: Predicate.isFunction,
    evolve: Predicate.isFunction,
    decide: Predicate.isFunction
  })

/** Whether a value is a view, keyed or not. */
export const isView = (value: unknown): value is View.Any =>
  has(value, {
    _tag: (tag) => tag === "View" || tag === "KeyedView",
    name: Predicate.isString,
    model: Schema.isSchema,
    events: isDefinitions,
    evolve: Predicate.isFunction
  })

/** Whether a value is the service of an aggregate. */
const isService = (value: unknown): value is { readonly decider: Decider.Any; readonly category: string } =>
  Predicate.isFunction(value) &&
  "decider" in value &&
  isDecider(value.decider) &&
  "category" in value &&
  Predicate.isString(value.category)

const isPlain = (value: unknown): value is object => {
  if (typeof value !== "object" || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** Its fields, but for those that a getter makes up: to ask for them may do anything. */
const fieldsOf = (value: object): ReadonlyArray<readonly [string, unknown]> =>
  Object.entries(Object.getOwnPropertyDescriptors(value)).flatMap(([name, { enumerable, value }]) =>
    enumerable === true && value !== undefined ? [[name, value] as const] : []
  )

const isDomainValue = (value: unknown): boolean =>
  isDecider(value) || isDefinitions(value) || isView(value) || isService(value)

/** What is looked at without a failure. A proxy may throw whatever it is asked, as one of settings does that are not set: it is no domain. */
const ifReadable = <A>(look: () => ReadonlyArray<A>): ReadonlyArray<A> => Result.getOrElse(Result.try(look), () => [])

/** What is exported, each under its name, and what is in exported plain objects. */
const valuesOf = (exported: object): ReadonlyArray<Exported<unknown>> => {
  const domainValue = (name: string, value: unknown) =>
    ifReadable(() => (isDomainValue(value) ? [{ name, value }] : []))
  return Object.entries(exported).flatMap(([name, value]) => {
    const found = domainValue(name, value)
    const inner = ifReadable(() => (found.length === 0 && isPlain(value) ? fieldsOf(value) : []))
    return [...found, ...inner.flatMap(([field, value]) => domainValue(`${name}.${field}`, value))]
  })
}

const addOnce = <A extends Exported<unknown>>(all: Array<A>, found: A, isSame: (one: A) => boolean): void => {
  if (!all.some(isSame)) all.push(found)
}

/** What there is of a domain among the exports of a module. */
export const domainOf = (module: string, exported: object): Domain => {
  const deciders: Array<ExportedDecider> = []
  const events: Array<Exported<Definitions>> = []
  const views: Array<Exported<View.Any>> = []
  const addDecider = (name: string, value: Decider.Any, category: string): void =>
    addOnce(deciders, { name, value, category }, (one) => one.value === value && one.category === category)
  const addEvents = (name: string, value: Definitions): void =>
    addOnce(events, { name, value }, (one) => one.value === value)
  const values = valuesOf(exported)
  // A service knows the category; its decider, exported as well, is no second one for it.
  for (const { name, value } of values) if (isService(value)) addDecider(name, value.decider, value.category)
  for (const { name, value } of values) {
    if (isDefinitions(value)) addEvents(name, value)
    if (isView(value)) addOnce(views, { name, value }, (one) => one.value === value)
    if (isDecider(value) && !deciders.some((one) => one.value === value)) addDecider(name, value, value.name)
  }
  for (const { name, value } of deciders) {
    addEvents(`${name}.events`, value.events)
    addEvents(`${name}.reads`, value.reads)
  }
  for (const { name, value } of views) addEvents(`${name}.events`, value.events)
  return { module, deciders, events, views }
}

const failed = (problem: string, advice: string): CliFailure => new CliFailure({ kind: "domain", problem, advice })

const codeOf = (error: unknown): string =>
  Predicate.hasProperty(error, "code") && Predicate.isString(error.code) ? error.code : ""

const adviceByCode: { readonly [code: string]: string } = {
  ERR_UNKNOWN_FILE_EXTENSION: `This Node (${process.version}) does not run TypeScript: take Node 22.18 or later, or give the compiled .js`,
  ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX:
    "Node runs TypeScript without enums, namespaces and parameter properties: give the compiled .js",
  ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING: "Node runs no TypeScript in node_modules: give the compiled .js",
  ERR_UNSUPPORTED_DIR_IMPORT: "Give the module itself, not its folder",
  ERR_MODULE_NOT_FOUND: "Install what it imports, and write relative imports with their extension"
}

const notLoaded =
  (module: string) =>
  (error: unknown): CliFailure =>
    failed(
      `${module} cannot be loaded: ${error instanceof Error ? error.message : String(error)}`,
      adviceByCode[codeOf(error)] ??
        "It has to load without anything running: export the domain from a module that starts nothing"
    )

/**
 * Loads the domain of a module, whose path begins where the process was started. Fails with what keeps it from being loaded, and when it
 * exports nothing of a domain.
 */
export const load: (
  module: string
) => Effect.Effect<Domain, CliFailure | PlatformError, FileSystem.FileSystem | Path.Path> = Effect.fnUntraced(
  function* (module) {
    const files = yield* FileSystem.FileSystem
    const paths = yield* Path.Path
    const file = paths.resolve(module)
    if (!(yield* files.exists(file))) {
      return yield* failed(
        `there is no module ${module}`,
        `Give --domain with the path of a module, from ${process.cwd()}`
      )
    }
    const url = yield* Effect.mapError(paths.toFileUrl(file), notLoaded(module))
    const exported = yield* Effect.tryPromise({
      try: (): Promise<object> => import(/* @vite-ignore */ url.href),
      catch: notLoaded(module)
    })
    const domain = domainOf(module, exported)
    if (domain.events.length > 0) return domain
    const names = Object.keys(exported)
    return yield* failed(
      `${module} exports nothing of a domain: ${names.length === 0 ? "it exports nothing at all" : `it exports ${names.join(", ")}`}`,
      "It has to export deciders, sets of events, views or services of aggregates, by name or in a plain object"
    )
  }
)

const listed = (all: ReadonlyArray<ExportedDecider>): string =>
  all.map(({ name, category }) => `${name} (of ${category})`).join(", ")

/** The decider for the streams of a category, or the one that is asked for by its name: that of its export, or its own. */
export const deciderFor = (
  { deciders, module }: Domain,
  category: string,
  asked: Option.Option<string>
): Result.Result<ExportedDecider, CliFailure> => {
  if (deciders.length === 0)
    return Result.fail(failed(`${module} exports no decider`, "Give --domain with one that does"))
  const found = Option.match(asked, {
    onNone: () => deciders.filter((one) => one.category === category),
    onSome: (asked) => {
      const named = deciders.filter(({ name }) => name === asked)
      return named.length > 0 ? named : deciders.filter(({ value }) => value.name === asked)
    }
  })
  const [first, ...others] = found
  if (first !== undefined && others.every(({ value }) => value === first.value)) return Result.succeed(first)
  const advice = `Say which one with --decider: ${listed(first === undefined ? deciders : found)}`
  if (first !== undefined) return Result.fail(failed(`${module} exports several deciders for ${category}`, advice))
  const what = Option.match(asked, {
    onNone: () => `no decider for the category ${category}`,
    onSome: (asked) => `no decider ${asked}`
  })
  return Result.fail(failed(`${module} exports ${what}`, advice))
}

/** The view that is asked for by its name: that of its export, or its own. */
export const viewFor = ({ module, views }: Domain, asked: string): Result.Result<Exported<View.Any>, CliFailure> => {
  const found = views.find(({ name }) => name === asked) ?? views.find(({ value }) => value.name === asked)
  if (found !== undefined) return Result.succeed(found)
  const names = views.map(({ name, value }) => (value.name === name ? name : `${name} (${value.name})`)).join(", ")
  return Result.fail(
    failed(`${module} exports no view ${asked}`, names === "" ? "It exports no view at all" : `It exports ${names}`)
  )
}
