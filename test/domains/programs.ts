/**
 * The same domain in each library, as files: where they are, and what can be got wrong in them.
 */
import { join } from "node:path"
import { root } from "../support/project.ts"

/** Who the domain is written with. */
export type Who = "eventfold" | "emmett" | "castore"

export const everyone: ReadonlyArray<Who> = ["eventfold", "emmett", "castore"]

export const nameOf: Readonly<Record<Who, string>> = { eventfold: "Eventfold", emmett: "Emmett", castore: "Castore" }

/** Where the packages of the others are installed. */
export const peers = join(root, "test/domains/peers")

/** The folder of a program. */
export const folderOf: Readonly<Record<Who, string>> = {
  eventfold: "test/domains/eventfold",
  emmett: "test/domains/peers/emmett",
  castore: "test/domains/peers/castore"
}

/** The files of each program: the rules, what runs them, and their specs. */
export const parts = { rules: "account.ts", service: "bank.ts", specs: "account.spec.ts" } as const
