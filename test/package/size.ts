/**
 * Prints how large the package is in bundles for browsers.
 */
import { stranger } from "./stranger.ts"
import { table, weigh } from "./weighing.ts"

await using project = await stranger()
process.stdout.write(`${table(await weigh(project))}\n`)
