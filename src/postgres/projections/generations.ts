/**
 * How generations come, begin anew and go.
 *
 * Invariant: generations and their roles are changed under the lock of their projection, and by nobody else. Whoever changes
 * what a partition has handled holds the lock of its row, so no commit is under way, and lets its claim be lost.
 */
import * as Effect from "effect/Effect"
import { StoreError } from "../../EventStore.ts"
import { withStood } from "../../internal/adapter/replayed.ts"
import type { Definition, ProjectionStore } from "../../ProjectionStore.ts"
import { type Access, invalid, lockLog, lockNames, lockProjection, ownTransaction } from "./access.ts"
import { literal } from "../schema/names.ts"
import { type GenerationRow, head } from "./rows.ts"
import { checkNames, dropTables, emptyTables, makeTables, misconfigured, namesProblem, showTables } from "./tables.ts"

export const generationsOf = (
  { query, s }: Access,
  name: string
): Effect.Effect<ReadonlyArray<GenerationRow>, StoreError> =>
  query<GenerationRow>(
    `SELECT id, version, mode, role, partitions, types, tables, replayed_to FROM ${s}.projection_generations
WHERE name = $1::text ORDER BY id`,
    [name]
  )

export const inRole = (
  generations: ReadonlyArray<GenerationRow>,
  role: GenerationRow["role"]
): GenerationRow | undefined => generations.find((generation) => generation.role === role)

export interface PartitionRow {
  readonly generation: number
  readonly partition: number
  readonly position: bigint
  readonly epoch: bigint
}

/** Locks the partitions of generations, in the one order in which that is done, and so waits for commits that are under way. */
export const lockPartitions = (
  { query, s }: Access,
  ids: ReadonlyArray<number>
): Effect.Effect<ReadonlyArray<PartitionRow>, StoreError> =>
  query<PartitionRow>(
    `SELECT generation, partition, position, epoch FROM ${s}.projection_partitions
WHERE generation = ANY ($1::integer[]) ORDER BY generation, partition FOR UPDATE`,
    [ids]
  )

/**
 * Fails where the user lacks rights that it takes to change which types the appends have to take care of, and says which: PostgreSQL names the
 * table alone.
 */
const checkInlineRights = ({ query, s }: Access, rights: ReadonlyArray<string>): Effect.Effect<void, StoreError> =>
  Effect.flatMap(
    query<{ readonly right: string; readonly user: string }>(
      `SELECT r AS right, quote_ident(current_user) AS user FROM unnest($1::text[]) AS r
WHERE NOT has_table_privilege(${literal(`${s}.inline_types`)}, r)`,
      [rights]
    ),
    (missing) => {
      const [first] = missing
      if (first === undefined) return Effect.void
      const lacking = missing.map(({ right }) => right).join(", ")
      const problem = `${first.user} may not change which projections are inline: GRANT ${lacking} ON ${s}.inline_types TO ${first.user}`
      return Effect.fail(new StoreError({ reason: "AccessDenied", problem }))
    }
  )

/** What it takes to make an inline generation live, and to retire one. */
const toAddTypes = ["SELECT", "INSERT", "UPDATE", "DELETE"]
const toTakeTypesAway = ["SELECT", "UPDATE", "DELETE"]

/**
 * Says which types the appends have to take care of for a generation, from the next append on; none when it is not kept by them
 * any more. A row without a type says that it is: what was done for one that is not must not be stored.
 */
export const setInlineTypes = (
  access: Access,
  generation: number,
  types: ReadonlyArray<string> | undefined
): Effect.Effect<void, StoreError> =>
  Effect.gen(function* () {
    const { query, s } = access
    yield* checkInlineRights(access, types === undefined ? toTakeTypesAway : toAddTypes)
    yield* query(`DELETE FROM ${s}.inline_types WHERE generation = $1::integer`, [generation])
    if (types !== undefined) {
      yield* query(
        `INSERT INTO ${s}.inline_types (type, generation) SELECT DISTINCT t, $1::integer FROM unnest($2::text[]) AS t`,
        [generation, ["", ...types]]
      )
    }
    yield* query(`UPDATE ${s}.inline_types SET generation = 0 WHERE type = '' AND generation = 0`)
  })

/** Lets a live generation be live no more. One that appends have kept stood at the head of the log, which is locked. */
export const retire = (access: Access, { id, mode }: GenerationRow): Effect.Effect<void, StoreError> =>
  Effect.gen(function* () {
    const { query, s } = access
    yield* query(
      `UPDATE ${s}.projection_partitions SET epoch = epoch + 1, owner = NULL, lease_until = NULL, claimable = false,
  position = ${mode === "inline" ? head(s) : "position"}
WHERE generation = $1::integer`,
      [id]
    )
    yield* query(`UPDATE ${s}.projection_generations SET role = 'retired' WHERE id = $1::integer`, [id])
    if (mode === "inline") yield* setInlineTypes(access, id, undefined)
  })

/** Makes a generation and all it has. `shown` is the one whose tables the views show: those of the new one take their place. */
const add = (
  access: Access,
  definition: Omit<Definition, "name">,
  name: string,
  role: "live" | "filling",
  shown?: GenerationRow
) =>
  Effect.gen(function* () {
    const { query, s } = access
    const { mode, partitions, tables, types, version } = definition
    const [row] = yield* query<{ readonly id: number }>(
      `INSERT INTO ${s}.projection_generations (name, version, mode, role, partitions, types, tables, replayed_to)
VALUES ($1::text, $2::integer, $3::text, $4::text, $5::integer, $6::text[], $7::jsonb, jsonb_build_array(jsonb_build_array(${head(s)}))) RETURNING id`,
      [name, version, mode, role, partitions, types, JSON.stringify(tables)]
    )
    const { id } = row!
    yield* query(
      `INSERT INTO ${s}.projection_partitions (generation, partition)
SELECT $1::integer, n FROM generate_series(0, $2::integer - 1) AS n`,
      [id, partitions]
    )
    yield* makeTables(access, { name, tables }, id)
    if (role === "live" || shown !== undefined) yield* showTables(access, name, { id, tables }, shown)
  })

const kept = ["projection_asked_for", "projection_documents", "projection_parked", "projection_skipped"]

const deleteKept = ({ query, s }: Access, id: number) =>
  Effect.forEach(kept, (table) => query(`DELETE FROM ${s}.${table} WHERE generation = $1::integer`, [id]), {
    discard: true
  })

/** Removes a generation with all it has. */
export const remove = (access: Access, name: string, generation: GenerationRow): Effect.Effect<void, StoreError> =>
  Effect.gen(function* () {
    const { query, s } = access
    yield* lockPartitions(access, [generation.id])
    yield* dropTables(access, name, generation)
    yield* deleteKept(access, generation.id)
    yield* query(`DELETE FROM ${s}.projection_partitions WHERE generation = $1::integer`, [generation.id])
    yield* query(`DELETE FROM ${s}.projection_generations WHERE id = $1::integer`, [generation.id])
  })

/** Takes a generation back to its beginning. What is paused stays so. Gives where its partitions stood. */
const empty = (access: Access, name: string, generation: GenerationRow) =>
  Effect.gen(function* () {
    const { query, s } = access
    const partitions = yield* lockPartitions(access, [generation.id])
    yield* emptyTables(access, name, generation)
    yield* deleteKept(access, generation.id)
    yield* query(
      `UPDATE ${s}.projection_partitions SET position = 0, epoch = epoch + 1, owner = NULL, lease_until = NULL, rate = 0,
  state = CASE state WHEN 'paused' THEN state ELSE 'running' END, failure_position = NULL, failure_problem = NULL,
  claimable = true
WHERE generation = $1::integer`,
      [generation.id]
    )
    return partitions.map(({ position }) => position)
  })

/** What a definition differs in from the generation that is there. */
const difference = (there: GenerationRow, { mode, partitions, tables }: Definition): string | undefined => {
  if (there.mode !== mode) return `it is ${there.mode} there, and ${mode} here`
  if (there.partitions !== partitions) return `it has ${there.partitions} partitions there, and ${partitions} here`
  const names = new Set([...Object.keys(there.tables), ...Object.keys(tables)])
  for (const name of names) if (there.tables[name] !== tables[name]) return `its table "${name}" is another one there`
  return undefined
}

type Generations = Pick<ProjectionStore["Service"], "register" | "reset" | "rebuild" | "removeRetired">

/** The generations of a projection that is there. */
export const knownGenerations = (
  access: Access,
  name: string
): Effect.Effect<ReadonlyArray<GenerationRow>, StoreError> =>
  Effect.filterOrFail(
    generationsOf(access, name),
    (generations) => generations.length > 0,
    () => invalid(`there is no projection "${name}"; the status, asked for without a name, lists those that there are`)
  )

export const generations = (access: Access): Generations => {
  const { changed, query, s } = access

  /** Changes the generations of a projection that is there. */
  const change = <R>(
    what: string,
    name: string,
    make: (generations: ReadonlyArray<GenerationRow>) => Effect.Effect<void, StoreError, R>
  ) =>
    ownTransaction(
      access,
      what,
      Effect.gen(function* () {
        yield* lockProjection(access, name)
        yield* make(yield* knownGenerations(access, name))
        yield* changed
      })
    )

  /** Under the same version other types may be handled than before; what one process handles, no other may pass by. */
  const addTypes = (same: ReadonlyArray<GenerationRow>, types: ReadonlyArray<string>) =>
    Effect.gen(function* () {
      for (const generation of same) {
        const all = new Set([...generation.types, ...types])
        if (all.size === generation.types.length) continue
        yield* query(`UPDATE ${s}.projection_generations SET types = $2::text[] WHERE id = $1::integer`, [
          generation.id,
          Array.from(all)
        ])
        if (generation.role === "live" && generation.mode === "inline") {
          yield* setInlineTypes(access, generation.id, Array.from(all))
        }
      }
    })

  return {
    register: (definition) => {
      const { mode, name, tables, types, version } = definition
      const wrong = namesProblem(definition)
      if (wrong !== undefined) return Effect.fail(misconfigured(wrong))
      const steps = Effect.gen(function* () {
        yield* lockNames(access)
        yield* lockProjection(access, name)
        const known = yield* generationsOf(access, name)
        const [live, filling] = [inRole(known, "live"), inRole(known, "filling")]
        const same = known.filter((one) => one.role !== "retired" && one.version === version)
        for (const there of same) {
          const different = difference(there, definition)
          if (different === undefined) continue
          return yield* misconfigured(
            `version ${version} of projection "${name}" is there already, and ${different}: raise its version`
          )
        }
        const isKnown = same.length > 0
        if (!isKnown && version < Math.max(live?.version ?? 0, filling?.version ?? 0)) return
        // To fill what may not become live would be for nothing.
        if (mode === "inline" && same.every(({ role }) => role === "filling")) {
          yield* checkInlineRights(access, toAddTypes)
        }
        if (isKnown) return yield* addTypes(same, types)
        yield* checkNames(access, { name, tables }, new Set(known.flatMap((one) => Object.keys(one.tables))))
        if (filling !== undefined) yield* remove(access, name, filling)
        // What is to be kept by the appends has to be filled first, while nothing is appended at the end.
        yield* add(access, definition, name, live === undefined && mode === "async" ? "live" : "filling")
        yield* changed
      })
      return ownTransaction(access, "to register a projection", steps)
    },

    reset: (name) =>
      change("to reset a projection", name, (known) =>
        Effect.gen(function* () {
          const live = inRole(known, "live")
          if (live === undefined) return yield* invalid(`projection "${name}" is not live yet`)
          if (live.mode === "async") {
            const positions = yield* empty(access, name, live)
            yield* query(`UPDATE ${s}.projection_generations SET replayed_to = $2::jsonb WHERE id = $1::integer`, [
              live.id,
              JSON.stringify(withStood(live.replayed_to, positions.map(Number)))
            ])
            return
          }
          // One that appends keep has to be filled before they can keep it again: by another one, for what appends that are
          // under way have done for this one must not be found in what begins anew. It takes the place of what is filling.
          yield* lockLog(access)
          const filling = inRole(known, "filling")
          if (filling !== undefined) yield* remove(access, name, filling)
          yield* lockPartitions(access, [live.id])
          yield* retire(access, live)
          yield* add(access, live, name, "filling", live)
        })
      ),

    rebuild: (name) =>
      change("to rebuild a projection", name, (known) => {
        const [live, filling] = [inRole(known, "live"), inRole(known, "filling")]
        if (filling !== undefined) return Effect.asVoid(empty(access, name, filling))
        return live === undefined
          ? Effect.fail(invalid(`projection "${name}" has no generation that is live`))
          : add(access, live, name, "filling")
      }),

    removeRetired: (name) =>
      change("to remove generations", name, (known) =>
        Effect.forEach(
          known.filter(({ role }) => role === "retired"),
          (generation) => remove(access, name, generation),
          { discard: true }
        )
      )
  }
}
