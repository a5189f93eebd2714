/**
 * The side of a contender: it does what it is told by the process that has started it, and answers.
 */
import type { Answer, Contender, Order, Running } from "./contract.ts"

const answer = (said: Answer): void => {
  process.send?.(said)
}

const obey = async (contender: Contender, running: Running | undefined, order: Order): Promise<Running | undefined> => {
  if (order._tag === "Prepare") {
    const prepared = await contender[order.task.scenario]?.(order.task)
    if (prepared === undefined) throw new Error(`no such scenario: ${order.task.scenario}`)
    answer({ _tag: "Ready" })
    return prepared
  }
  if (running === undefined) throw new Error("nothing has been prepared")
  if (order._tag === "Run") {
    answer({ _tag: "Done", sample: await running.run(order.round) })
    return running
  }
  const check = await running.check()
  await running.close()
  answer({ _tag: "Checked", check, peak: process.resourceUsage().maxRSS * 1024 })
  return undefined
}

/** Does what it is told until its parent is gone. */
export const contend = (contender: Contender): void => {
  let last: Promise<Running | undefined> = Promise.resolve(undefined)
  process.on("message", (order: Order) => {
    last = last.then((running) => obey(contender, running, order))
    last.catch((error: unknown) => {
      const message = error instanceof Error ? (error.stack ?? error.message) : String(error)
      process.send?.({ _tag: "Failed", message } satisfies Answer, () => process.exit(1))
    })
  })
  process.on("disconnect", () => process.exit(0))
}
