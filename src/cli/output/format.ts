/**
 * Numbers and times as people read them.
 */
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"

const grouped = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 })

/** `1,234,567` */
export const count = (value: number): string => grouped.format(value)

/** `12 events`, `1 event` */
export const counted = (value: number, what: string): string => `${count(value)} ${what}${value === 1 ? "" : "s"}`

const units = ["B", "KiB", "MiB", "GiB", "TiB"]

/** `1.5 MiB` */
export const bytes = (value: number): string => {
  let [size, unit] = [value, 0]
  while (size >= 1024 && unit < units.length - 1) [size, unit] = [size / 1024, unit + 1]
  return `${unit === 0 ? size : size.toFixed(1)} ${units[unit]}`
}

/** `2026-03-31 10:00:00.123Z` */
export const instant = (value: DateTime.Utc): string => DateTime.formatIso(value).replace("T", " ")

/** `850 ms`, `12.3 s`, `5m 12s`, `3h 2m` */
export const duration = (input: Duration.Input): string => {
  const millis = Duration.toMillis(Duration.fromInputUnsafe(input))
  if (millis < 1000) return `${millis < 10 ? millis.toFixed(2) : Math.round(millis)} ms`
  if (millis < 60_000) return `${(millis / 1000).toFixed(1)} s`
  const minutes = Math.floor(millis / 60_000)
  if (minutes < 60) return `${minutes}m ${Math.floor((millis % 60_000) / 1000)}s`
  const hours = Math.floor(minutes / 60)
  return hours < 48 ? `${hours}h ${minutes % 60}m` : `${Math.floor(hours / 24)}d ${hours % 24}h`
}
