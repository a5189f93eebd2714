/**
 * 4. Read models: who has contributed, where files change, and which files are at HEAD. Projections keep them while a
 * history is imported; each document is of one history, which its key begins with.
 *
 * A read model has words of its own where the events tell more than it asks for: an event that is about two paths is two
 * of its events, and one that it has no use for is none.
 */
import { Schema, Stream } from "effect"
import { Event, Projection, type RecordedEvent, StreamName, View } from "eventfold"
import { createHash } from "node:crypto"
import { Entry, RepositoryEvent, versions } from "./events.ts"

/** No store takes keys of any length: what is long is told by its digest. */
const keyIn = ({ stream }: RecordedEvent.RecordedEvent, name: string): string =>
  `${StreamName.id(stream)}:${name.length > 400 ? createHash("sha256").update(name).digest("hex") : name}`

// Who has contributed

export const Contributor = Schema.Struct({ author: Schema.String, commits: Schema.Int, merges: Schema.Int })
export type Contributor = typeof Contributor.Type

/** By author, as `git shortlog -sn` counts them: merges as well. */
export const contributorsView = View.keyed({
  name: "git-contributors",
  events: Event.pick(RepositoryEvent, ["CommitRecorded"]),
  key: ({ author }, recorded) => keyIn(recorded, author),
  model: Contributor,
  initial: { author: "", commits: 0, merges: 0 }
}).evolve({
  CommitRecorded: ({ commits, merges }, { author, parents }) => ({
    author,
    commits: commits + 1,
    merges: merges + (parents.length > 1 ? 1 : 0)
  })
})

// Where files change

type What = "added" | "changed" | "arrived" | "left" | "removed"

/** A change in a folder at the top; what is in no folder is in the folder ".". */
const Changed = Event.define({
  Changed: { folder: Schema.String, what: Schema.Literals(["added", "changed", "arrived", "left", "removed"]) }
})

const folderOf = (path: string): string => (path.includes("/") ? path.slice(0, path.indexOf("/")) : ".")

/** What a merge has changed is counted where it was done. */
const changed = ({ path, merge }: { readonly path: string; readonly merge: boolean }, what: What) =>
  merge ? [] : [{ _tag: "Changed" as const, folder: folderOf(path), what }]

const Changes = Changed.retired("FileAdded", versions.FileAdded, (file) => changed(file, "added"))
  .retired("FileModified", versions.FileModified, (file) => changed(file, "changed"))
  .retired("ModeChanged", versions.ModeChanged, (file) => changed(file, "changed"))
  .retired("TypeChanged", versions.TypeChanged, (file) => changed(file, "changed"))
  .retired("FileRenamed", versions.FileRenamed, (file) => [
    ...changed({ ...file, path: file.from }, "left"),
    ...changed(file, "arrived")
  ])
  .retired("FileCopied", versions.FileCopied, (file) => changed(file, "added"))
  .retired("FileRemoved", versions.FileRemoved, (file) => changed(file, "removed"))

export const Churn = Schema.Struct({
  folder: Schema.String,
  added: Schema.Int,
  changed: Schema.Int,
  /** Renamed, into the folder or within it; and out of it or within it. */
  arrived: Schema.Int,
  left: Schema.Int,
  removed: Schema.Int
})
export type Churn = typeof Churn.Type

export const churnView = View.keyed({
  name: "git-churn",
  events: Changes,
  key: ({ folder }, recorded) => keyIn(recorded, folder),
  model: Churn,
  initial: { folder: "", added: 0, changed: 0, arrived: 0, left: 0, removed: 0 }
}).evolve({ Changed: (churn, { folder, what }) => ({ ...churn, folder, [what]: churn[what] + 1 }) })

// Which files are at HEAD

const AtHead = Event.define({
  Held: { path: Schema.String, ...Entry.fields },
  ModeSet: { path: Schema.String, mode: Schema.String },
  Gone: { path: Schema.String }
})

const held = ({ path, mode, blob, headLine }: Entry & { readonly path: string; readonly headLine: boolean }) =>
  headLine ? [{ _tag: "Held" as const, path, mode, blob }] : []

const gone = (path: string, headLine: boolean) => (headLine ? [{ _tag: "Gone" as const, path }] : [])

/** What happens on other lines than HEAD's is nothing until it is merged, and then the merge tells. */
const Holding = AtHead.retired("FileAdded", versions.FileAdded, held)
  .retired("FileModified", versions.FileModified, held)
  .retired("TypeChanged", versions.TypeChanged, held)
  .retired("ModeChanged", versions.ModeChanged, ({ path, mode, headLine }) =>
    headLine ? [{ _tag: "ModeSet", path, mode }] : []
  )
  .retired("FileRenamed", versions.FileRenamed, (file) => [...gone(file.from, file.headLine), ...held(file)])
  .retired("FileCopied", versions.FileCopied, held)
  .retired("FileRemoved", versions.FileRemoved, ({ path, headLine }) => gone(path, headLine))

export const File = Schema.Struct({ path: Schema.String, ...Entry.fields })
export type File = typeof File.Type

export const filesView = View.keyed({
  name: "git-files",
  events: Holding,
  key: ({ path }, recorded) => keyIn(recorded, path),
  model: File,
  initial: { path: "", mode: "", blob: "" }
}).evolve({
  Held: (_, { path, mode, blob }) => ({ path, mode, blob }),
  ModeSet: (file, { mode }) => ({ ...file, mode }),
  Gone: () => View.gone
})

export class Contributors extends Projection.Service<Contributors>()(
  "git-history/Contributors",
  Projection.make({ version: 1, view: contributorsView })
) {}

export class Churns extends Projection.Service<Churns>()(
  "git-history/Churns",
  Projection.make({ version: 1, view: churnView })
) {}

export class Files extends Projection.Service<Files>()(
  "git-history/Files",
  Projection.make({ version: 1, view: filesView })
) {}

/** What a read model has of one history. */
export const ofHistory = <Model>(documents: Projection.Documents<Model>, id: string) =>
  documents.query({ after: id }).pipe(
    Stream.takeWhile(([key]) => key.startsWith(`${id}:`)),
    Stream.map(([, model]) => model)
  )
