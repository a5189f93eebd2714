/**
 * Stores that lose, mix up or disorder documents.
 */
import { Effect } from "effect"
import type { ProjectionStore as Port } from "eventfold"
import { type BrokenStore, changed, lateWriter } from "./ProjectionStoreContract.toolkit.ts"

export const documents: ReadonlyArray<BrokenStore> = [
  {
    name: "lists documents in the order of UTF-16",
    layer: changed((store) => ({
      list: (name, { after, limit, where }) =>
        Effect.map(store.list(name, { after: undefined, limit: Infinity, where }), (all) => {
          const keys = Array.from(all.keys()).toSorted()
          return new Map(
            keys
              .filter((key) => after === undefined || key > after)
              .slice(0, limit)
              .map((key) => [key, all.get(key)!])
          )
        })
    })),
    breaks: [
      [
        "documents are listed in the order of their keys by code points",
        "the keys in the order in which they are listed is not what it must be"
      ]
    ]
  },
  {
    name: "lists documents in no order",
    layer: changed((store) => ({
      list: (name, options) => Effect.map(store.list(name, options), (all) => new Map(Array.from(all).toReversed()))
    })),
    breaks: [
      ["pages have at most as many documents as are asked for, and together each once", "the keys of all pages of"],
      [
        "documents are listed in the order of their keys by code points",
        "the keys in the order in which they are listed is not what it must be"
      ]
    ]
  },
  {
    name: "limits a page before it looks at the fields",
    layer: changed((store) => ({
      list: (name, options) =>
        Effect.flatMap(store.list(name, { ...options, where: {} }), (page) =>
          Effect.map(
            store.list(name, { ...options, limit: Infinity }),
            (all) => new Map(Array.from(page).filter(([key]) => all.has(key)))
          )
        )
    })),
    breaks: [
      [
        "a page of documents that are asked for by a field is filled with those, and goes on after a key",
        "a page of every third document is not what it must be"
      ]
    ]
  },
  {
    name: "begins a page with the key that it is after",
    layer: changed((store) => ({
      list: (name, options) =>
        options.after === undefined
          ? store.list(name, options)
          : Effect.map(
              Effect.all([store.read(name, [options.after]), store.list(name, options)]),
              ([one, rest]) => new Map([...one, ...rest].slice(0, options.limit))
            )
    })),
    breaks: [
      ["pages have at most as many documents as are asked for, and together each once", "the keys of all pages of"],
      [
        "documents are listed in the order of their keys by code points",
        'the keys that are listed after "" is not what it must be'
      ]
    ]
  },
  {
    name: "compares fields as text",
    layer: changed((store) => ({
      list: (name, { where, ...options }) =>
        Effect.map(
          store.list(name, { ...options, where: {} }),
          (all) =>
            new Map(
              Array.from(all).filter(([, document]) =>
                Object.entries(where).every(
                  ([field, value]) =>
                    typeof document === "object" &&
                    document !== null &&
                    String(Reflect.get(document, field)) === String(value)
                )
              )
            )
        )
    })),
    breaks: [
      [
        "documents are listed whose fields equal those that are asked for, as JSON values are equal",
        'what is listed where {"n":'
      ],
      [
        "a page of documents that are asked for by a field is filled with those, and goes on after a key",
        "a page of every third document is not what it must be"
      ]
    ]
  },
  {
    name: "locks no documents",
    layer: changed(lateWriter),
    breaks: [
      [
        "a commit whose work fails stores nothing, does not move, and ends as its work did",
        "what is kept of a projection after a commit whose work fails is not"
      ],
      [
        "a commit whose work dies stores nothing, does not move, and ends as its work did",
        "what is kept of a projection after a commit whose work dies is not"
      ],
      [
        "who reads a document with a lock and writes it does so one after the other, also when it is not there yet",
        "a count that owners of"
      ],
      [
        "documents that are locked in any order are neither overwritten nor keep each other waiting for ever",
        "the sum of amounts that were only moved is not what it must be"
      ],
      [
        "a commit whose work is interrupted stores nothing, does not move, and ends as its work did",
        "what is kept of a projection after a commit whose work is interrupted"
      ]
    ]
  },
  {
    name: "takes null for nothing",
    layer: changed((store) => ({
      save: (generation, changes) =>
        store.save(generation, new Map(Array.from(changes).map(([key, document]) => [key, document ?? undefined])))
    })),
    breaks: [
      [
        "a document that is saved as undefined is gone, and null is a document",
        "the documents after some were taken out is not what it must be"
      ],
      [
        "documents are listed whose fields equal those that are asked for, as JSON values are equal",
        "what is listed where {} is not what it must be"
      ]
    ]
  },
  {
    name: "changes keys",
    layer: changed((store) => ({
      save: (generation, changes) =>
        store.save(generation, new Map(Array.from(changes).map(([key, document]) => [key.normalize("NFC"), document])))
    })),
    breaks: [
      [
        "a key is any text, and texts that are alike are different keys",
        'the document of key "é" is not what it must be'
      ]
    ]
  },
  {
    name: "has one set of documents",
    layer: changed((store) => ({
      documents: (_, keys, options) => store.documents(1, keys, options),
      save: (_, changes) => store.save(1, changes)
    })),
    breaks: [
      ["projections whose names are alike are different projections", 'the documents of "'],
      [
        "another version is filling while the first is live, up to where the slowest of that one's partitions stands",
        "what readers see while another version fills is not what it must be"
      ],
      ["each generation has documents of its own", "the documents of a generation that begins is not what it must be"]
    ]
  },
  {
    name: "gives all readers one object",
    layer: changed((store) => {
      const shared = new Map<string, Port.Documents>()
      return {
        read: (name, keys) =>
          Effect.suspend(() => {
            const known = shared.get(name)
            return known === undefined
              ? Effect.tap(store.read(name, keys), (found) => Effect.sync(() => shared.set(name, found)))
              : Effect.succeed(known)
          })
      }
    }),
    breaks: [
      [
        "what a reader does with a document changes nobody else's",
        "a document that another reader changed for itself is not what it must"
      ],
      [
        "an append and what inline projections make of it are there at once, and their position is the head of the log",
        "what was counted in the append's transaction is not what it must be"
      ]
    ]
  },
  {
    name: "has one name for all tables",
    layer: changed(() => ({ tableOf: (_, __, table) => table })),
    breaks: [
      ["a generation's tables have names of their own, and readers a name that stays", "two tables have one name"]
    ]
  }
]
