/**
 * A process that works for the shop until it is killed: see processWorking.ts. What it is compiled to is kept, for there are many of them.
 */
import { enableCompileCache, flushCompileCache } from "node:module"

enableCompileCache()
await import("./processWorking.ts")
// Who is killed has no time for it at the end.
flushCompileCache()
