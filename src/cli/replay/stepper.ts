/**
 * Stepping through a stream by keys: where one stands, and where a key leads. A pure model: the terminal is elsewhere.
 */

/** Where one stands. */
export interface Stepper {
  /** The version that is looked at, 0 for before the first event. */
  readonly version: number
  /** The last version of the stream. */
  readonly last: number
  /** The digits typed so far, of a version to go to. */
  readonly typed: string
}

/** A key that was pressed. */
export interface Key {
  /** What it is called, such as `right`. */
  readonly name: string
  /** The character that it writes, if any. */
  readonly input: string
  readonly ctrl: boolean
}

const at = ({ last }: Stepper, version: number): Stepper => ({
  version: Math.max(0, Math.min(last, version)),
  last,
  typed: ""
})

const ways: { readonly [key: string]: (stepper: Stepper) => number } = {
  right: ({ version }) => version + 1,
  down: ({ version }) => version + 1,
  space: ({ version }) => version + 1,
  n: ({ version }) => version + 1,
  left: ({ version }) => version - 1,
  up: ({ version }) => version - 1,
  p: ({ version }) => version - 1,
  pagedown: ({ version }) => version + 10,
  pageup: ({ version }) => version - 10,
  home: () => 0,
  end: ({ last }) => last
}

/** Where a key leads: `undefined` out of it. A key that means nothing changes nothing. */
export const press = (stepper: Stepper, { ctrl, input, name }: Key): Stepper | undefined => {
  if (name === "q" || name === "escape" || (ctrl && (name === "c" || name === "d"))) return undefined
  if (/^\d$/.test(input)) return stepper.typed.length < 15 ? { ...stepper, typed: stepper.typed + input } : stepper
  if (name === "backspace" && stepper.typed !== "") return { ...stepper, typed: stepper.typed.slice(0, -1) }
  if (name === "return" || name === "enter") {
    return at(stepper, stepper.typed === "" ? stepper.version + 1 : Number(stepper.typed))
  }
  const way = Object.hasOwn(ways, name) ? ways[name] : undefined
  return way === undefined ? stepper : at(stepper, way(stepper))
}

/** What the keys do, on a line. */
export const help = ({ typed }: Stepper): string =>
  typed === "" ? "→ next   ← previous   number ⏎ go there   home   end   q quit" : `go to version ${typed}⏎`
