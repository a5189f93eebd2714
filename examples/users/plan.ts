/**
 * 11. A scenario, drawn from a seed: who registers, what becomes of them, and who comes later. Nothing is done yet.
 *
 * Every request has an id that is the same whenever the same seed is drawn. So a scenario that was stopped is gone on with when it is played again, and one
 * that was played to its end changes nothing. What is refused is refused again: nothing that happens later would allow it.
 */
import { Effect, Random } from "effect"
import type { Person, UserCommand } from "./user.ts"

type Sent = Exclude<UserCommand, { readonly _tag: "Register" | "ChangeEmail" }>

export type Asked =
  | { readonly _tag: "Register"; readonly person: Person }
  | { readonly _tag: "Move"; readonly from: string; readonly to: string }
  | { readonly _tag: "Send"; readonly command: Sent }

/** What one user asks for, one after the other. */
export interface Line {
  readonly user: string
  readonly requests: ReadonlyArray<{ readonly id: string; readonly asked: Asked }>
}

export interface Move {
  readonly user: string
  readonly from: string
  readonly to: string
}

export interface Plan {
  /** Lines that are played side by side. */
  readonly registering: ReadonlyArray<Line>
  readonly living: ReadonlyArray<Line>
  /** Those who come later, and take addresses that others have left. */
  readonly coming: ReadonlyArray<Line>
  /** How often people are told no, and what. */
  readonly refusals: ReadonlyMap<string, number>
  /** Some of whom to look at: who moved, who left for good, and who stays as they are. */
  readonly mover: Move
  readonly leaver: Person
  readonly stayer: Person
}

const firstNames =
  "Ada Alan Barbara Bea Carlos Chidi Dana Dmitri Edith Emre Fatima Grace Hana Ida Ines Jonas Kofi Leïla Linus Margaret May Mei Noor Olga Priya Quentin Renée Rosalind Sofia Tariq Uma Vera Will Yusuf Zoë".split(
    " "
  )
const lastNames =
  "Abebe Bakker Castillo Diallo Eriksson Fischer García Hopper Ivanova Jensen Kimura Lovelace May Nakamura O'Brien Petrov Quist Rossi Sato Turing Ueda Vaughan Weber Xu Yılmaz Zhang".split(
    " "
  )
const organisations = ["Orchard", "Harbour", "Observatory", "Night School"]
const bios = [
  "Gardens on the roof",
  "Spent ten years gardening",
  "Teaches databases to beginners",
  "Taught singing for a while",
  "Sings in a choir",
  "Runs long distances before breakfast",
  "Paints landscapes in the rain",
  "Repairs old radios",
  "Bakes bread for the whole street",
  "Translates poems nobody asked for",
  "Collects maps of places that are gone",
  "Builds bridges, mostly of wood"
]

const slug = (text: string): string =>
  text
    .normalize("NFKD")
    .toLowerCase()
    .replace(/[^a-z]+/g, "")

const chance = (share: number) => Effect.map(Random.next, (drawn) => drawn < share)

const oneOf = (all: ReadonlyArray<string>) => Effect.orDie(Random.choice(all))

const aName = Effect.gen(function* () {
  return `${yield* oneOf(firstNames)} ${yield* oneOf(lastNames)}`
})

const aBio = Effect.gen(function* () {
  const [one, other] = yield* Random.shuffle(bios)
  return `${one}. ${other}.`
})

const send = (command: Sent): Asked => ({ _tag: "Send", command })

/** The plan of a seed for so many users. */
export const planOf = (seed: number, users: number): Effect.Effect<Plan> =>
  Effect.gen(function* () {
    const refusals = new Map<string, number>()
    const expectNo = (error: string) => refusals.set(error, (refusals.get(error) ?? 0) + 1)
    const line = (round: string, user: string, asked: ReadonlyArray<Asked>): Line => ({
      user,
      requests: asked.map((asked, n) => ({ id: `${round}:${user}:${n}`, asked }))
    })
    const emailOf = (name: string, number: string, organisation: string) =>
      `${slug(name)}.${seed}.${number}@${slug(organisation)}.example`
    const aPerson = Effect.fnUntraced(function* (number: string) {
      const name = yield* aName
      const organisation = yield* oneOf(organisations)
      return { name, email: emailOf(name, number, organisation), bio: yield* aBio, organisation }
    })

    const registering: Array<Line> = []
    const living: Array<Line> = []
    const left: Array<string> = []
    let mover: Move = { user: "", from: "", to: "" }
    const nobody: Person = { email: "", name: "", bio: "", organisation: "" }
    let leaver = nobody
    let stayer = nobody
    for (let n = 0; n < users; n++) {
      const number = String(n).padStart(4, "0")
      const user = `${seed}-${number}`
      const person = yield* aPerson(number)
      const register: Asked = { _tag: "Register", person }
      registering.push(line("register", user, [register]))
      if (n % 10 === 0) {
        // Clicked twice, which is two requests to be two users. One of them gets the address, and stays with it.
        registering.push(line("register", `${user}b`, [register]))
        expectNo("AddressTaken")
        stayer = person
        continue
      }
      const story: Array<Asked> = []
      let { email } = person
      if (yield* chance(0.2)) story.push(send({ _tag: "ChangeName", name: yield* aName }))
      if (yield* chance(0.4)) story.push(send({ _tag: "ChangeBio", bio: yield* aBio }))
      for (let times = (yield* chance(0.3)) || n === 1 ? 1 + (n % 2) : 0; times > 0; times--) {
        const to = emailOf(person.name, `${number}.${times}`, yield* oneOf(organisations))
        story.push({ _tag: "Move", from: email, to })
        left.push(email)
        mover = { user, from: email, to }
        email = to
      }
      const leaves = (yield* chance(0.2)) || n === 2
      if (leaves) story.push(send({ _tag: "Deactivate", reason: "has left" }))
      if (leaves && n !== 2 && (yield* chance(0.5))) story.push(send({ _tag: "Reactivate" }))
      else if (leaves) {
        story.push(send({ _tag: "ChangeBio", bio: "Still here" }))
        expectNo("UserIsInactive")
        leaver = { ...person, email }
      } else if (yield* chance(0.1)) {
        story.push({ _tag: "Move", from: email, to: stayer.email })
        expectNo("AddressTaken")
      }
      living.push(line("live", user, story))
    }
    const coming: Array<Line> = []
    for (const [n, email] of left.entries()) {
      // That of the last one who moved stays free.
      if (email === mover.from) continue
      const person = yield* aPerson(`n${n}`)
      coming.push(line("come", `${seed}-n${n}`, [{ _tag: "Register", person: { ...person, email } }]))
    }
    return { registering, living, coming, refusals, mover, leaver, stayer }
  }).pipe(Random.withSeed(seed))
