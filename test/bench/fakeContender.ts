/**
 * A contender that does nothing, and goes wrong in the way that its variant says.
 */
import { contend } from "../../bench/peers/contend.ts"

contend({
  append: (task) => {
    const { each, process: number, variant } = task
    if (variant === "refuses") throw new Error("it does not like the task")
    let runs = 0
    return Promise.resolve({
      run: (round) => {
        runs++
        if (variant === "dies") {
          console.error("its last words")
          process.exit(3)
        }
        if (variant === "fails" && round === 2) throw new Error("it has had enough")
        if (variant === "hangs") return new Promise<never>(() => {})
        if (variant === "tells when") {
          const at = Number(process.hrtime.bigint())
          return Promise.resolve({ events: each, millis: 1, p50: 1, p99: 1, others: { at } })
        }
        return Promise.resolve({ events: each, millis: each / 10, p50: number + 1, p99: Number.NaN, others: { round } })
      },
      check: () => Promise.resolve(variant === "loses" ? `lost 1 of ${runs}` : "ok"),
      close: () => Promise.resolve()
    })
  }
})
