/**
 * What the types of views hold. Compiled by `npm run check`; each refusal has its positive twin above it.
 */
import { Array, Option, Schema } from "effect"
import { Event, StreamName, View } from "eventfold"

const BoxEvent = Event.define({ Filled: { with: Schema.String, count: Schema.Int }, Emptied: {} })

const Model = Schema.Struct({ count: Schema.Int, last: Schema.optionalKey(Schema.String) })

const one = View.make({ name: "one", events: BoxEvent, model: Model, initial: { count: 0 } })
const each = View.keyed({
  name: "each",
  events: BoxEvent,
  model: Model,
  initial: { count: 0 },
  key: (_, { stream }) => StreamName.id(stream)
})

// Models as they come, with what is optional and without.
one.evolve({
  Filled: (model, { count, with: last }) => ({ ...model, count: model.count + count, last }),
  Emptied: () => ({ count: 0 })
})
one.evolve({
  // @ts-expect-error the model has no such field
  Filled: (model, { count }) => ({ ...model, cuont: model.count + count }),
  Emptied: (model) => model
})
// @ts-expect-error the handler of an event is missing
one.evolve({ Emptied: (model) => model })
one.evolve({
  Filled: (model) => model,
  Emptied: (model) => model,
  // @ts-expect-error there is no such event
  Closed: (model: typeof Model.Type) => model
})

// A key's model may go.
each.evolve({
  Filled: (model, { count }) => (count === 0 ? View.gone : { ...model, count }),
  Emptied: () => View.gone
})
each.evolve({
  // @ts-expect-error the model has no such field
  Filled: (model, { count }) => (count === 0 ? View.gone : { ...model, cuont: count }),
  Emptied: () => View.gone
})
// @ts-expect-error of one model nothing goes
one.evolve({ Filled: (model) => model, Emptied: () => View.gone })

// Models that are no records of fields.
View.make({ name: "list", events: BoxEvent, model: Schema.Array(Schema.String), initial: [] }).evolve({
  Filled: (all, event) => Array.append(all, event.with),
  Emptied: () => []
})
View.make({ name: "names", events: BoxEvent, model: Schema.Record(Schema.String, Schema.Int), initial: {} }).evolve({
  Filled: (all, { count, with: name }) => ({ ...all, [name]: count }),
  Emptied: () => ({})
})
View.make({ name: "last", events: BoxEvent, model: Schema.Option(Schema.String), initial: Option.none() }).evolve({
  Filled: (_, event) => Option.some(event.with),
  Emptied: () => Option.none()
})
