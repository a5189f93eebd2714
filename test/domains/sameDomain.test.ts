/**
 * The bank account of the README in each library: it does the same, and docs/same-domain.md says what is so.
 *
 * What needs the packages of the others is skipped where they are not installed; see `write.ts`.
 */
import { join } from "node:path"
import { Effect } from "effect"
import { assert, beforeAll, describe, it } from "vitest"
import { isInstalled } from "../../bench/peers/install.ts"
import { node, read, root } from "../support/project.ts"
import type { Answer, Bank } from "./contract.ts"
import { between, document, overview, quote, section, sizes, unpadded } from "./document.ts"
import { measure, nothing } from "./measure.ts"
import { mistakes } from "./mistakes.ts"
import { everyone, folderOf, nameOf, parts, peers, type Who } from "./programs.ts"
import { type Outcome, outcomes } from "./variants.ts"

const hasPeers = await Effect.runPromise(isInstalled(peers))

const there: ReadonlyArray<Who> = hasPeers ? everyone : ["eventfold"]

const text = read(document)

/** Runs a file of specs to its end. */
const specs = async (file: string) => {
  const { code, stdout } = await node(["--conditions=@eventfold/source", "--test", join(root, file)], root)
  assert.strictEqual(code, 0, stdout)
  return Number(/^\S+ pass (\d+)$/m.exec(stdout)?.[1])
}

describe.each(there)("the bank account with %s", (who) => {
  let bank: Bank

  beforeAll(async () => {
    ;({ bank } = await import(join(root, folderOf[who], parts.service)))
  })

  let requests = 0
  const ask = (account: string, command: string, input: object, requestId = `request ${requests++}`) =>
    bank(account, command, input, requestId)

  const done = (balance: number): Answer => ({ status: 200, balance })

  it("counts what is deposited and withdrawn", async () => {
    assert.deepStrictEqual(await ask("ada", "Open", { owner: "Ada" }), done(0))
    assert.deepStrictEqual(await ask("ada", "Deposit", { amount: 100 }), done(100))
    assert.deepStrictEqual(await ask("ada", "Withdraw", { amount: 30 }), done(70))
    assert.deepStrictEqual(await ask("ada", "Open", { owner: "Eve" }), done(70))
  })

  it("refuses what the rules refuse", async () => {
    assert.deepStrictEqual(await ask("bob", "Deposit", { amount: 1 }), { status: 404 })
    assert.deepStrictEqual(await ask("bob", "Withdraw", { amount: 1 }), { status: 404 })
    await ask("bob", "Open", { owner: "Bob" })
    await ask("bob", "Deposit", { amount: 5 })
    assert.deepStrictEqual(await ask("bob", "Withdraw", { amount: 6 }), { status: 409, balance: 5 })
  })

  it("does not take what it does not understand", async () => {
    const asked: ReadonlyArray<readonly [command: string, input: object]> = [
      ["Open", { owner: "" }],
      ["Open", {}],
      ["Deposit", { amount: "1" }],
      ["Deposit", { amount: 0.5 }],
      ["Withdraw", { amount: null }],
      ["Close", {}]
    ]
    for (const [command, input] of asked) {
      assert.deepStrictEqual(await ask("eve", command, input), { status: 400 }, `${command} ${JSON.stringify(input)}`)
    }
  })

  it("does once what is asked twice", async () => {
    await ask("ida", "Open", { owner: "Ida" })
    assert.deepStrictEqual(await ask("ida", "Deposit", { amount: 5 }, "again"), done(5))
    assert.deepStrictEqual(await ask("ida", "Deposit", { amount: 5 }, "again"), done(5))
    assert.deepStrictEqual(await ask("ida", "Deposit", { amount: 5 }), done(10))
    // What has been answered is answered again, or what is so by now.
    assert.deepStrictEqual(await ask("ida", "Deposit", { amount: 5 }, "again"), done(who === "eventfold" ? 5 : 10))
  })

  it("counts all of what is deposited at the same time", async () => {
    await ask("max", "Open", { owner: "Max" })
    await Promise.all([1, 2, 3].map((amount) => ask("max", "Deposit", { amount })))
    assert.deepStrictEqual(await ask("max", "Deposit", { amount: 1 }), done(7))
  })

  it("keeps its specs", async () => {
    assert.strictEqual(await specs(join(folderOf[who], parts.specs)), 3)
  })
})

describe("docs/same-domain.md", () => {
  let found: Readonly<Record<string, ReadonlyArray<Outcome>>>

  beforeAll(async () => {
    found = await outcomes(there)
  }, 120_000)

  it("has the sizes of the programs", () => {
    assert.strictEqual(unpadded(between(text, "sizes")), sizes().map(unpadded).join("\n"))
  })

  it("shows code that is in the programs, whatever its indentation", () => {
    const flat = (code: string) => code.replaceAll(/^ +/gm, "")
    const shown = Array.from(text.matchAll(/^```tsx\n([^]*?)^```$/gm), ([, code]) => code ?? "")
    const programs = everyone.map((who) => flat(read(join(folderOf[who], parts.rules))))
    assert.strictEqual(shown.length, 3)
    for (const [index, code] of shown.entries()) assert.include(programs[index], flat(code).trim())
  })

  it.each(there)("says what the compiler says to %s", (who) => {
    const [right, ...wrong] = found[who] ?? []
    assert.deepStrictEqual(right, {
      diff: [],
      compiler: [],
      answers: [
        'Open Ada: {"status":200,"balance":0}',
        'Deposit 100: {"status":200,"balance":100}',
        'Withdraw 30: {"status":200,"balance":70}',
        'Withdraw 99: {"status":409,"balance":70}'
      ]
    })
    const sections = between(text, "mistakes")
    for (const [index, mistake] of mistakes.entries()) {
      const [, mine = ""] = sections.split(`### ${mistake.title}\n`)
      const outcome = wrong[index]
      assert(outcome !== undefined)
      assert.include(mine.split("\n### ")[0], quote(who, outcome).join("\n").trim())
      assert.include(sections, section(mistake).join("\n").trim())
    }
  })

  it("counts in its overview what it quotes", () => {
    const columns = (table: string) => table.split("\n").map((line) => line.split("|").slice(1, 2 + there.length))
    const said = columns(unpadded(between(text, "overview")))
    assert.deepStrictEqual(said, columns(overview(found).map(unpadded).join("\n")))
  })

  it.runIf(hasPeers)("says of the others what is so", async () => {
    assert.strictEqual(await specs("test/domains/peers/claims.spec.ts"), 7)
  })
})

describe("the measure of a program", () => {
  it("counts code without comments and blank lines", () => {
    assert.deepInclude(measure("// a\n\n/**\n * b\n */\nconst c = 1\n  // d\n"), { lines: 1, characters: 8 })
  })

  it("counts what is written for the compiler's sake", () => {
    const source = `
      interface A<T> { a: T; f: (x: number) => string }
      type B = A<string>
      const b: B = { a: "", f: (x: number): string => String(x) }
      const c = f<A<B>, B>(b as never, b!, ["x"] as const)
      class D extends E<D> { readonly d: number }
    `
    assert.deepInclude(measure(source), {
      typeArguments: 1 + 3 + 1,
      annotations: 4,
      declarations: 2,
      casts: 2,
      asConst: 1
    })
    assert.deepInclude(measure("const a = 1"), { ...nothing, lines: 1, characters: 8 })
  })

  it("is the same for everybody's programs, which have the same parts", () => {
    for (const who of everyone) {
      for (const part of Object.values(parts)) {
        assert.isAbove(measure(read(join(folderOf[who], part))).lines, 0, `${nameOf[who]} ${part}`)
      }
    }
  })
})
