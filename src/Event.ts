/**
 * Event definitions: which events a domain knows, what each carries, and how what was written years ago is read today.
 *
 * Each event type is a list of schema versions. The stored version picks the schema that decodes, typed steps lead from
 * there to today's shape, and only today's shape is ever written. Types can be renamed and retired; what they were
 * stored as stays readable. One codec serves every reader, so nothing reads around an upcast. What there is to know about versions of events is
 * in Greg Young's "Versioning in an Event Sourced System".
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { type Catalog, catalog, catalogMarkdown } from "./internal/kernel/catalog.ts"
import { DecodeError, EncodeError } from "./internal/kernel/codecErrors.ts"
import { derivedId } from "./internal/kernel/derivedId.ts"
import {
  chainOf,
  decodeChain,
  type DecodeProblem,
  type DecodeReason,
  decodeRetired,
  type Fields,
  firstIssue,
  type PayloadOf,
  type Version,
  version
} from "./internal/kernel/versions.ts"
import type { RecordedEvent } from "./RecordedEvent.ts"

export { catalog, catalogMarkdown, DecodeError, EncodeError, version }
export type { Catalog, DecodeProblem, DecodeReason, Fields, Version }

/** Anything told apart by `_tag`: events, commands and rejections. */
export interface Tagged {
  readonly _tag: string
}

type Simplify<A> = { [K in keyof A]: A[K] } & {}

/** The member of a union with the given tag. */
export type Case<Union extends Tagged, Tag extends string> = Union extends { readonly _tag: Tag } ? Union : never

/**
 * One type of a set as it is stored: its schemas from version 1 up, the steps between them, and the way between the
 * newest payload and events. A retired type is read into zero or more living ones and never written.
 */
export interface StoredType<out E> {
  /** The name that events are stored under. */
  readonly type: string
  /** The living type that it is read as, or `undefined` for a retired one. */
  readonly living: string | undefined
  /** The schemas of its versions, from version 1 up. */
  readonly schemas: ReadonlyArray<Schema.Codec<unknown, unknown>>
  /** The events that stored data of a version is read as. */
  readonly decode: (data: unknown, schemaVersion: number) => Result.Result<ReadonlyArray<E>, DecodeProblem>
}

/** Encodes the events of one type. Which type that is, is known by its name alone, hence the `never`. */
export type Encoder = (event: never) => Result.Result<EncodedEvent, EncodeError>

/** A set of event types: a domain's vocabulary. `typeof MyEvents.Type` is the union of its events. */
export interface Definitions<in out E extends Tagged> {
  /** The union of the events. Exists in types alone. */
  readonly Type: E
  /** The names of the living types: those that can be written. */
  readonly types: ReadonlyArray<E["_tag"]>
  /** Every name under which events of this set may be stored: living, renamed and retired. */
  readonly stored: ReadonlyMap<string, StoredType<E>>
  /** Encoders of the living types, by name. */
  readonly encoders: ReadonlyMap<string, Encoder>
  /** The types that are read into nothing, whatever they hold. */
  readonly ignored: ReadonlySet<string>
  /**
   * Gives living types the names they were stored under before: `{ AccountOpened: "AccountCreated" }` reads events
   * stored as `AccountCreated`, of any version, as `AccountOpened`. Throws for a type that is not defined, and for a name that is.
   */
  renamed(names: { readonly [Type in E["_tag"]]?: string }): Definitions<E>
  /** Reads a type that is written no more: each stored event becomes zero or more living ones. Throws for a type that is defined already. */
  retired<const V extends Version<unknown> | Fields>(
    type: string,
    versions: V,
    into: (payload: PayloadOf<V>) => ReadonlyArray<E>
  ): Definitions<E>
  /**
   * Reads types into nothing, whatever their version and data: types that others write to the same streams, or that nobody
   * knows the shape of any more. One by name, so that a type that was forgotten still fails. A set that defines the type,
   * in a {@link union} with this one, reads it.
   */
  ignoring(types: ReadonlyArray<string>): Definitions<E>
  /** Names what events are about, for queries and append conditions that cross streams. Throws for a type that is not defined. */
  tagged(tags: { readonly [Type in E["_tag"]]?: (event: Case<E, Type>) => ReadonlyArray<string> }): Definitions<E>
}

/** A domain event in its stored form. */
export interface EncodedEvent {
  /** The name of its type. */
  readonly type: string
  /** The version of the type's schema that `data` has, from 1. */
  readonly schemaVersion: number
  /** The event without its `_tag`, as JSON. */
  readonly data: Schema.Json
  /** What it is about. None where {@link Definitions.tagged} says nothing. */
  readonly tags: ReadonlyArray<string>
}

/** A recorded event together with the domain event it decodes to. */
export interface Decoded<out E> {
  /** The domain event. */
  readonly event: E
  /** The recorded event's id; of the further events that one retired event stands for, ids that derive from it. */
  readonly id: string
  /** The record that it was decoded from. */
  readonly recorded: RecordedEvent
}

const make = <E extends Tagged>(
  stored: ReadonlyMap<string, StoredType<E>>,
  encoders: ReadonlyMap<string, Encoder>,
  ignored: ReadonlySet<string> = new Set()
): Definitions<E> => ({
  get Type(): E {
    throw new Error("Type exists in types alone: write `typeof MyEvents.Type` where a type is meant")
  },
  types: Array.from(encoders.keys()),
  stored,
  encoders,
  ignored,
  renamed: (names) => {
    const all = new Map(stored)
    for (const [type, before] of Object.entries(names)) {
      const known = stored.get(type)
      if (known === undefined) throw new Error(`Event.renamed: ${type} is not defined`)
      if (typeof before === "string") addOnce(all, "Event.renamed", { ...known, type: before }, ignored)
    }
    return make(all, encoders, ignored)
  },
  retired: (type, versions, into) => {
    const retired = chainOf(versions)
    return make(
      addOnce(
        new Map(stored),
        "Event.retired",
        {
          type,
          living: undefined,
          schemas: retired.schemas,
          decode: decodeRetired(encoders, decodeChain(retired, into))
        },
        ignored
      ),
      encoders,
      ignored
    )
  },
  ignoring: (types) => {
    const defined = types.find((type) => stored.has(type))
    if (defined !== undefined) throw new Error(`Event.ignoring: ${defined} is defined already`)
    return make(stored, encoders, new Set([...ignored, ...types]))
  },
  tagged: (tags) => {
    const all = new Map(encoders)
    for (const [type, tagsOf] of Object.entries<((event: never) => ReadonlyArray<string>) | undefined>(tags)) {
      const encode = encoders.get(type)
      if (encode === undefined) throw new Error(`Event.tagged: ${type} is not defined`)
      if (tagsOf === undefined) continue
      all.set(type, (event) =>
        Result.map(encode(event), (encoded) => ({ ...encoded, tags: [...encoded.tags, ...tagsOf(event)] }))
      )
    }
    return make(stored, all, ignored)
  }
})

const addOnce = <E>(
  all: Map<string, StoredType<E>>,
  by: string,
  type: StoredType<E>,
  ignored: ReadonlySet<string> = new Set()
): Map<string, StoredType<E>> => {
  if (all.has(type.type)) throw new Error(`${by}: ${type.type} is defined already`)
  if (ignored.has(type.type)) throw new Error(`${by}: ${type.type} is ignored already`)
  return all.set(type.type, type)
}

/**
 * Defines a set of event types: for each its fields, or a chain of versions.
 *
 * @example
 * import { Event } from "eventfold"
 * import { Schema } from "effect"
 *
 * const AccountEvent = Event.define({
 *   AccountOpened: Event.version({ owner: Schema.String })
 *     .next({ owner: Schema.String, currency: Schema.String }, (v1) => ({ ...v1, currency: "EUR" })),
 *   Deposited: { amount: Schema.Int }
 * })
 *   .renamed({ Deposited: "MoneyPaidIn" })
 *   .retired("Audited", { by: Schema.String }, () => [])
 *   .tagged({ AccountOpened: ({ owner }) => [`owner:${owner}`] })
 *
 * type AccountEvent = typeof AccountEvent.Type
 */
export const define = <const D extends { readonly [type: string]: Version<unknown> | Fields }>(
  definitions: D
): Definitions<
  // Written out here and not named, so that editors show the events themselves.
  { [Type in keyof D & string]: Simplify<{ readonly _tag: Type } & PayloadOf<D[Type]>> }[keyof D & string]
> => {
  type E = { [Type in keyof D & string]: Simplify<{ readonly _tag: Type } & PayloadOf<D[Type]>> }[keyof D & string]
  const stored = new Map<string, StoredType<E>>()
  const encoders = new Map<string, Encoder>()
  for (const [type, definition] of Object.entries(definitions)) {
    const versions = chainOf(definition)
    const schemaVersion = versions.schemas.length
    const encode = Schema.encodeUnknownResult(Schema.toCodecJson(versions.schemas[schemaVersion - 1]!), {
      onExcessProperty: "error"
    })
    stored.set(type, {
      type,
      living: type,
      schemas: versions.schemas,
      decode: decodeChain(versions, (payload: object) => [{ ...payload, _tag: type } as E])
    })
    encoders.set(type, ({ _tag, ...payload }: Tagged) =>
      Result.mapBoth(encode(payload), {
        onFailure: (error) => new EncodeError({ type: _tag, ...firstIssue(error) }),
        onSuccess: (data) => ({ type: _tag, schemaVersion, data: data as Schema.Json, tags: [] })
      })
    )
  }
  return make(stored, encoders)
}

/**
 * One set of all the events of two sets. A name that both define is refused when the program starts.
 *
 * @example
 * import { Event } from "eventfold"
 * import { Schema } from "effect"
 *
 * const Orders = Event.define({ OrderPlaced: { customer: Schema.String }, OrderCancelled: {} })
 * const Payments = Event.define({ Paid: { amount: Schema.Int } })
 *
 * Event.union(Orders, Payments).types // ["OrderPlaced", "OrderCancelled", "Paid"]
 * Event.pick(Orders, ["OrderPlaced"]).types // ["OrderPlaced"]
 */
export const union = <A extends Tagged, B extends Tagged>(
  self: Definitions<A>,
  that: Definitions<B>
): Definitions<A | B> => {
  const stored = new Map<string, StoredType<A | B>>(self.stored)
  for (const type of that.stored.values()) addOnce(stored, "Event.union", type)
  const ignored = [...self.ignored, ...that.ignored].filter((type) => !stored.has(type))
  return make(stored, new Map([...self.encoders, ...that.encoders]), new Set(ignored))
}

/** The events of some types alone: for a reader that does not care about the others. */
export const pick = <E extends Tagged, const Type extends E["_tag"]>(
  self: Definitions<E>,
  types: ReadonlyArray<Type>
): Definitions<Case<E, Type>> => {
  type Picked = Case<E, Type>
  const picked = new Set<string>(types)
  const isPicked = (event: E): event is Picked => picked.has(event._tag)
  const stored = new Map<string, StoredType<Picked>>()
  for (const [type, known] of self.stored) {
    if (known.living !== undefined && !picked.has(known.living)) continue
    stored.set(type, {
      ...known,
      decode: (data, schemaVersion) =>
        Result.map(known.decode(data, schemaVersion), (events) => events.filter(isPicked))
    })
  }
  return make(stored, new Map([...self.encoders].filter(([type]) => picked.has(type))), self.ignored)
}

/** A value that belongs to one member of a keyed family. Its `_tag` is that of the value. */
export type Keyed<A extends Tagged> = A extends Tagged
  ? { readonly _tag: A["_tag"]; readonly key: string; readonly value: A }
  : never

/** Says which member of a keyed family an event or command belongs to. */
export const keyed = <const A extends Tagged>(key: string, value: A): Keyed<A> =>
  ({ _tag: value._tag, key, value }) as Keyed<A>

/** The events of a keyed family of things that each have the events of `self`. Stored as `{ key, value }`. */
export const keyedBy = <E extends Tagged>(self: Definitions<E>): Definitions<Keyed<E>> => {
  const stored = new Map<string, StoredType<Keyed<E>>>()
  const Envelope = Schema.Struct({ key: Schema.String, value: Schema.Unknown })
  const decodeKeyed = Schema.decodeUnknownResult(Envelope)
  const checkKeyed = Schema.encodeUnknownResult(Envelope, { onExcessProperty: "error" })
  const encodeKeyed = (type: string, envelope: unknown) =>
    Result.mapError(checkKeyed(envelope), (error) => new EncodeError({ type, ...firstIssue(error) }))
  for (const [type, known] of self.stored) {
    stored.set(type, {
      type,
      living: known.living,
      schemas: known.schemas.map((value) => Schema.Struct({ key: Schema.String, value })),
      decode: (data, schemaVersion) =>
        Result.flatMap(
          Result.mapError(decodeKeyed(data), (error) => ({ reason: "InvalidData" as const, ...firstIssue(error) })),
          ({ key, value }) =>
            Result.mapBoth(known.decode(value, schemaVersion), {
              onFailure: (problem) => ({
                ...problem,
                path: problem.path === "" ? "value" : `value.${problem.path}`
              }),
              onSuccess: (events) => events.map((event) => keyed(key, event))
            })
        )
    })
  }
  const encoders = new Map<string, Encoder>()
  for (const [type, encodeValue] of self.encoders) {
    encoders.set(type, ({ _tag, ...envelope }: Tagged & { readonly value: never }) =>
      Result.flatMap(encodeKeyed(_tag, envelope), ({ key }) =>
        Result.map(encodeValue(envelope.value), (encoded) => ({ ...encoded, data: { key, value: encoded.data } }))
      )
    )
  }
  return make(stored, encoders, self.ignored)
}

/**
 * The stored form of an event: the newest version of its type. Fails with `EncodeError` where its own schema refuses it, or the set does not have it.
 *
 * @example
 * import { Event } from "eventfold"
 * import { Schema } from "effect"
 *
 * const AccountEvent = Event.define({ Deposited: { amount: Schema.Int } }).tagged({ Deposited: () => ["money"] })
 *
 * Event.encode(AccountEvent, { _tag: "Deposited", amount: 5 })
 * // a success: { type: "Deposited", schemaVersion: 1, data: { amount: 5 }, tags: ["money"] }
 */
export const encode = <E extends Tagged>(
  self: Definitions<E>,
  event: NoInfer<E>
): Result.Result<EncodedEvent, EncodeError> => {
  const encoder = self.encoders.get(event._tag)
  return encoder === undefined
    ? Result.fail(new EncodeError({ type: event._tag, path: "", problem: "this set of definitions does not write it" }))
    : encoder(event as never)
}

/** The domain events that a recorded event stands for: one, or for a retired type any number. Fails with `DecodeError`, whose `reason` says why. */
export const decode = <E extends Tagged>(
  self: Definitions<E>,
  recorded: RecordedEvent
): Result.Result<ReadonlyArray<E>, DecodeError> => {
  const known = self.stored.get(recorded.type)
  if (known === undefined && self.ignored.has(recorded.type)) return Result.succeed([])
  const decoded: ReturnType<StoredType<E>["decode"]> =
    known === undefined
      ? Result.fail({
          reason: "UnknownType",
          path: "",
          problem: `known are ${Array.from(self.stored.keys()).join(", ")}`
        })
      : known.decode(recorded.data, recorded.schemaVersion)
  return Result.mapError(
    decoded,
    (problem) =>
      new DecodeError({
        ...problem,
        eventId: recorded.id,
        stream: recorded.stream,
        version: recorded.version,
        position: recorded.position,
        type: recorded.type,
        schemaVersion: recorded.schemaVersion
      })
  )
}

/** A class, as a literal that fills pages would be put where only a full collection clears it away, with all that it holds. */
class DecodedEvent<out E extends Tagged> implements Decoded<E> {
  readonly event: E
  readonly id: string
  readonly recorded: RecordedEvent
  constructor(event: E, id: string, recorded: RecordedEvent) {
    this.event = event
    this.id = id
    this.recorded = recorded
  }
}

/** The domain events that a recorded event stands for, each with the record and an id of its own. */
export const decodeRecorded = <E extends Tagged>(
  self: Definitions<E>,
  recorded: RecordedEvent
): Result.Result<ReadonlyArray<Decoded<E>>, DecodeError> =>
  Result.map(decode(self, recorded), (events) =>
    events.map(
      (event, index) =>
        new DecodedEvent(event, index === 0 ? recorded.id : derivedId(recorded.id, "decoded", String(index)), recorded)
    )
  )
