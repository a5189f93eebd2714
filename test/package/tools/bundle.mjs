/**
 * Bundles programs for browsers, minified, with and without effect: `node bundle.mjs FILE...`, in the folder where what they
 * import is installed. Prints as JSON how large each is, in bytes, as it is and under gzip, and which modules it still imports.
 * The bundles stay beside the programs, as `FILE.BUNDLER.js`.
 */
import { writeFileSync } from "node:fs"
import { gzipSync } from "node:zlib"
import { build } from "esbuild"
import { rolldown } from "rolldown"

const bundlers = {
  esbuild: async (file, external) => {
    const { outputFiles, metafile } = await build({
      absWorkingDir: process.cwd(),
      entryPoints: [file],
      bundle: true,
      minify: true,
      format: "esm",
      platform: "browser",
      external,
      write: false,
      metafile: true,
      logLevel: "error"
    })
    const [{ imports }] = Object.values(metafile.outputs)
    return { code: outputFiles[0].text, imports: imports.map(({ path }) => path) }
  },
  rolldown: async (file, external) => {
    const isExternal = (id) => external.some((name) => id === name || id.startsWith(`${name}/`))
    const bundle = await rolldown({ input: file, platform: "browser", external: isExternal, logLevel: "silent" })
    const { output } = await bundle.generate({ format: "esm", minify: true, codeSplitting: false })
    const [{ code, imports, dynamicImports }] = output
    return { code, imports: [...imports, ...dynamicImports] }
  }
}

const sizes = []
for (const file of process.argv.slice(2)) {
  for (const [bundler, bundle] of Object.entries(bundlers)) {
    for (const external of [[], ["effect"]]) {
      const { code, imports } = await bundle(file, external)
      if (external.length === 0) writeFileSync(`${file}.${bundler}.js`, code)
      const foreign = imports.filter((path) => !external.some((name) => path === name || path.startsWith(`${name}/`)))
      sizes.push({
        file,
        bundler,
        isWithEffect: external.length === 0,
        bytes: Buffer.byteLength(code),
        zipped: gzipSync(code).length,
        imports: foreign
      })
    }
  }
}
console.log(JSON.stringify(sizes))
