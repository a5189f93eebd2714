/**
 * Specs: what the read models show of stored events, of both their versions.
 */
import { it } from "@effect/vitest"
import { Spec } from "eventfold/testing"
import { churnView, filesView } from "./read-models.ts"

const file = { commit: "c1", path: "src/a", mode: "100644", blob: "b1" }
const renamed = { ...file, from: "a", merge: false }
const nothing = { added: 0, changed: 0, arrived: 0, left: 0, removed: 0 }

it.effect("have the files of HEAD's line, whatever was said by version 1, which did not know of it", () =>
  Spec.view(filesView)
    .given([
      Spec.stored("FileAdded", 1, { ...file, path: "old" }),
      Spec.stored("FileAdded", 2, { ...file, path: "a", headLine: true, merge: false }),
      Spec.stored("FileRenamed", 2, { ...renamed, headLine: true }),
      Spec.stored("ModeChanged", 2, { commit: "c2", path: "src/a", mode: "100755", headLine: true, merge: false }),
      Spec.stored("FileRemoved", 2, { commit: "c3", path: "src/a", headLine: false, merge: false })
    ])
    .then({ "1:src/a": { path: "src/a", mode: "100755", blob: "b1" } })
)

it.effect("count a rename in both its folders, and no merge", () =>
  Spec.view(churnView)
    .given([
      Spec.stored("FileRenamed", 1, { ...file, from: "a" }),
      Spec.stored("FileRenamed", 2, { ...renamed, merge: true, headLine: true })
    ])
    .then({ "1:src": { ...nothing, folder: "src", arrived: 1 }, "1:.": { ...nothing, folder: ".", left: 1 } })
)
