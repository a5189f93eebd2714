/**
 * Documents: of a generation for who runs it, of the live one for readers.
 */
import type * as Schema from "effect/Schema"
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type { Documents, ProjectionStore } from "../../ProjectionStore.ts"
import { byCodePoints, hasFields } from "../comparing.ts"
import type { Database } from "../database.ts"
import { find, type Generation, invalid, liveOf, positionOf, update } from "./State.ts"

type Kept = Pick<ProjectionStore["Service"], "documents" | "save" | "tableOf" | "live" | "read" | "list" | "liveTable">

const byKeys = (generation: Generation | undefined, keys: Iterable<string>): Documents => {
  const found = new Map<string, Schema.Json>()
  for (const key of generation === undefined ? [] : keys) {
    const text = HashMap.get(generation!.documents, key)
    if (Option.isSome(text)) found.set(key, JSON.parse(text.value))
  }
  return found
}

export const documents = ({ change, look }: Database): Kept => ({
  // Who writes is in the only transaction there is: every document is locked.
  documents: (generation, keys) => look(({ state }) => byKeys(find(state, generation), keys)),

  save: (id, changes) =>
    change(({ state }) =>
      find(state, id) === undefined
        ? Result.fail(invalid(`there is no generation ${id}`))
        : Result.succeed([
            undefined,
            update(
              state,
              (generation) => generation.id === id,
              (generation) => ({
                ...generation,
                documents: HashMap.mutate(generation.documents, (documents) => {
                  for (const [key, document] of changes) {
                    if (document === undefined) HashMap.remove(documents, key)
                    else HashMap.set(documents, key, JSON.stringify(document))
                  }
                })
              })
            )
          ])
    ),

  tableOf: (name, generation, table) => `${name}_${generation}_${table}`,

  live: (name) =>
    look(({ head, state }) => {
      const generation = liveOf(state, name)
      if (generation === undefined) return undefined
      const { mode, version } = generation.definition
      return { generation: generation.id, version, position: positionOf(generation, head), mode }
    }),

  read: (name, keys) => look(({ state }) => byKeys(liveOf(state, name), keys)),

  list: (name, { after, limit, where }) =>
    look(({ state }) => {
      const generation = liveOf(state, name)
      const keys = generation === undefined ? [] : Array.from(HashMap.keys(generation.documents))
      const following = keys.filter((key) => after === undefined || byCodePoints(key, after) > 0).toSorted(byCodePoints)
      const page = new Map<string, Schema.Json>()
      for (const key of following) {
        if (page.size >= limit) break
        for (const [, document] of byKeys(generation, [key])) if (hasFields(document, where)) page.set(key, document)
      }
      return page
    }),

  liveTable: (name, table) => `${name}_${table}`
})
