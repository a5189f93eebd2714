import { defineConfig } from "vitest/config"

export default defineConfig({
  ssr: { resolve: { conditions: ["@eventfold/source", "module", "node"] } },
  test: {
    include: ["test/**/*.test.ts", "examples/**/*.test.ts"],
    testTimeout: 60_000,
    // Most of what tests do is to wait for a server. By default a machine with two cores would run one file at a time.
    maxWorkers: "100%"
  }
})
