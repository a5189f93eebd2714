/**
 * The flags by which instances of processes are looked for.
 */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Flag from "effect/cli/Flag"
import type { InspectOptions } from "../../Process.ts"

const units: { readonly [unit: string]: Duration.Duration } = {
  s: Duration.seconds(1),
  m: Duration.minutes(1),
  h: Duration.hours(1),
  d: Duration.days(1)
}

/** `90s`, `5m`, `2h` or `3d`. */
export const parseAge = (text: string): Option.Option<Duration.Duration> => {
  const [, number, unit] = /^(\d{1,9}(?:\.\d{1,3})?)([smhd])$/.exec(text) ?? []
  const one = unit === undefined ? undefined : units[unit]
  return one === undefined ? Option.none() : Option.some(Duration.times(one, Number(number)))
}

export const ageFlag = (name: string, description: string): Flag.Flag<Option.Option<Duration.Duration>> =>
  Flag.String(name).pipe(
    Flag.withMetavar("age"),
    Flag.withDescription(`${description}, such as 90s, 5m, 2h or 3d`),
    Flag.filterMap(parseAge, (text) => `"${text}" is no age: give one such as 90s, 5m, 2h or 3d`),
    Flag.optional
  )

type WaitingFor = NonNullable<InspectOptions["waitingFor"]>

/** `timer:NAME`, or `command:TARGET.COMMAND`. */
export const parseWaitingFor = (text: string): Option.Option<WaitingFor> => {
  const [, timer] = /^timer:(.+)$/s.exec(text) ?? []
  if (timer !== undefined) return Option.some({ timer })
  const [, to, command] = /^command:([^.]+)\.(.+)$/s.exec(text) ?? []
  return to === undefined || command === undefined ? Option.none() : Option.some({ to, command })
}

export const waitingForFlag: Flag.Flag<Option.Option<WaitingFor>> = Flag.String("waiting-for").pipe(
  Flag.withMetavar("what"),
  Flag.withDescription("Those that wait for it: timer:NAME, or command:TARGET.COMMAND"),
  Flag.filterMap(
    parseWaitingFor,
    (text) => `"${text}" is nothing to wait for: give timer:NAME, or command:TARGET.COMMAND`
  ),
  Flag.optional
)
