/**
 * How a command ends when it does not succeed: every failure comes to an exit code, a sentence that says what is wrong, and one that says
 * what to do about it.
 */
import * as Data from "effect/Data"
import * as PlatformError from "effect/PlatformError"
import * as Predicate from "effect/Predicate"
import * as CliError from "effect/cli/CliError"
import { StoreError } from "../EventStore.ts"
import { printable } from "./output/table.ts"

/**
 * The exit codes, as docs/cli.md has them.
 */
export const exitCodes = {
  /** It was done. */
  done: 0,
  /** It was done, and what was looked at is not in order. */
  findings: 1,
  /** The command line is wrong. */
  usage: 2,
  /** What it is about is not there. */
  notFound: 3,
  /** The store cannot be used, or refused. */
  store: 4,
  /** It would have destroyed something or does not apply, and nothing was done. */
  refused: 5,
  /** The module of the domain, or what is stored and has to fit it, cannot be used. */
  domain: 6,
  /** A fault of this program. */
  defect: 70,
  /** It was interrupted. */
  interrupted: 130
} as const

/** Why a command failed, by the name of its exit code. */
export type FailureKind = Exclude<keyof typeof exitCodes, "done" | "defect" | "interrupted">

/**
 * A command failed.
 */
export class CliFailure extends Data.TaggedError("CliFailure")<{
  readonly kind: FailureKind
  readonly problem: string
  /** What to do. */
  readonly advice?: string | undefined
}> {
  override get message(): string {
    return this.problem
  }
}

/** What was looked at is not in order: it has been said what, and only the exit code is left to tell. */
export class Findings extends Data.TaggedError("Findings") {}

export const notFound = (problem: string, advice?: string): CliFailure =>
  new CliFailure({ kind: "notFound", problem, advice })

/** How an error is told, and what it comes to. */
export interface Told {
  readonly exitCode: number
  /** Nothing where all has been said. */
  readonly problem: string | undefined
  readonly advice: string | undefined
}

/** What is wrong with a file, without the names of functions. */
const problemOfSystem = ({ reason }: PlatformError.PlatformError): string => {
  if (reason.module === "Stdio") {
    return `the output cannot be written: ${Predicate.isError(reason.cause) ? reason.cause.message : reason._tag}`
  }
  if (!("pathOrDescriptor" in reason) || !Predicate.isString(reason.pathOrDescriptor)) return reason.message
  const path = printable(reason.pathOrDescriptor)
  if (reason._tag === "NotFound") return `there is no file or folder ${path}`
  if (reason._tag === "PermissionDenied") return `${path} cannot be opened: permission is denied`
  return `${path} cannot be used: ${Predicate.isError(reason.cause) ? reason.cause.message : reason._tag}`
}

const messageOf = (error: unknown): string => {
  if (PlatformError.isPlatformError(error)) return problemOfSystem(error)
  return Predicate.isError(error) ? error.message : String(error)
}

const kindByTag: { readonly [tag: string]: FailureKind } = {
  StoreError: "store",
  SqlError: "store",
  EmbeddedError: "store",
  ConcurrencyConflict: "store",
  ConditionConflict: "store",
  DecodeError: "domain",
  StateEncodeError: "domain",
  RequestRefused: "refused",
  PlatformError: "notFound",
  ConfigError: "usage"
}

/** What to do where the store itself is at fault. */
const adviceOf = (error: unknown): string | undefined => {
  if (!(error instanceof StoreError)) return undefined
  if (error.problem.includes("run the migrations")) return "Run them: eventfold migrate"
  const isInstallation = ["AccessDenied", "Misconfigured", "Unavailable"].includes(error.reason)
  return isInstallation ? "See what is wrong: eventfold doctor" : undefined
}

/** Whether who reads the output has gone, having read enough, as `head` does. */
const isEnough = (error: unknown): boolean =>
  PlatformError.isPlatformError(error) &&
  error.reason.module === "Stdio" &&
  Predicate.hasProperty(error.reason.cause, "code") &&
  error.reason.cause.code === "EPIPE"

/** What is wrong with a command line. Nothing is where help was shown because no command was given. */
const toldOfUsage = (error: CliError.CliError): Told => {
  const exitCode = exitCodes.usage
  if (error._tag !== "ShowHelp") return { exitCode, problem: error.message, advice: undefined }
  if (error.errors.length === 0) return { exitCode, problem: undefined, advice: undefined }
  const problem = error.errors.map(({ message }) => message).join("\n")
  return { exitCode, problem, advice: `See how it is used: ${error.commandPath.join(" ")} --help` }
}

/**
 * Tells any error that a command may fail with. `undefined` for one that no command should fail with.
 */
export const tell = (error: unknown): Told | undefined => {
  if (CliError.isCliError(error)) return toldOfUsage(error)
  if (isEnough(error)) return { exitCode: exitCodes.done, problem: undefined, advice: undefined }
  if (error instanceof Findings) return { exitCode: exitCodes.findings, problem: undefined, advice: undefined }
  if (error instanceof CliFailure) {
    return { exitCode: exitCodes[error.kind], problem: error.problem, advice: error.advice }
  }
  if (!Predicate.hasProperty(error, "_tag") || !Predicate.isString(error._tag)) return undefined
  const kind = kindByTag[error._tag]
  return kind === undefined
    ? undefined
    : { exitCode: exitCodes[kind], problem: messageOf(error), advice: adviceOf(error) }
}
