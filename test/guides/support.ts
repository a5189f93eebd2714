/**
 * What the guides for those who move show, as the tests run it: their SQL by its first line, and the mover.
 */
import { read } from "../support/project.ts"

/** The statements of a document's block of SQL that begins with a comment. */
export const sqlOf = (document: string, title: string): ReadonlyArray<string> => {
  const blocks = read(document).matchAll(/^( *)```sql\n([^]*?)^ *```$/gm)
  for (const [, indent = "", text = ""] of blocks) {
    const lines = text.split("\n").map((line) => (line.startsWith(indent) ? line.slice(indent.length) : line))
    if (lines[0]?.startsWith(`-- ${title}`) !== true) continue
    const statements: Array<string> = []
    let begun: ReadonlyArray<string> = []
    for (const line of lines) {
      begun = [...begun, line]
      const text = begun.join("\n")
      // A body between dollars has semicolons of its own.
      if (!line.endsWith(";") || text.split("$$").length % 2 === 0) continue
      statements.push(text)
      begun = []
    }
    return statements
  }
  throw new Error(`${document} has no block of SQL that begins with "-- ${title}"`)
}

/** Whether a document shows a file as it is. */
export const shows = (document: string, file: string): boolean =>
  read(document).includes(`\`\`\`ts no-run\n${read(file)}\`\`\``)
