import { join } from "node:path"
import { defineConfig } from "vitest/config"

export default defineConfig({
  ssr: { resolve: { conditions: ["@eventfold/source", "module", "node"] } },
  resolve: {
    // A new database in memory takes most of the time of a test that needs one: it is a copy of one that was made before.
    alias: [{ find: /^@electric-sql\/pglite$/, replacement: join(import.meta.dirname, "test/support/pglite.ts") }]
  },
  test: {
    include: ["test/**/*.test.ts", "examples/**/*.test.ts"],
    testTimeout: 60_000,
    // Most of what tests do is to wait for a server. By default a machine with two cores would run one file at a time.
    maxWorkers: "100%",
    // Each test file is a process, and many start others: what their modules are compiled to is kept. It halves what it takes to load them.
    env: { NODE_COMPILE_CACHE: join(import.meta.dirname, "node_modules", ".cache", "node-compile") }
  }
})
