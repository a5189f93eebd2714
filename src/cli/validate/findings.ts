/**
 * What a validation finds: the rules by name, and findings gathered by rule.
 */

export type Severity = "error" | "warning" | "info"

interface RuleText {
  readonly severity: Severity
  /** What is found, in words. */
  readonly about: string
  readonly advice: string
}

/**
 * The rules. An error is what a reader stumbles over, or what no store of events is; a warning is what will be regretted; the rest is told
 * because it may explain something.
 */
const texts = {
  "broken-line": {
    severity: "error",
    about: "lines that are no event",
    advice: "Export the file again, or take the lines out: an import stops at the first of them"
  },
  unstorable: {
    severity: "error",
    about: "events that no store takes",
    advice: "Mend what made them before they are imported"
  },
  "inexact-number": {
    severity: "error",
    about: "numbers that would be stored as others",
    advice: "Numbers are kept to 17 digits at most, and whole ones up to 2^53: write larger ones as texts"
  },
  "stream-name": {
    severity: "error",
    about: "names that no stream can have",
    advice: "A stream is called as its category and its id, with a hyphen between: account-ada"
  },
  "duplicate-id": {
    severity: "error",
    about: "ids that another event has",
    advice: "The same id is stored once: find out which of the events happened"
  },
  "position-order": {
    severity: "error",
    about: "positions that are not after those before them",
    advice: "A log is in the order of its positions: sort the file by them"
  },
  "position-gap": {
    severity: "error",
    about: "positions that are missing",
    advice: "Nothing takes events out of a log but hands in the database: restore it from a backup"
  },
  "file-part": {
    severity: "info",
    about: "positions that are not in the file",
    advice: "It has a part of a log. If it is meant to be whole, export it again"
  },
  "version-order": {
    severity: "error",
    about: "versions that are not after those before them",
    advice: "A stream is in the order of its versions, and has each once"
  },
  "version-gap": {
    severity: "error",
    about: "versions that are missing",
    advice: "What such a stream is folded to never was: get the missing events back, from a backup or a whole export"
  },
  "version-start": {
    severity: "warning",
    about: "streams that begin after their first version",
    advice: "The file has only the ends of them: to fold a stream, export all of it"
  },
  "time-order": {
    severity: "error",
    about: "times that go back along positions",
    advice: "Recorded times never decrease in a log: an instant would be no position any more"
  },
  "unknown-type": {
    severity: "error",
    about: "types that the stream's decider does not know",
    advice: "Define the type, give it back its old name with `.renamed`, or read it as others with `.retired`"
  },
  "foreign-type": {
    severity: "warning",
    about: "types that the domain does not know, in streams that it has no decider for",
    advice: "Export what knows them from the module of the domain, if they are of it"
  },
  "unknown-version": {
    severity: "error",
    about: "schema versions that the domain does not know",
    advice: "They are from newer code, or a version was taken out: validate with the code that wrote them"
  },
  undecodable: {
    severity: "error",
    about: "events that the domain cannot read",
    advice:
      "If they were stored like that, give back the version its schema and add the new shape with `.next`; if not, they were changed"
  },
  "size-limit": {
    severity: "error",
    about: "events larger than a store takes unless it is configured to",
    advice: "Keep large things elsewhere, and their address in the event"
  },
  "size-large": {
    severity: "warning",
    about: "large events",
    advice: "Every reader fetches them: keep large things elsewhere, and their address in the event"
  },
  correlation: {
    severity: "warning",
    about: "events without a correlation id",
    advice: "What aggregates append has one: without it nobody finds what belongs together"
  },
  causation: {
    severity: "info",
    about: "causes that are not among the events before",
    advice: "They happened in another log, or in a part that is not here"
  },
  "name-tense": {
    severity: "warning",
    about: "types that are not named in the past tense",
    advice: "An event has happened: OrderPlaced, not PlaceOrder or Order. If it reads so, --ignore name-tense"
  },
  "name-crud": {
    severity: "warning",
    about: "types that say what was done to a row, and not what happened",
    advice: "Name what happened in the words of the business: AddressCorrected or CustomerMoved, not CustomerUpdated"
  },
  "catalog-broken": {
    severity: "error",
    about: "published events that would be read otherwise, or not at all",
    advice: "A published version stays as it is: add the new shape with `.next`"
  },
  "catalog-added": {
    severity: "info",
    about: "what the catalog does not have yet",
    advice: "Nothing is broken: publish it with Catalog.check of eventfold/testing"
  }
} satisfies { readonly [rule: string]: RuleText }

export type RuleName = keyof typeof texts

export const rules: { readonly [Name in RuleName]: RuleText } = texts

/** Names in the order of the table. */
export const ruleNames = Object.keys(texts) as ReadonlyArray<RuleName>

/** Where something was found: an event by what is known of it, a definition by its name, or a file as a whole. */
export interface Place {
  readonly file?: string | undefined
  readonly line?: number | undefined
  readonly position?: number | undefined
  readonly stream?: string | undefined
  readonly version?: number | undefined
  readonly definition?: string | undefined
}

export interface Found {
  readonly rule: RuleName
  readonly place: Place
  readonly message: string
}

export interface Finding extends Found {
  readonly severity: Severity
  readonly advice: string
}

/** Tells a finding. */
export type Report = (rule: RuleName, place: Place, message: string) => void

/** Where it is, as people read it. */
export const placeText = ({ definition, file, line, position, stream, version }: Place): string => {
  if (definition !== undefined) return definition
  const inLog = position === undefined ? [] : [`#${position}`]
  const where = file === undefined ? inLog : [line === undefined ? file : `${file}:${line}`]
  const inStream = stream === undefined ? [] : [version === undefined ? stream : `${stream}@${version}`]
  return [...where, ...inStream].join("  ")
}

/** Findings of one rule: the first of them, and how many there are. */
export interface Group {
  readonly rule: RuleName
  readonly count: number
  readonly findings: ReadonlyArray<Finding>
}

/** Gathers findings: all are counted, of each rule the first are kept. */
export interface Gathered {
  readonly report: Report
  /** Errors first, then in the order of the rules. */
  readonly groups: () => ReadonlyArray<Group>
}

const weight: { readonly [Name in Severity]: number } = { error: 0, warning: 1, info: 2 }

export const gather = (options: { readonly most: number; readonly ignored: ReadonlyArray<RuleName> }): Gathered => {
  const groups = new Map<RuleName, { count: number; findings: Array<Finding> }>()
  return {
    report: (rule, place, message) => {
      if (options.ignored.includes(rule)) return
      const group = groups.get(rule) ?? { count: 0, findings: [] }
      groups.set(rule, group)
      group.count += 1
      const { advice, severity } = rules[rule]
      if (group.findings.length < options.most) group.findings.push({ severity, rule, place, message, advice })
    },
    groups: () =>
      ruleNames
        .flatMap((rule): ReadonlyArray<Group> => {
          const group = groups.get(rule)
          return group === undefined ? [] : [{ rule, ...group }]
        })
        .toSorted((a, b) => weight[rules[a.rule].severity] - weight[rules[b.rule].severity])
  }
}
