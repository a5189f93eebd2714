/**
 * Commands by Emmett's CommandHandler: it loads, decides and appends, and does it again where another came first.
 */
import {
  CommandHandler,
  type CommandHandlerRetryOptions,
  IllegalStateError,
  isExpectedVersionConflictError
} from "@event-driven-io/emmett"
import { hotStream, streamOf } from "../../../bench/peers/payload.ts"
import { timed } from "../../../bench/peers/times.ts"
import { categoryIsWhole, same, streamsAreWhole } from "./checks.ts"
import {
  type Account,
  type Booked,
  booked,
  evolve,
  type Ground,
  initialState,
  prefilled,
  type Prepared
} from "./setup.ts"

/** Books an amount that is the number of the entry, and no other. */
const book =
  (account: string, amount: number) =>
  ({ entries }: Account): Booked => {
    if (amount !== entries + 1) throw new IllegalStateError(`The next entry of ${account} is ${entries + 1}`)
    return booked(account, amount)
  }

/** One command on each stream. */
export const distinct = async ({ server, store, task }: Ground): Promise<Prepared> => {
  const handle = CommandHandler<Account, Booked>({ evolve, initialState })
  let rounds = 0
  let failed = 0
  return {
    run: (round) => {
      rounds++
      const amount = task.length + round + 1
      return timed(task.fibers, task.each, async (fiber, place) => {
        const stream = streamOf(prefilled, 1 + fiber + place * task.fibers)
        try {
          const { newState, nextExpectedStreamVersion } = await handle(store, stream, book(stream, amount))
          if (newState.entries !== amount || nextExpectedStreamVersion !== BigInt(amount)) failed++
        } catch {
          failed++
        }
      })
    },
    check: async () => [
      ...(await streamsAreWhole(server, prefilled, task.streams, task.length + rounds)),
      ...same("commands that failed", failed, 0)
    ]
  }
}

/** The times of the default, 100 ms at first, but as often as it takes. */
const often: CommandHandlerRetryOptions = { onVersionConflict: 100 }

/** Sooner: who has lost finds a stream that is free again after an append's time. */
const soon: CommandHandlerRetryOptions = {
  onVersionConflict: {
    retries: 100,
    minTimeout: 2,
    maxTimeout: 100,
    factor: 1.5,
    randomize: true,
    shouldRetryError: isExpectedVersionConflictError
  }
}

/** Commands that meet on streams. */
export const hot = async ({ server, store, task, variant }: Ground): Promise<Prepared> => {
  const handle = CommandHandler<Account, Booked>({ evolve, initialState, retry: variant.tuned ? soon : often })
  let done = 0
  let asked = 0
  let failed = 0
  return {
    run: (_round) =>
      timed(task.fibers, task.each, async (fiber, place) => {
        asked++
        const stream = streamOf(prefilled, hotStream(fiber, place, task.streams))
        try {
          await handle(store, stream, ({ entries }) => booked(stream, entries + 1))
          done++
        } catch {
          failed++
        }
      }),
    check: async () => [
      ...(await categoryIsWhole(server, prefilled, task.streams, task.streams * task.length + done)),
      ...same(`commands that failed, of ${asked.toLocaleString("en-US")}`, failed, 0)
    ]
  }
}
