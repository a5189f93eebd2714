/**
 * What a stranger writes: the README's programs, and small ones whose bundles are weighed.
 */
import { blocksOfMarkdown } from "../support/markdown.ts"
import { files, manifest, read } from "../support/project.ts"

const { name, exports } = manifest()

/** The modules that are concepts: what `eventfold` has as namespaces. */
export const concepts = files("src/*.ts")
  .map((path) => path.slice("src/".length, -".ts".length))
  .filter((module) => module !== "index")
  .map((module) => `${name}/${module}`)

/** The entry points that `exports` names, with the root first. */
export const entries = Object.entries(exports)
  .filter(([key, entry]) => entry !== null && !key.includes("*") && !key.endsWith(".json"))
  .map(([key]) => name + key.slice(1))

const readme = blocksOfMarkdown("README.md", read("README.md")).blocks

const chain = (first: number): string => {
  const last = readme.findIndex(({ words }, index) => index > first && !words.includes("continue"))
  return readme
    .slice(first, last < 0 ? undefined : last)
    .map(({ code }) => code.join("\n"))
    .join("\n")
}

/** The whole domain. */
export const domain = readme[0]?.code.join("\n") ?? ""

/** The whole domain, and its specs. */
export const domainAndSpecs = chain(0)

/** The stores that need something more. */
export const onPostgres = chain(readme.findIndex(({ words }) => words.includes("no-run")))

/** Names every type there is. */
export const allTypes = [...entries, ...concepts]
  .map((one, index) => `export type * as Module${index} from "${one}"`)
  .join("\n")

const schemas = `
const events = EVENTS({ Opened: { owner: Schema.NonEmptyString }, Deposited: { amount: Schema.Int } })
const commands = Schema.TaggedUnion({ Open: { owner: Schema.NonEmptyString }, Deposit: { amount: Schema.Int } })
const state = Schema.TaggedUnion({ New: {}, Open: { balance: Schema.Int } })
`

const decider = `${schemas.replace("EVENTS", "Event.define")}
export const account = Decider.make({ name: "account", state, initial: { _tag: "New" }, events, commands })
  .evolve({
    Opened: () => ({ _tag: "Open", balance: 0 }),
    Deposited: (state, { amount }) => (state._tag === "Open" ? { ...state, balance: state.balance + amount } : state)
  })
  .decide({
    Open: ({ owner }, state) => (state._tag === "New" ? [{ _tag: "Opened", owner }] : []),
    Deposit: ({ amount }, state) => (state._tag === "Open" ? [{ _tag: "Deposited", amount }] : Result.fail("closed"))
  })
`

const byModule = `import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
`

/** Programs to be weighed, by what they are called. */
export const weighed = {
  "a decider's schemas, without eventfold": `${byModule}${schemas.replace("EVENTS", "Schema.TaggedUnion")}
export { commands, events, state, Result }`,
  "a decider, each module by its path": `${byModule}import * as Decider from "${name}/Decider"
import * as Event from "${name}/Event"
${decider}`,
  "a decider, by the names of the roots": `import { Result, Schema } from "effect"
import { Decider, Event } from "${name}"
${decider}`,
  "the README's domain, and the store in memory": domain,
  "all of `eventfold`": `export * from "${name}"`
}
