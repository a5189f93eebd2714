import * as Data from "effect/Data"
import { accept } from "./lockFile.ts"

const headings = {
  Missing: "is not there, and in CI it is not made",
  Damaged: "cannot be read",
  NoSamples: "cannot be written: no samples can be made of a schema",
  OutOfDate: "does not have all that is in the code yet",
  Changed: "tells of stored events that this change would break or read otherwise"
} as const

const advice = (reason: keyof typeof headings, file: string): string => {
  switch (reason) {
    case "Missing":
      return `Run this test once without CI in its environment, and commit ${file}; or ${accept(file)}`
    case "Damaged":
      return `Take ${file} back from version control. Deleted, it is made anew, and what was published is forgotten.`
    case "NoSamples":
      return "Give the schema the annotation `toArbitrary`, which makes values of it."
    case "OutOfDate":
      return `Nothing is broken. To publish it, ${accept(file)}`
    case "Changed":
      return (
        "A published version stays as it is: add the new shape with `.next`, give a type its new name with `.renamed`, and keep " +
        `one that is written no more with \`.retired\`.\nIf nothing was ever stored like that, or it is meant: ${accept(file)}`
      )
  }
}

/**
 * A check of the catalog that does not hold. The message says which stored events it is about, how they differ, and what to do.
 */
export class CatalogFailure extends Data.TaggedError("CatalogFailure")<{
  /**
   * `Changed`: published events would be read otherwise, or not at all. `OutOfDate`: the lock file, in CI, does not have what was
   * added. `Missing`: in CI there is none. `Damaged`: it is no lock file that this code can read. `NoSamples`: of a schema no
   * values can be made.
   */
  readonly reason: keyof typeof headings
  /** The path of the lock file. */
  readonly file: string
  /** Each begins with the stored type and version it is about, where it is about one. */
  readonly problems: ReadonlyArray<string>
}> {
  override get message(): string {
    const { reason, file, problems } = this
    return [`${file} ${headings[reason]}`, ...problems, advice(reason, file)].join("\n\n")
  }
}
