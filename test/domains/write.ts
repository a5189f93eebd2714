/**
 * Writes the parts of docs/same-domain.md that are made by a program. It needs the packages of the others:
 *
 *     npm ci --prefix test/domains/peers && node --conditions=@eventfold/source test/domains/write.ts && npx oxfmt docs/same-domain.md
 */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { read, root } from "../support/project.ts"
import { document, overview, quote, replaced, section, sizes } from "./document.ts"
import { mistakes } from "./mistakes.ts"
import { everyone } from "./programs.ts"
import { outcomes } from "./variants.ts"

const found = await outcomes(everyone)

const sections = mistakes.flatMap((mistake, index) => [
  ...section(mistake),
  ...everyone.flatMap((who) => {
    const outcome = found[who]?.[index + 1]
    return outcome === undefined ? [] : quote(who, outcome)
  })
])

let text = read(document)
text = replaced(text, "sizes", sizes())
text = replaced(text, "overview", overview(found))
text = replaced(text, "mistakes", sections)
writeFileSync(join(root, document), text)
