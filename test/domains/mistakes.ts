/**
 * What can be got wrong in the domain, in each library: the same mistake, as an edit of its program.
 */
import type { Who } from "./programs.ts"

/** A part of a file that is there once, and what stands there instead. */
export interface Edit {
  readonly file: "account.ts" | "bank.ts"
  readonly find: string
  readonly put: string
}

export interface Mistake {
  readonly title: string
  /** What it comes to, in a line or two. */
  readonly says: string
  readonly edits: Readonly<Record<Who, ReadonlyArray<Edit>>>
}

const rules = (find: string, put: string): Edit => ({ file: "account.ts", find, put })
const service = (find: string, put: string): Edit => ({ file: "bank.ts", find, put })

const before = (edit: typeof rules, line: string, added: string): Edit => edit(line, `${added}\n${line}`)

const caught = (what: string, status: number) => `    if (error instanceof ${what}) return { status: ${status} }`

export const mistakes: ReadonlyArray<Mistake> = [
  {
    title: "A handler for an event that does not exist",
    says: "A slip in the name of an event, or an event that was removed.",
    edits: {
      eventfold: [before(rules, "    Deposited: (state", "    Paid: (state) => state,")],
      emmett: [before(rules, '    case "Deposited":', '    case "Paid":\n      return state')],
      castore: [before(rules, '      case "DEPOSITED":', '      case "PAID":\n        return account')]
    }
  },
  {
    title: "A handler that gives a wrong state",
    says: "An open account without its balance.",
    edits: {
      eventfold: [rules('({ _tag: "Open", balance: 0 })', '({ _tag: "Open" })')],
      emmett: [rules('{ status: "Open", balance: 0 }', '{ status: "Open" }')],
      castore: [rules("{ aggregateId, version, balance: 0 }", "{ aggregateId, version }")]
    }
  },
  {
    title: "A misspelt field of a state, beside a spread",
    says: "The new balance goes to a field that no state has, and the old one stays as it was.",
    edits: {
      eventfold: [rules("balance: state.balance + amount", "balence: state.balance + amount")],
      emmett: [rules("balance: state.balance + event", "balence: state.balance + event")],
      castore: [rules("balance: account.balance + event", "balence: account.balance + event")]
    }
  },
  {
    title: "A state that is used without a look at which it is",
    says: "A withdrawal that forgets the account which was never opened.",
    edits: {
      eventfold: [rules('      if (state._tag === "New") return Result.fail(new NotOpen())\n', "")],
      emmett: [
        rules('    case "Withdraw":\n      if (state.status === "New") throw new NotOpen()\n', '    case "Withdraw":\n')
      ],
      castore: [
        rules(
          "    if (account === undefined) throw new NotOpen()\n    if (isAnswered) return { balance: account.balance }\n    if",
          "    if (isAnswered) return { balance: account.balance }\n    if"
        )
      ]
    }
  },
  {
    title: "An event with a misspelt field",
    says: "The amount is lost, and something else is stored.",
    edits: {
      eventfold: [rules('"Deposited", amount }', '"Deposited", amout: amount }')],
      emmett: [rules('"Deposited", data: command.data', '"Deposited", data: { amout: command.data.amount }')],
      castore: [rules('"DEPOSITED",\n      payload: { amount }', '"DEPOSITED",\n      payload: { amout: amount }')]
    }
  },
  {
    title: "An event with a field of the wrong type",
    says: "The amount is stored as a text.",
    edits: {
      eventfold: [rules('"Deposited", amount }', '"Deposited", amount: String(amount) }')],
      emmett: [rules('"Deposited", data: command.data', '"Deposited", data: { amount: String(command.data.amount) }')],
      castore: [
        rules('"DEPOSITED",\n      payload: { amount }', '"DEPOSITED",\n      payload: { amount: String(amount) }')
      ]
    }
  },
  {
    title: "An event with a field too many",
    says: "A field that the event does not have: a slip, or something that somebody meant to record and did not define.",
    edits: {
      eventfold: [rules('"Deposited", amount }', '"Deposited", amount, currency: "EUR" }')],
      emmett: [
        rules('"Deposited", data: command.data', '"Deposited", data: { amount: command.data.amount, currency: "EUR" }')
      ],
      castore: [
        rules('"DEPOSITED",\n      payload: { amount }', '"DEPOSITED",\n      payload: { amount, currency: "EUR" }')
      ]
    }
  },
  {
    title: "An event that nothing evolves",
    says: "A new event type, and no word of what it does to the state. The others find it as long as their `switch` has no `default` and its function says\nwhat it returns; the guide of Emmett ends `evolve` with `default: return state`, and then it compiles and the event changes nothing.",
    edits: {
      eventfold: [
        rules(
          "  Withdrawn: { amount: Schema.Int }\n",
          "  Withdrawn: { amount: Schema.Int },\n  Frozen: { reason: Schema.String }\n"
        )
      ],
      emmett: [
        rules(
          '  | Event<"Withdrawn", { amount: number }>',
          '  | Event<"Withdrawn", { amount: number }>\n  | Event<"Frozen", { reason: string }>'
        )
      ],
      castore: [
        before(
          rules,
          "export class NotOpen",
          'const frozen = new ZodEventType({ type: "FROZEN", payloadSchema: z.object({ reason: z.string() }), metadataSchema })'
        ),
        rules("[accountOpened, deposited, withdrawn]", "[accountOpened, deposited, withdrawn, frozen]")
      ]
    }
  },
  {
    title: "A command that nothing decides",
    says: "A new command, and nothing that follows from it. Castore has no list of commands: there it is a command without a handler. In Emmett the return type that `decide`\nis given finds it.",
    edits: {
      eventfold: [
        rules(
          "  Withdraw: { amount: Schema.Int }\n",
          "  Withdraw: { amount: Schema.Int },\n  Freeze: { reason: Schema.String }\n"
        )
      ],
      emmett: [
        rules(
          'z.literal("Withdraw"), data: z.object({ amount: z.number().int() }) })\n',
          'z.literal("Withdraw"), data: z.object({ amount: z.number().int() }) }),\n  z.object({ type: z.literal("Freeze"), data: z.object({ reason: z.string() }) })\n'
        )
      ],
      castore: [
        before(
          rules,
          "export const withdraw = ",
          'export const freeze = new ZodCommand({ commandId: "FREEZE", requiredEventStores: tuple(accounts), inputSchema: depositInput })'
        )
      ]
    }
  },
  {
    title: "A rejection that the caller forgets",
    says: "The rules refuse a withdrawal, and the service has no answer for it. With Eventfold a rejection is part of the type of what is executed, and it is found where the\ntype says what else may fail. The others throw, and no type says what.",
    edits: {
      eventfold: [
        service(
          "      NotOpen: () => Effect.succeed({ status: 404 }),\n      InsufficientFunds: ({ balance }) => Effect.succeed({ status: 409, balance })\n",
          "      NotOpen: () => Effect.succeed({ status: 404 })\n"
        )
      ],
      emmett: [
        service("  InsufficientFunds,\n", ""),
        service("    if (error instanceof InsufficientFunds) return { status: 409, balance: error.balance }\n", "")
      ],
      castore: [
        service("  InsufficientFunds,\n", ""),
        service("    if (error instanceof InsufficientFunds) return { status: 409, balance: error.balance }\n", "")
      ]
    }
  },
  {
    title: "A rejection that is handled and cannot come",
    says: "The service answers a rejection that no rule gives (any more).",
    edits: {
      eventfold: [before(service, "      NotOpen: ()", "      Frozen: () => Effect.succeed({ status: 423 }),")],
      emmett: [
        before(rules, "export class NotOpen", "export class Frozen extends Error {}"),
        before(service, "  initialState,\n  Ins", "  Frozen,"),
        before(service, caught("NotOpen", 404), caught("Frozen", 423))
      ],
      castore: [
        before(rules, "export class NotOpen", "export class Frozen extends Error {}"),
        before(service, "  InsufficientFunds,", "  Frozen,"),
        before(service, caught("NotOpen", 404), caught("Frozen", 423))
      ]
    }
  }
]
