/**
 * 1. What happens in the history of a repository, as facts.
 *
 * A commit is recorded first and says how many changes follow; then they follow, one event for each changed path, told
 * against the tree of the commit's first parent. A commit is whole when all its changes are there, so a history that
 * breaks off in the middle of one can be seen to do so.
 *
 * Paths are text as `names.ts` makes it of bytes; blobs and commits are the ids that git gave them.
 */
import { Schema } from "effect"
import { Event } from "eventfold"

/** What a path holds: a mode (`100644`, `100755` a program, `120000` a link, `160000` a submodule) and the id of a content. */
export const Entry = Schema.Struct({ mode: Schema.String, blob: Schema.String })
export type Entry = typeof Entry.Type

/** Who committed what and when. Instants are in seconds since 1970, as git keeps them, whatever they are. */
export const commitFields = {
  commit: Schema.String,
  parents: Schema.Array(Schema.String),
  author: Schema.String,
  email: Schema.String,
  authoredAt: Schema.Int,
  committedAt: Schema.Int,
  subject: Schema.String,
  /** How many commits of this history have it as their first parent: so often its tree is still needed. */
  children: Schema.Int,
  /** How many changes it has against its first parent. */
  changes: Schema.Int
}

const path = { commit: Schema.String, path: Schema.String }

export const RepositoryEvent = Event.define({
  CommitRecorded: commitFields,
  FileAdded: { ...path, ...Entry.fields },
  /** Another content, and perhaps another mode. */
  FileModified: { ...path, ...Entry.fields },
  /** The same content under another mode of the same kind: `chmod +x`, or back. */
  ModeChanged: { ...path, mode: Schema.String },
  /** A file became a link, a link a submodule, and so on. */
  TypeChanged: { ...path, ...Entry.fields },
  /** From one path to another, perhaps with another content or mode. */
  FileRenamed: { ...path, from: Schema.String, ...Entry.fields },
  FileCopied: { ...path, from: Schema.String, ...Entry.fields },
  FileRemoved: path
})
export type RepositoryEvent = typeof RepositoryEvent.Type

/** What is recorded of a commit itself. */
export type CommitFacts = Schema.Struct.Type<typeof commitFields>

/** The events that tell of one path. */
export type FileEvent = Exclude<RepositoryEvent, { readonly _tag: "CommitRecorded" }>
