/**
 * Asks a bank for a little of everything, and prints what it answers. The bank is the one beside this file.
 */
import type { Bank } from "./contract.ts"

/** The module of the bank, named by whoever runs this. */
const { bank }: { readonly bank: Bank } = await import(process.argv[2] ?? "")

const asked = [
  ["Open", { owner: "Ada" }],
  ["Deposit", { amount: 100 }],
  ["Withdraw", { amount: 30 }],
  ["Withdraw", { amount: 99 }]
] as const

for (const [index, [command, input]] of asked.entries()) {
  const answer = await bank("ada", command, input, `request ${index}`).then(
    (given) => JSON.stringify(given),
    (error: unknown) => `throws ${String(error).split("\n")[0]}`
  )
  process.stdout.write(`${command} ${Object.values(input).join()}: ${answer}\n`)
}
