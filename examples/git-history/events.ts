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
const commitFields1 = {
  commit: Schema.String,
  parents: Schema.Array(Schema.String),
  /** As the commit has it: a mailmap is a later opinion. */
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

/** Whether the commit is on the line of first parents that leads to HEAD: then its changes are changes of what is at HEAD. */
const headLine = { headLine: Schema.Boolean }
export const commitFields = { ...commitFields1, ...headLine }

/** What a change tells of its commit: a read model that is kept by path sees changes alone. */
const ofCommit = { ...headLine, merge: Schema.Boolean }
/** Version 1 did not tell, and its histories are not asked for any more: a history is read under another name since. */
const untold = { headLine: false, merge: false }

const path = { commit: Schema.String, path: Schema.String }
const held = { ...path, ...Entry.fields }
const modeChanged = { ...path, mode: Schema.String }
const taken = { ...path, from: Schema.String, ...Entry.fields }

/** Every event type with its versions. A read model that has words of its own begins with these. */
export const versions = {
  CommitRecorded: Event.version(commitFields1).next(commitFields, (v1) => ({ ...v1, headLine: false })),
  FileAdded: Event.version(held).next({ ...held, ...ofCommit }, (v1) => ({ ...v1, ...untold })),
  /** Another content, and perhaps another mode. */
  FileModified: Event.version(held).next({ ...held, ...ofCommit }, (v1) => ({ ...v1, ...untold })),
  /** The same content under another mode of the same kind: `chmod +x`, or back. */
  ModeChanged: Event.version(modeChanged).next({ ...modeChanged, ...ofCommit }, (v1) => ({ ...v1, ...untold })),
  /** A file became a link, a link a submodule, and so on. */
  TypeChanged: Event.version(held).next({ ...held, ...ofCommit }, (v1) => ({ ...v1, ...untold })),
  /** From one path to another, perhaps with another content or mode. */
  FileRenamed: Event.version(taken).next({ ...taken, ...ofCommit }, (v1) => ({ ...v1, ...untold })),
  FileCopied: Event.version(taken).next({ ...taken, ...ofCommit }, (v1) => ({ ...v1, ...untold })),
  FileRemoved: Event.version(path).next({ ...path, ...ofCommit }, (v1) => ({ ...v1, ...untold }))
}

export const RepositoryEvent = Event.define(versions)
export type RepositoryEvent = typeof RepositoryEvent.Type

/** What is recorded of a commit itself. */
export type CommitFacts = Schema.Struct.Type<typeof commitFields>

/** The events that tell of one path. */
export type FileEvent = Exclude<RepositoryEvent, { readonly _tag: "CommitRecorded" }>
