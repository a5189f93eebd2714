/**
 * Specs: the rules by which a history is recorded. What is given are commits that were recorded, in the words of their events.
 */
import { describe, it } from "@effect/vitest"
import { Spec } from "eventfold/testing"
import type { RepositoryEvent } from "./events.ts"
import {
  type Change,
  ChangeUnexpected,
  type Commit,
  CommitIncomplete,
  CommitKnown,
  FileDiffers,
  FileExists,
  FileMissing,
  NothingChanged,
  ParentComplete,
  ParentUnknown,
  repository
} from "./repository.ts"

const { given } = Spec.decider(repository)

const file = { mode: "100644", blob: "b1" }
const other = { mode: "100644", blob: "b2" }

const facts = (commit: string, parents: ReadonlyArray<string>, changes: number) => ({
  commit,
  parents,
  author: "Ada",
  email: "ada@example.org",
  authoredAt: 0,
  committedAt: 0,
  subject: "",
  children: 1,
  changes,
  headLine: true
})

const commit = (id: string, parents: ReadonlyArray<string>, ...changes: ReadonlyArray<Change>): Commit => ({
  facts: facts(id, parents, changes.length),
  changes
})

const recorded = (id: string, parents: ReadonlyArray<string>, changes: number): RepositoryEvent => ({
  _tag: "CommitRecorded",
  ...facts(id, parents, changes)
})

const added = (id: string, path: string): RepositoryEvent => ({
  _tag: "FileAdded",
  commit: id,
  path,
  ...file,
  headLine: true,
  merge: false
})

const record = (...commits: ReadonlyArray<Commit>) => ({ _tag: "RecordCommits" as const, commits })

/** A first commit, with a file. */
const first = [recorded("c1", [], 1), added("c1", "a")]

describe("a commit", () => {
  it.effect("is recorded with what it changed", () =>
    given([])
      .when(record(commit("c1", [], { _tag: "Added", path: "a", after: file })))
      .then(first)
  )
  it.effect("is recorded once", () =>
    given(first)
      .when(record(commit("c1", [])))
      .thenFails(new CommitKnown({ commit: "c1" }))
  )
  it.effect("comes after its parents", () =>
    given(first)
      .when(record(commit("c2", ["c1", "c0"])))
      .thenFails(new ParentUnknown({ commit: "c2", parent: "c0" }))
  )
  it.effect("is a child that its parent was said to have", () =>
    given([...first, recorded("c2", ["c1"], 0)])
      .when(record(commit("c3", ["c1"])))
      .thenFails(new ParentComplete({ commit: "c3", parent: "c1" }))
  )
  it.effect("waits until the one before it is whole", () =>
    given([recorded("c1", [], 2), added("c1", "a")])
      .when(record(commit("c2", ["c1"])))
      .thenFails(new CommitIncomplete({ commit: "c1", missing: 1 }))
  )
})

describe("a change", () => {
  const changing = (change: Change) => given(first).when(record(commit("c2", ["c1"], change)))

  it.effect("adds what is not there", () =>
    changing({ _tag: "Added", path: "a", after: other }).thenFails(new FileExists({ commit: "c2", path: "a" }))
  )
  it.effect("is of what is there", () =>
    changing({ _tag: "Changed", path: "b", before: file, after: other }).thenFails(
      new FileMissing({ commit: "c2", path: "b" })
    )
  )
  it.effect("removes what is there", () =>
    changing({ _tag: "Removed", path: "b", before: file }).thenFails(new FileMissing({ commit: "c2", path: "b" }))
  )
  it.effect("is of what is there as it is", () =>
    changing({ _tag: "Changed", path: "a", before: other, after: file }).thenFails(
      new FileDiffers({ commit: "c2", path: "a", expected: other, actual: file })
    )
  )
  it.effect("changes something", () =>
    changing({ _tag: "Changed", path: "a", before: file, after: file }).thenFails(
      new NothingChanged({ commit: "c2", path: "a" })
    )
  )
  it.effect("renames what is there", () =>
    changing({ _tag: "Renamed", from: "b", path: "c", before: file, after: file }).thenFails(
      new FileMissing({ commit: "c2", path: "b" })
    )
  )
  it.effect("renames it to where nothing is", () =>
    changing({ _tag: "Renamed", from: "a", path: "a", before: file, after: file }).thenFails(
      new FileExists({ commit: "c2", path: "a" })
    )
  )
  it.effect("copies what is there as it is", () =>
    changing({ _tag: "Copied", from: "a", path: "c", before: other, after: file }).thenFails(
      new FileDiffers({ commit: "c2", path: "a", expected: other, actual: file })
    )
  )
  it.effect("may rename and modify at once", () =>
    changing({ _tag: "Renamed", from: "a", path: "c", before: file, after: other }).then([
      recorded("c2", ["c1"], 1),
      { _tag: "FileRenamed", commit: "c2", path: "c", from: "a", ...other, headLine: true, merge: false }
    ])
  )
  it.effect("was announced by its commit", () =>
    given([])
      .when(record({ facts: facts("c1", [], 0), changes: [{ _tag: "Added", path: "a", after: file }] }))
      .thenFails(new ChangeUnexpected({ commit: "c1", path: "a" }))
  )
  it.effect("may come later, of a commit that is recorded in parts", () =>
    given([recorded("c1", [], 2), added("c1", "a")])
      .when({ _tag: "RecordChanges", commit: "c1", changes: [{ _tag: "Added", path: "b", after: file }] })
      .then([added("c1", "b")])
  )
  it.effect("comes later of the latest commit alone", () =>
    given([recorded("c1", [], 2), added("c1", "a")])
      .when({ _tag: "RecordChanges", commit: "c2", changes: [{ _tag: "Added", path: "b", after: file }] })
      .thenFails(new ChangeUnexpected({ commit: "c2", path: "b" }))
  )
})
