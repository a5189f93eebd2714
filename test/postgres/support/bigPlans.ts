/**
 * The statements that a store lives on, and what becomes of them when the server plans and runs them.
 */
import * as Schema from "effect/Schema"
import { literal, quoted } from "../../../src/postgres/schema/names.ts"
import { pageSize, readStatement, walkSize } from "../../../src/postgres/reading.ts"
import type { Query } from "../../../src/Query.ts"
import type { Session } from "./bigServer.ts"

/** A node of a plan, as EXPLAIN (FORMAT JSON) gives it. */
interface PlanNode {
  readonly "Node Type": string
  readonly "Relation Name"?: string
  readonly "Shared Hit Blocks"?: number
  readonly "Shared Read Blocks"?: number
  readonly Plans?: ReadonlyArray<PlanNode>
}

const PlanNode = Schema.Struct({
  "Node Type": Schema.String,
  "Relation Name": Schema.optionalKey(Schema.String),
  "Shared Hit Blocks": Schema.optionalKey(Schema.Finite),
  "Shared Read Blocks": Schema.optionalKey(Schema.Finite),
  Plans: Schema.optionalKey(Schema.Array(Schema.suspend((): Schema.Codec<PlanNode> => PlanNode)))
})

const explained = Schema.decodeUnknownSync(
  Schema.Tuple([Schema.Struct({ "QUERY PLAN": Schema.Tuple([Schema.Struct({ Plan: PlanNode })]) })])
)

const noticed = Schema.decodeUnknownSync(
  Schema.fromJsonString(Schema.Struct({ "Query Text": Schema.String, Plan: PlanNode }))
)

const nodesOf = (node: PlanNode): ReadonlyArray<PlanNode> => [node, ...(node.Plans ?? []).flatMap(nodesOf)]

/** A statement, and the most blocks it may touch, if that is known. */
export interface Statement {
  readonly name: string
  readonly text: string
  readonly parameters: ReadonlyArray<unknown>
  readonly blocks: number | undefined
}

/** The log that the statements ask: types, categories and streams are spread evenly, tags are common and rare. */
export const size = 1_000_000

/** Fills a log of a million events, of 10 types in 50,000 streams of 20 categories, every tenth with tags. */
export const fill = (schema: string): ReadonlyArray<string> => {
  const s = quoted(schema)
  return [
    `INSERT INTO ${s}.events
  (position, stream, version, id, type, schema_version, recorded_at, tags, data, metadata)
SELECT i, 'category' || i % 20 || '-' || i % 50000, (i - 1) / 50000 + 1, md5(i::text)::uuid,
  CASE WHEN i % 300000 = 0 THEN 'Rare' ELSE 'Type' || i % 10 END, 1, '2026-01-01Z'::timestamptz + i * interval '1 ms',
  CASE WHEN i % 10 > 0 THEN '{}'::text[]
    WHEN i % 300000 = 0 THEN ARRAY['common', 'rare', 'customer:' || i / 10 % 1000]
    ELSE ARRAY['common', 'customer:' || i / 10 % 1000] END,
  '{"amount": 1, "note": "a few words"}', '{}'
FROM generate_series(1, ${size}) AS g (i)`,
    `INSERT INTO ${s}.event_tags (tag, position) SELECT unnest(tags), position FROM ${s}.events WHERE tags <> '{}'`
  ]
}

/** Of a page of a thousand events: a few for each event, and none for those that are not on it. */
const aPage = 10 * pageSize

/** Of as many events as one statement walks, where there are many to a block. */
const aWalk = walkSize / 10

const queries: ReadonlyArray<readonly [name: string, query: Query | undefined, blocks: number | undefined]> = [
  ["everything", undefined, 200],
  ["types", [{ types: ["Type1", "Type2"] }], aPage],
  ["a rare type", [{ types: ["Rare"] }], aWalk],
  ["categories", [{ categories: ["category1"] }], aPage],
  ["a common tag", [{ tags: ["common"] }], aPage],
  ["a tag of some", [{ tags: ["customer:7"] }], 1500],
  ["a rare tag", [{ tags: ["rare"] }], 100],
  ["a type and a tag", [{ types: ["Type1"], tags: ["customer:7"] }], 1500],
  ["two tags", [{ tags: ["common", "rare"] }], 5 * walkSize],
  ["a type or a tag", [{ types: ["Type1"] }, { tags: ["customer:7"] }], aPage],
  ["one tag or another", [{ tags: ["rare"] }, { tags: ["customer:7"] }], 1500]
]

/** The statements that the store sends from this process. */
export const statements = (schema: string): ReadonlyArray<Statement> => {
  const s = quoted(schema)
  const page = { from: 1, to: Infinity, limit: pageSize, direction: "forward" } as const
  const late = { ...page, from: 0.9 * size }
  const back = { ...page, direction: "backward" } as const
  const stream = { by: "version", stream: "category7-7" } as const
  const ids = ["c4ca4238-a0b9-2382-0dcc-509a6f75849b", "c81e728d-9d4c-2f63-6f06-7f89cc14862c"]
  return [
    { name: "a stream", ...readStatement(schema, stream, page), blocks: 40 },
    { name: "a stream backward", ...readStatement(schema, stream, back), blocks: 40 },
    { name: "a part of a stream", ...readStatement(schema, stream, { ...page, from: 5, to: 7 }), blocks: 20 },
    ...queries.flatMap(([name, query, blocks]) => {
      const source = { by: "position", query } as const
      return [
        { name: `the log: ${name}`, ...readStatement(schema, source, page), blocks },
        { name: `the log late: ${name}`, ...readStatement(schema, source, late), blocks },
        { name: `the log backward: ${name}`, ...readStatement(schema, source, back), blocks },
        { name: `the log measured: ${name}`, ...readStatement(schema, source, { ...page, measured: true }), blocks },
        {
          name: `the log at the head: ${name}`,
          ...readStatement(schema, source, { ...page, from: size + 1 }),
          blocks: 200
        }
      ]
    }),
    {
      name: "the head",
      text: `SELECT coalesce(max(position), 0) AS head FROM ${s}.events`,
      parameters: [],
      blocks: 50
    },
    {
      name: "the version of a stream",
      text: `SELECT coalesce(max(version), 0) AS version FROM ${s}.events WHERE stream = $1::text`,
      parameters: [stream.stream],
      blocks: 50
    },
    {
      name: "events by id",
      text: `SELECT id, stream, version, position, recorded_at FROM ${s}.events WHERE id = ANY ($1::uuid[])`,
      parameters: [ids],
      blocks: 50
    }
  ]
}

/** A call of a function of the store: what is looked at are the statements in it. */
export interface Call {
  readonly name: string
  readonly text: string
  /** The most blocks that each of its statements may touch, where that is known. */
  readonly blocks: number | undefined
}

interface AppendOptions {
  readonly expected?: number
  readonly tags?: string
  readonly query?: string
  readonly after?: number
  readonly inTurn?: boolean
  readonly checkIds?: boolean
}

const append = (
  schema: string,
  count: number,
  { expected = 0, tags, query, after = -1, inTurn = true, checkIds = false }: AppendOptions
): string => {
  const all = (value: string) => `array_fill(${value}, ARRAY[${count}])`
  const each = (value: string) => `ARRAY(SELECT ${value} FROM generate_series(1, ${count}) AS g (i))`
  const texts = (text: string) => `to_jsonb(${all(`${literal(text)}::jsonb`)})`
  const writes = [each("i"), each("'new-' || i"), all(`${expected}::bigint`), each("i - 1")]
  const events = [each("i"), each("gen_random_uuid()"), all("'Type1'::text"), all("1")]
  const contents = [tags === undefined ? "NULL" : all(`${literal(tags)}::text`), texts("{}"), texts("{}")]
  const conditions = query === undefined ? ["NULL", "NULL"] : [texts(query), all(`${after}::bigint`)]
  const turns = [query !== undefined && inTurn, checkIds]
  return `SELECT * FROM ${quoted(schema)}.append_events(${[...writes, ...events, ...contents, ...conditions, ...turns].join(", ")})`
}

/** Calls of the store's functions: appends of all kinds, and the search of a condition. */
export const calls = (schema: string): ReadonlyArray<Call> => {
  const match = (query: string, after: number) =>
    `SELECT ${quoted(schema)}.first_match(${literal(query)}, ${after}::bigint)`
  const rare = '[{"types": ["Absent"]}]'
  const taggedRare = '[{"tags": ["rare"], "types": ["Absent"]}]'
  const taggedCommon = '[{"tags": ["common"], "types": ["Absent"]}]'
  return [
    ...[1, 1000].flatMap((count) => [
      { name: `${count} appends`, text: append(schema, count, {}), blocks: 200 + 20 * count },
      { name: `${count} appends with tags`, text: append(schema, count, { tags: "{a}" }), blocks: 200 + 30 * count }
    ]),
    ...[1, 10_000].flatMap((count) => [
      { name: `${count} appends that fail`, text: append(schema, count, { expected: 1 }), blocks: 200 + 20 * count },
      {
        name: `${count} appends with their ids looked up`,
        text: append(schema, count, { checkIds: true }),
        blocks: 200 + 20 * count
      }
    ]),
    {
      name: "an append whose condition fails",
      text: append(schema, 1, { query: '[{"tags": ["rare"]}]', after: 0 }),
      blocks: 300
    },
    {
      name: "1000 appends on conditions, at once",
      text: append(schema, 1000, { tags: "{a}", query: taggedRare, after: 0, inTurn: false }),
      blocks: 200 + 50 * 1000
    },
    { name: "a condition on a type, at the head", text: match(rare, size), blocks: 100 },
    { name: "a condition on a type, near the head", text: match(rare, size - 1000), blocks: 200 },
    { name: "a condition on a type, from the beginning", text: match(rare, 0), blocks: undefined },
    { name: "a condition on a rare tag, from the beginning", text: match(taggedRare, 0), blocks: 50 },
    { name: "a condition on a common tag, near the head", text: match(taggedCommon, size - 1000), blocks: 1000 },
    { name: "a condition on a common tag, from the beginning", text: match(taggedCommon, 0), blocks: undefined },
    {
      name: "a condition on a type or a tag, near the head",
      text: match(`${rare.slice(0, -1)}, ${taggedRare.slice(1)}`, size - 1000),
      blocks: 200
    }
  ]
}

const sqlOf = (value: unknown): string =>
  Array.isArray(value)
    ? literal(`{${value.map((one) => JSON.stringify(one)).join(",")}}`)
    : typeof value === "string"
      ? literal(value)
      : String(value)

const problemsOf = (name: string, plan: PlanNode, blocks: number | undefined): ReadonlyArray<string> => {
  const touched = (plan["Shared Hit Blocks"] ?? 0) + (plan["Shared Read Blocks"] ?? 0)
  // That of a handful of rows, one for each type that is projected inline, does not grow with the log.
  const scanned = nodesOf(plan)
    .flatMap((node) => (node["Node Type"] === "Seq Scan" ? [node["Relation Name"]] : []))
    .filter((table) => table !== undefined && table !== "inline_types")
  return [
    ...new Set(scanned.map((table) => `${name}: scans ${table}`)),
    ...(blocks !== undefined && touched > blocks ? [`${name}: touches ${touched} blocks, more than ${blocks}`] : [])
  ]
}

/** Which plans a session makes: with or without the values of the parameters. */
export type PlanMode = "force_generic_plan" | "force_custom_plan"

/**
 * Runs every statement prepared, and gives what is wrong with the plans. A statement that the session has prepared before keeps
 * the plan it has.
 */
export const problemsOfStatements = async (
  session: Session,
  mode: PlanMode,
  all: ReadonlyArray<Statement>
): Promise<ReadonlyArray<string>> => {
  await session.query(`SET plan_cache_mode = ${mode}`)
  const { rows } = await session.query("SELECT name FROM pg_prepared_statements")
  const prepared = new Set(rows.map(({ name }) => name))
  const problems: Array<string> = []
  for (const { name, text, parameters, blocks } of all) {
    const values = parameters.length === 0 ? "" : `(${parameters.map(sqlOf).join(", ")})`
    if (!prepared.has(name)) await session.query(`PREPARE "${name}" AS ${text}`)
    const plans = await session.query(`EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) EXECUTE "${name}" ${values}`)
    problems.push(...problemsOf(name, explained(plans.rows)[0]["QUERY PLAN"][0].Plan, blocks))
  }
  return problems
}

const autoExplain = {
  log_min_duration: "0",
  log_nested_statements: "on",
  log_analyze: "on",
  log_buffers: "on",
  log_timing: "off",
  log_format: "json",
  log_level: "notice"
}

/** Makes a session tell of the plan of every statement that runs in a function. */
export const explainNested = async (session: Session): Promise<Array<string>> => {
  await session.query("LOAD 'auto_explain'")
  for (const [name, value] of Object.entries(autoExplain)) await session.query(`SET auto_explain.${name} = ${value}`)
  const notices: Array<string> = []
  session.on("notice", ({ message = "" }) => {
    if (message.startsWith("duration:")) notices.push(message.slice(message.indexOf("{")))
  })
  return notices
}

/**
 * Calls every function and takes back what it did, and gives what is wrong with the plans of the statements in it.
 */
export const problemsOfCalls = async (
  session: Session,
  notices: Array<string>,
  mode: PlanMode,
  all: ReadonlyArray<Call>
): Promise<ReadonlyArray<string>> => {
  await session.query(`SET plan_cache_mode = ${mode}`)
  const problems: Array<string> = []
  for (const { name, text, blocks } of all) {
    await session.query("BEGIN")
    notices.length = 0
    await session.query(text)
    const inner = notices.map((notice) => noticed(notice)).filter((plan) => plan["Query Text"] !== text)
    await session.query("ROLLBACK")
    if (inner.length === 0) problems.push(`${name}: tells of no statement`)
    problems.push(...inner.flatMap(({ Plan }) => problemsOf(name, Plan, blocks)))
  }
  return problems
}
