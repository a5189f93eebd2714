/**
 * What a scenario comes to: the figures of each subject, how they compare, and what else was found.
 */
import { type Figures, figures, p50, perSecond, ratio, type Samples, type Summary } from "./measure.ts"

/** What a median should be, at least or at most. */
export type Target = { readonly atLeast: number } | { readonly atMost: number }

/** A ratio, or a figure in some unit, and what it should be. */
export interface Finding {
  readonly name: string
  readonly value: Summary
  readonly unit?: string
  readonly target?: Target
}

/** What a scenario came to. */
export interface Report {
  readonly name: string
  readonly subjects: ReadonlyArray<{ readonly name: string } & Figures>
  readonly findings: ReadonlyArray<Finding>
}

/** Two subjects to be compared. */
export interface Compared {
  readonly by: "rate" | "p50"
  readonly of: string
  readonly to: string
  readonly target?: Target
}

const targeted = (target: Target | undefined) => (target === undefined ? {} : { target })

const compare = (samples: Samples, { by, of, target, to }: Compared): Finding => ({
  name: `${by} of ${of} / ${to}`,
  value: ratio(by === "rate" ? perSecond : p50, samples.get(of) ?? [], samples.get(to) ?? []),
  ...targeted(target)
})

/** Whose own figure something is asked of, whatever the machine. */
export interface Absolute {
  readonly by: "rate" | "p50" | "p99"
  readonly of: string
  readonly target?: Target
}

const absolute = (samples: Samples, { by, of, target }: Absolute): Finding => {
  const all = figures(samples.get(of) ?? [])
  return {
    name: `${by} of ${of}`,
    value: by === "rate" ? all.perSecond : all[by],
    unit: by === "rate" ? "events/s" : "ms",
    ...targeted(target)
  }
}

/** The report of what was measured, with findings of other kinds after the comparisons. */
export const report = (
  name: string,
  samples: Samples,
  asked: ReadonlyArray<Compared | Absolute>,
  others: ReadonlyArray<Finding> = []
): Report => ({
  name,
  subjects: Array.from(samples, ([subject, runs]) => ({ name: subject, ...figures(runs) })),
  findings: [...asked.map((one) => ("to" in one ? compare(samples, one) : absolute(samples, one))), ...others]
})
