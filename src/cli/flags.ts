/**
 * The flags that every command has.
 */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Flag from "effect/cli/Flag"
import * as GlobalFlag from "effect/cli/GlobalFlag"

/** Where the events are. */
export const StoreFlag = GlobalFlag.Setting("eventfold-store")({
  flag: Flag.String("store").pipe(
    Flag.withAlias("s"),
    Flag.withMetavar("where"),
    Flag.withDescription(
      "A PostgreSQL URL, the folder of an embedded store, or an exported file of events. " +
        "EVENTFOLD_STORE, or DATABASE_URL, in the environment by default"
    ),
    Flag.optional
  )
})

/** The database schema of the log. */
export const SchemaFlag = GlobalFlag.Setting("eventfold-schema")({
  flag: Flag.String("schema").pipe(
    Flag.withMetavar("name"),
    Flag.withDescription(
      "The database schema of the log. EVENTFOLD_SCHEMA in the environment, or eventfold, by default"
    ),
    Flag.optional
  )
})

/** Whether a program reads what is printed. */
export const JsonFlag = GlobalFlag.Setting("eventfold-json")({
  flag: Flag.Boolean("json").pipe(
    Flag.withDescription("Print JSON: one value, or one on each line where there are many"),
    Flag.withDefault(false)
  )
})

export const globalFlags = [StoreFlag, SchemaFlag, JsonFlag] as const

/** The module that exports the domain's deciders, events and views. */
export const domainFlag = Flag.String("domain").pipe(
  Flag.withAlias("d"),
  Flag.withMetavar("module"),
  Flag.withDescription("A module (.ts or .js) that exports the domain: deciders, sets of events, views")
)

/** That what it asks for is meant: without it a command that destroys something only says what it would do. */
export const yesFlag = Flag.Boolean("yes").pipe(
  Flag.withDescription("Do it without being asked again"),
  Flag.withDefault(false)
)

/** Why something is given up for good. */
export const reasonFlag = Flag.String("reason").pipe(
  Flag.withMetavar("text"),
  Flag.withDescription("Why: it is kept"),
  Flag.withSchema(Schema.String.check(Schema.isPattern(/\S/, { message: "Say why" })))
)

const Instant = Schema.DateTimeUtcFromString

/** An instant, as `2026-03-31` or `2026-03-31T10:00:00Z`. */
export const instantFlag = (name: string, description: string): Flag.Flag<Option.Option<typeof Instant.Type>> =>
  Flag.String(name).pipe(
    Flag.withMetavar("instant"),
    Flag.withDescription(`${description}, such as 2026-03-31T10:00:00Z`),
    Flag.withSchema(Instant),
    Flag.optional
  )

/** A whole number from 1. */
export const countFlag = (name: string, description: string): Flag.Flag<number> =>
  Flag.Int(name).pipe(
    Flag.withMetavar("number"),
    Flag.withDescription(description),
    Flag.withSchema(Schema.Int.check(Schema.isGreaterThanOrEqualTo(1)))
  )
