/**
 * How much of a bundle the package is.
 */
import { Schema } from "effect"
import { weighed } from "./programs.ts"
import type { Stranger } from "./stranger.ts"

const Sizes = Schema.fromJsonString(
  Schema.Array(
    Schema.Struct({
      file: Schema.String,
      bundler: Schema.String,
      isWithEffect: Schema.Boolean,
      bytes: Schema.Int,
      zipped: Schema.Int,
      imports: Schema.Array(Schema.String)
    })
  )
)

/** How large a bundle is, minified, in bytes. */
export interface Size {
  readonly program: string
  readonly bundler: string
  readonly isWithEffect: boolean
  readonly bytes: number
  readonly zipped: number
  /** The modules that it still imports. */
  readonly imports: ReadonlyArray<string>
}

/** The file of a bundle with effect. */
export const bundleOf = (program: keyof typeof weighed, bundler: "esbuild" | "rolldown"): string =>
  `weighed${Object.keys(weighed).indexOf(program)}.ts.${bundler}.js`

/** Bundles the programs in a stranger's project. */
export const weigh = async (stranger: Stranger): Promise<ReadonlyArray<Size>> => {
  const programs = Object.entries(weighed).map(([program, code], index) => ({
    program,
    code,
    file: `weighed${index}.ts`
  }))
  await Promise.all(programs.map(({ code, file }) => stranger.write(file, code)))
  const printed = await stranger.tool("bundle", ...programs.map(({ file }) => file))
  return Schema.decodeSync(Sizes)(printed).map(({ file, ...size }) => ({
    ...size,
    program: programs.find((one) => one.file === file)?.program ?? file
  }))
}

const kilobytes = (bytes: number): string => `${(bytes / 1000).toFixed(1)} kB`

/** The sizes as a table: minified, and under gzip. */
export const table = (sizes: ReadonlyArray<Size>): string =>
  [
    "| program | bundler | with effect | under gzip | without effect | under gzip |",
    "| --- | --- | --: | --: | --: | --: |",
    ...sizes
      .filter(({ isWithEffect }) => isWithEffect)
      .map((whole) => {
        const alone = sizes.find(
          (size) => size.program === whole.program && size.bundler === whole.bundler && !size.isWithEffect
        )
        const cells = [whole, alone ?? whole].flatMap(({ bytes, zipped }) => [kilobytes(bytes), kilobytes(zipped)])
        return `| ${[whole.program, whole.bundler, ...cells].join(" | ")} |`
      })
  ].join("\n")
