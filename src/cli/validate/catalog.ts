/**
 * The catalog check without its test: a lock file is read and compared, and never written.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import { differencesOf } from "../../testing/internal/catalogCompare.ts"
import { type Lock, parse } from "../../testing/internal/catalogLock.ts"
import type { Definitions, Domain, Exported } from "../domain.ts"
import { CliFailure } from "../failure.ts"
import type { Report } from "./findings.ts"

/** The set that a lock file is of, as there is one for each: that which knows most of its types, and of those the smallest. */
const ownerOf = ({ events }: Domain, lock: Lock): Exported<Definitions> | undefined => {
  const locked = lock.types.map(({ type }) => type)
  const shared = ({ value }: Exported<Definitions>): number => locked.filter((type) => value.stored.has(type)).length
  return events.toSorted((a, b) => shared(b) - shared(a) || a.value.stored.size - b.value.stored.size)[0]
}

/** Compares the domain with what is published in a file. */
export const checkCatalog = Effect.fnUntraced(function* (domain: Domain, file: string, report: Report) {
  const files = yield* FileSystem.FileSystem
  const text = yield* files.readFileString(file)
  const lock = yield* Effect.mapError(
    parse(file, text),
    ({ problems }) =>
      new CliFailure({
        kind: "domain",
        problem: `${file} is no catalog: ${problems.join(", ")}`,
        advice: "Give the file that Catalog.check of eventfold/testing wrote, as version control has it"
      })
  )
  const owner = ownerOf(domain, lock)
  if (owner === undefined) return
  const { added, broken } = differencesOf(owner.value, lock)
  for (const one of broken) report("catalog-broken", { definition: owner.name }, one)
  for (const one of added) report("catalog-added", { definition: owner.name }, one)
})
