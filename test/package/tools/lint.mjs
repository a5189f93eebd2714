/**
 * Prints as JSON what publint and Are The Types Wrong say of a tarball: `node lint.mjs TARBALL ENTRYPOINT...`.
 */
import { readFileSync } from "node:fs"
import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core"
import { publint } from "publint"
import { formatMessage } from "publint/utils"

const [path, ...entrypoints] = process.argv.slice(2)
const bytes = new Uint8Array(readFileSync(path))

const { messages, pkg } = await publint({ pack: { tarball: bytes.buffer }, strict: true })
const types = await checkPackage(createPackageFromTarballData(bytes), { entrypoints })

console.log(
  JSON.stringify({
    publint: messages.map((message) => `${message.type}: ${formatMessage(message, pkg, { color: false })}`),
    entrypoints: Object.keys(types.entrypoints ?? {}),
    types: (types.problems ?? []).map(({ kind, ...where }) => ({
      kind,
      where: where.resolutionKind ?? JSON.stringify(where)
    }))
  })
)
