// @effect-diagnostics floatingEffect:off missingLayerContext:off missingEffectError:off
/**
 * What the types of reactions and publications hold. Compiled by `npm run check`; each refusal has its positive twin above it.
 */
import { Context, Effect, type Layer, Schema } from "effect"
import { HttpClient } from "effect/http"
import {
  Event,
  type EventStore,
  type ProjectionStore,
  Publication,
  Reaction,
  type StreamName,
  Webhook
} from "eventfold"
import { AccountEvent, holds, type Same } from "./domain.ts"

type Stores = EventStore.EventStore | ProjectionStore.ProjectionStore

class Mailer extends Context.Service<
  Mailer,
  { readonly send: (to: string, key: string) => Effect.Effect<void, "refused"> }
>()("test/Mailer") {}

const opened = Event.pick(AccountEvent, ["AccountOpened"])
const results = Event.define({ Welcomed: { to: Schema.String }, Refused: { why: Schema.String } })

// The events that it hears and what it may give are inferred, and what it needs is needed to run it.
const welcomes = Reaction.make({
  name: "welcomes",
  events: opened,
  results,
  key: ({ owner }) => owner,
  stream: ({ owner }): StreamName.StreamName => `welcome-${owner}`
}).run(
  Effect.fnUntraced(function* ({ owner }, { idempotencyKey, recorded }) {
    holds<Same<typeof idempotencyKey, string>>()
    holds<Same<typeof recorded.stream, StreamName.StreamName>>()
    const { send } = yield* Mailer
    yield* send(owner, idempotencyKey)
    return { _tag: "Welcomed", to: owner }
  })
)
holds<Same<typeof welcomes, Reaction.Reaction<EventStore.EventStore | Mailer>>>()
class Welcomes extends Reaction.Service<Welcomes>()("test/Welcomes", welcomes) {}
holds<Same<typeof Welcomes.layer, Layer.Layer<Welcomes, EventStore.StoreError, Stores | Mailer>>>()
holds<Same<typeof Welcomes.layerReader, Layer.Layer<Welcomes, never, ProjectionStore.ProjectionStore>>>()

// It gives one, several or none.
Reaction.make({
  name: "one",
  events: opened,
  results
}).run(({ owner: why }) => Effect.succeed({ _tag: "Refused", why }))
Reaction.make({
  name: "some",
  events: opened,
  results
}).run(({ owner: to }) => Effect.succeed([{ _tag: "Welcomed", to }]))
Reaction.make({ name: "none", events: opened, results }).run(() => Effect.void)
Reaction.make({
  name: "either",
  events: opened,
  results
}).run(({ owner }) => (owner === "" ? Effect.void : Effect.succeed({ _tag: "Welcomed", to: owner })))
const answering = Reaction.make({ name: "answering", events: opened, results })
// @ts-expect-error it is none of the results
answering.run(({ owner }) => Effect.succeed({ _tag: "Opened", owner }))
// @ts-expect-error a number is no text
answering.run(({ owner }) => Effect.succeed({ _tag: "Welcomed", to: owner.length }))
// @ts-expect-error it does not hear withdrawals
answering.run(({ amount }) => Effect.succeed({ _tag: "Welcomed", to: String(amount) }))

// It can be looked after, and not be begun anew.
declare const control: Welcomes["Service"]
control.retryParked("lane")
control.awaitPosition(7)
// @ts-expect-error everything would be done again
export const anew = control.rebuild

// A publication needs what its sink needs.
const hooks = Publication.make({
  name: "hooks",
  events: AccountEvent,
  sink: Webhook.sink({ url: "https://example.com", secrets: ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"] })
})
class Hooks extends Publication.Service<Hooks>()("test/Hooks", hooks) {}
holds<Same<typeof Hooks.layer, Layer.Layer<Hooks, EventStore.StoreError, Stores | HttpClient.HttpClient>>>()
Publication.make({ name: "own", events: opened, sink: { publish: ({ id, data }) => Effect.log(id, data) } })
// @ts-expect-error a sink takes messages
Publication.make({ name: "no", events: opened, sink: { publish: (message: string) => Effect.log(message) } })

// What a receiver gets, and what can be wrong with it.
const verified = Webhook.verify({ secrets: [], headers: {}, body: "" })
holds<Same<Effect.Error<typeof verified>, Webhook.WebhookNotVerified>>()
holds<Same<Effect.Success<typeof verified>, Webhook.Verified>>()
