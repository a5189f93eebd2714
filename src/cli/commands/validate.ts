/**
 * `eventfold validate`: whether a file or a store of events is in order, and whether a domain can read it; and whether a domain is in order by itself.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { EventStore } from "../../EventStore.ts"
import { load } from "../domain.ts"
import { CliFailure, Findings } from "../failure.ts"
import { countFlag, domainFlag } from "../flags.ts"
import * as Output from "../output/Output.ts"
import { withProgress } from "../output/progress.ts"
import { isGiven, layerEvents, nameOf, source } from "../Source.ts"
import { checkNames } from "../validate/content.ts"
import { gather, ruleNames } from "../validate/findings.ts"
import { checkFile, checkStore, noLog, type Options } from "../validate/log.ts"
import { severities, toJson, toText } from "../validate/report.ts"

const flags = {
  domain: domainFlag.pipe(Flag.optional),
  catalog: Flag.String("catalog").pipe(
    Flag.withMetavar("file"),
    Flag.withDescription("Compare the domain with what is published in this lock file. It is not written"),
    Flag.optional
  ),
  strict: Flag.Boolean("strict").pipe(Flag.withDescription("Exit 1 on warnings too"), Flag.withDefault(false)),
  ignore: Flag.Literals("ignore", ruleNames).pipe(
    Flag.withMetavar("rule"),
    Flag.withDescription("Do not look at this rule. Can be given several times"),
    Flag.atLeast(0)
  ),
  most: countFlag("most", "List so many findings of each rule; all are counted").pipe(Flag.withDefault(20)),
  large: countFlag("large", "Warn of events with so many bytes of data and metadata").pipe(Flag.withDefault(64 * 1024))
}

/** The log that is given: a file line by line, whatever is in it, and anything else as a store. */
const checkLog = Effect.fnUntraced(function* (options: Options) {
  const found = yield* source
  if (found._tag === "File") {
    const files = yield* FileSystem.FileSystem
    const { size } = yield* files.stat(found.path)
    return yield* withProgress({ label: "validating", unit: "lines", total: Number(size) }, (advance) =>
      checkFile(found.path, options, advance)
    )
  }
  return yield* Effect.gen(function* () {
    const store = yield* EventStore
    const total = yield* store.head
    return yield* withProgress({ label: "validating", unit: "events", total }, (advance) =>
      checkStore(store, options, advance)
    )
  }).pipe(Effect.provide(layerEvents))
})

export const validate = Command.make(
  "validate",
  flags,
  Effect.fn(function* ({ catalog, domain: module, ignore, large, most, strict }) {
    const hasLog = yield* isGiven
    if (Option.isSome(catalog) && Option.isNone(module)) {
      return yield* new CliFailure({
        kind: "usage",
        problem: "--catalog compares a domain, and there is none",
        advice: "Give --domain with the module that exports the set of events"
      })
    }
    const domain = Option.isSome(module) ? yield* load(module.value) : undefined
    const { groups, report } = gather({ most, ignored: ignore })
    if (domain !== undefined) checkNames(domain, report)
    if (domain !== undefined && Option.isSome(catalog)) {
      // What it compares with takes long to load, and few ask for it.
      const { checkCatalog } = yield* Effect.promise(() => import("../validate/catalog.ts"))
      yield* checkCatalog(domain, catalog.value, report)
    }
    // A domain can be validated alone. Without one, it is asked where the events are.
    const checked = hasLog || domain === undefined ? yield* checkLog({ domain, large, report }) : noLog(domain)
    const what = hasLog ? nameOf(yield* source) : Option.getOrElse(module, () => "")
    const found = groups()
    yield* Output.answer(toJson(checked, found), () => toText(what, checked, found))
    const { error, warning } = severities(found)
    if (error > 0 || (strict && warning > 0)) return yield* new Findings()
  })
).pipe(
  Command.withDescription("Check a file or a store of events, and whether a domain can read it"),
  Command.withExamples([
    { command: "eventfold validate --store ./events.jsonl", description: "A file, before it is imported" },
    {
      command: "eventfold validate --store ./data --domain ./account.ts --strict",
      description: "A whole store, with all that the domain must be able to read"
    },
    {
      command: "eventfold validate --domain ./account.ts --catalog ./account.events.json",
      description: "A domain alone, against what is published of it"
    }
  ])
)
