/**
 * How a set of definitions differs from what is published: what stored events would not survive, and what was added.
 */
import type * as Schema from "effect/Schema"
import * as TextDiff from "effect/TextDiff"
import * as Event from "../../Event.ts"
import { toText } from "../SpecFailure.ts"
import type { Lock, LockType, LockVersion } from "./catalogLock.ts"
import { extend, readingOf, type Reading, rewritten } from "./catalogSamples.ts"
import { isWider, pathsOf } from "./catalogWider.ts"

/** Differences, each as a text that begins with what it is about. */
export interface Differences {
  readonly broken: ReadonlyArray<string>
  readonly added: ReadonlyArray<string>
}

const diffOf = (published: Schema.Json, today: Schema.Json): string =>
  TextDiff.unified(TextDiff.lines(`${toText(published)}\n`, `${toText(today)}\n`), {
    fromFile: "published",
    toFile: "today"
  }).trimEnd()

/** Why the schema of today may not accept all that the published one does, or `undefined` when it is proven to. */
const narrowing = (
  published: LockVersion,
  today: Event.Catalog["types"][number]["versions"][number]
): string | undefined => {
  const paths = pathsOf(published.schema)
  const newPaths = Array.from(pathsOf(today.schema)).filter((path) => !paths.has(path))
  const isNewField = (check: string): boolean =>
    newPaths.some((path) => check.startsWith(path) && /^[:.[{<]/.test(check.slice(path.length)))
  const stricter = today.checks.filter((check) => !published.checks.includes(check) && !isNewField(check))
  if (isWider(today.schema, published.schema) && stricter.length === 0) return undefined
  return diffOf({ schema: published.schema, checks: published.checks }, { schema: today.schema, checks: today.checks })
}

/** How what a sample is read as differs from what it was read as: a diff of what is broken, or what was added. */
const rereading = <E extends Event.Tagged>(
  definitions: Event.Definitions<E>,
  before: Reading,
  now: Reading
): { readonly diff: string } | { readonly added: string } | undefined => {
  if (toText(before) === toText(now)) return undefined
  if ("problem" in before) return { added: "what could not be read of it has another outcome" }
  // What it was read as is itself a stored event: read by today's code, it must come to the same as the sample does.
  const again = before.events.map(({ type, schemaVersion, data }) => readingOf(definitions, type, schemaVersion, data))
  const events = again.flatMap((reading) => ("events" in reading ? reading.events : []))
  return again.every((reading) => "events" in reading) && toText({ events }) === toText(now)
    ? { added: "it is read as newer events, which agree with what it was read as" }
    : { diff: diffOf(before, now) }
}

const indented = (text: string): string => text.replaceAll(/^(?=.)/gm, "  ")

/**
 * Compares a set of definitions with the lock. What is published is broken unless it is proven to be read as it was.
 */
export const differencesOf = <E extends Event.Tagged>(definitions: Event.Definitions<E>, lock: Lock): Differences => {
  const today = Event.catalog(definitions)
  const broken: Array<string> = []
  const added: Array<string> = []

  const compareVersion = (type: string, published: LockVersion, now: (typeof today)["types"][number]): void => {
    const { version, fingerprint, samples } = published
    const what = `${type}, version ${version}`
    const current = now.versions[version - 1]
    const codec = definitions.stored.get(type)?.schemas[version - 1]
    if (current === undefined || codec === undefined) {
      broken.push(`${what}: it is gone`)
      return
    }
    const isSame = current.fingerprint === fingerprint
    const diff = isSame ? undefined : narrowing(published, current)
    if (diff !== undefined) {
      broken.push(`${what}: its schema is another, and may not accept all that was stored\n\n${indented(diff)}`)
      return
    }
    if (!isSame) added.push(`${what}: its schema is another, and accepts all that it did`)
    const moved = new Set<string>()
    for (const { stored, reads } of samples) {
      const own = rewritten(codec, stored)
      if (own === undefined || !extend(own, stored)) {
        const problem = own === undefined ? "its schema no longer accepts" : "its schema reads otherwise"
        const diff = diffOf(stored, own ?? null)
        broken.push(`${what}: ${problem} the stored\n\n${indented(toText(stored))}\n\n${indented(diff)}`)
        return
      }
      const reread = rereading(definitions, reads, readingOf(definitions, type, version, stored))
      if (reread === undefined) continue
      if ("diff" in reread) {
        broken.push(`${what}: read otherwise is the stored\n\n${indented(toText(stored))}\n\n${indented(reread.diff)}`)
        return
      }
      moved.add(reread.added)
    }
    for (const one of moved) added.push(`${what}: ${one}`)
  }

  const compareType = (published: LockType): void => {
    const { type, readAs } = published
    const now = today.types.find((one) => one.type === type)
    if (now === undefined) {
      if (today.ignored.includes(type)) added.push(`${type}: it is ignored now`)
      else broken.push(`${type}: it is gone, with ${published.versions.length} published version(s)`)
      return
    }
    if (now.readAs !== readAs)
      added.push(`${type}: it is ${now.readAs === null ? "retired" : `read as ${now.readAs}`} now`)
    for (const version of published.versions) compareVersion(type, version, now)
    for (const { version } of now.versions) {
      if (!published.versions.some((one) => one.version === version))
        added.push(`${type}, version ${version}: it is new`)
    }
  }

  for (const published of lock.types) compareType(published)
  for (const { type } of today.types) {
    if (!lock.types.some((one) => one.type === type)) added.push(`${type}: it is new`)
  }
  for (const type of today.ignored) {
    const isKnown = lock.ignored.includes(type) || lock.types.some((one) => one.type === type)
    if (!isKnown) added.push(`${type}: it is ignored, and was not known`)
  }
  for (const type of lock.ignored) {
    const now = today.types.some((one) => one.type === type)
    if (now) added.push(`${type}: it was ignored, and is read now`)
    else if (!today.ignored.includes(type)) broken.push(`${type}: it was ignored, and is unknown now`)
  }
  return { broken, added }
}
