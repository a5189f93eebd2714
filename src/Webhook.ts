/**
 * Webhooks, as Standard Webhooks (https://www.standardwebhooks.com) has them: a sink that sends each message of a publication as a signed POST
 * request, and what a receiver verifies one with.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Headers from "effect/http/Headers"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import { contentOf, isSigned, keysOf, type Secret, sign, signaturesIn } from "./internal/runtime/reaction/signature.ts"
import { Message, type Sink } from "./Publication.ts"

export type { Secret }

/** How much of an answer is kept of one that refuses, in characters. */
const mostBody = 1000
/** How long a receiver can ask to be left alone. */
const mostWait = Duration.minutes(1)

/**
 * The receiver does not want this message: it answered with a status that is the same however often one asks. Nothing of it is tried again.
 */
export class WebhookRefused extends Schema.TaggedError<WebhookRefused>("eventfold/WebhookRefused")("WebhookRefused", {
  /** Without its query, which may have secrets. */
  url: Schema.String,
  /** The id of the message: that of its event. */
  messageId: Schema.String,
  /** The HTTP status of the answer. */
  status: Schema.Int,
  /** The first 1,000 characters of the answer. */
  body: Schema.String
}) {
  override get message(): string {
    const why =
      this.status === 410 ? "nobody is there any more" : this.status < 400 ? "redirects are not followed" : this.body
    return `${this.url} refused message ${this.messageId} with status ${this.status}${why === "" ? "" : `: ${why}`}`
  }

  /** Whether the same message may be taken later: no. */
  readonly isRetryable = false
}

/**
 * The message could not be delivered for now. Whether the receiver has it is not known.
 */
export class WebhookUnavailable extends Schema.TaggedError<WebhookUnavailable>("eventfold/WebhookUnavailable")(
  "WebhookUnavailable",
  {
    /** Without its query, which may have secrets. */
    url: Schema.String,
    /** The id of the message: that of its event. */
    messageId: Schema.String,
    /** The status of the answer, if there was one. */
    status: Schema.UndefinedOr(Schema.Int),
    /** What went wrong. */
    problem: Schema.String,
    /** How long the receiver asked to be left alone, at most a minute. */
    retryAfter: Schema.UndefinedOr(Schema.Duration)
  }
) {
  override get message(): string {
    return `${this.url} did not take message ${this.messageId}: ${this.problem}`
  }

  /** Whether the same message may be taken later: yes. */
  readonly isRetryable = true
}

/**
 * Where messages are sent, and how.
 */
export interface SinkOptions {
  /** Of http or https. */
  readonly url: string | URL
  /** What messages are signed with. While a secret is being replaced, the new one and the old one: receivers take either. */
  readonly secrets: ReadonlyArray<Secret>
  /** How long to wait for an answer. 15 seconds by default. */
  readonly timeout?: Duration.Input
  /** Headers beside those of the scheme. */
  readonly headers?: Headers.Input
}

/** Statuses that may pass. */
const mayPass = (status: number): boolean => status >= 500 || status === 408 || status === 425 || status === 429

/** What a Retry-After header comes to: seconds, or a date. */
const waitOf = (header: string | undefined, now: number): Duration.Duration | undefined => {
  if (header === undefined) return undefined
  const millis = /^\d+$/.test(header.trim()) ? Number(header) * 1000 : Date.parse(header) - now
  return Number.isNaN(millis) ? undefined : Duration.min(Duration.millis(Math.max(0, millis)), mostWait)
}

/** The beginning of an answer's body, as far as it comes. */
const beginning = (response: HttpClientResponse.HttpClientResponse) =>
  Effect.suspend(() => {
    let text = ""
    const decoder = new TextDecoder()
    return Stream.runForEachWhile(response.stream, (bytes) =>
      Effect.sync(() => {
        text += decoder.decode(bytes, { stream: true })
        return text.length < mostBody
      })
    ).pipe(
      Effect.ignore,
      Effect.map(() => text.slice(0, mostBody))
    )
  })

const encode = Schema.encodeSync(Schema.fromJsonString(Message))

/**
 * A sink that sends each message as a POST request, its JSON being that of `Publication.Message`. An answer of 2xx is a delivery. What may pass, such as
 * a time-out, no connection, 429 or a 5xx, fails with `WebhookUnavailable`, and is tried again on the publication's schedule, not before the
 * receiver's Retry-After; every other answer fails with `WebhookRefused`, and is not. Redirects are not followed.
 *
 * It throws at once where the URL or a secret is none.
 *
 * @example
 * import { Event, Publication, Webhook } from "eventfold"
 * import { Schema } from "effect"
 *
 * const orders = Publication.make({
 *   name: "orders",
 *   events: Event.define({ OrderPlaced: { customer: Schema.String } }),
 *   sink: Webhook.sink({ url: "https://example.com/hooks", secrets: ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"] })
 * })
 */
export const sink = ({
  headers = {},
  secrets,
  timeout = "15 seconds",
  url
}: SinkOptions): Sink<WebhookRefused | WebhookUnavailable, HttpClient.HttpClient> => {
  const target = new URL(url)
  if (!/^https?:$/.test(target.protocol))
    throw new Error(`${target.protocol} is no protocol of webhooks: give http or https`)
  const keys = keysOf(secrets)
  const shown = `${target.origin}${target.pathname}`

  const publish = Effect.fnUntraced(function* (message: Message) {
    const client = yield* HttpClient.HttpClient
    const { id } = message
    const body = encode(message)
    const timestamp = String(Math.floor((yield* Clock.currentTimeMillis) / 1000))
    const signature = yield* sign(keys, contentOf(id, timestamp, body))
    const request = HttpClientRequest.post(target, { headers }).pipe(
      HttpClientRequest.setHeaders({
        "webhook-id": id,
        "webhook-timestamp": timestamp,
        "webhook-signature": signature
      }),
      HttpClientRequest.bodyText(body, "application/json")
    )
    const unavailable = (problem: string, status?: number, retryAfter?: Duration.Duration) =>
      new WebhookUnavailable({ url: shown, messageId: id, status, problem, retryAfter })

    const response = yield* withoutRedirects(client.execute(request)).pipe(
      Effect.mapError((error) => unavailable(error.message)),
      Effect.timeoutOrElse({
        duration: timeout,
        orElse: () =>
          Effect.fail(unavailable(`it did not answer within ${Duration.format(Duration.fromInputUnsafe(timeout))}`))
      })
    )
    const { status } = response
    // The status has said it all: the body is only waited for so long.
    const answer = yield* Effect.map(Effect.timeoutOption(beginning(response), timeout), (read) =>
      read._tag === "Some" ? read.value : ""
    )
    if (status >= 200 && status < 300) return
    if (!mayPass(status)) return yield* new WebhookRefused({ url: shown, messageId: id, status, body: answer })
    const asked = status === 429 || status === 503 ? response.headers["retry-after"] : undefined
    const retryAfter = waitOf(asked, yield* Clock.currentTimeMillis)
    return yield* unavailable(`it answered with status ${status}: ${answer}`, status, retryAfter)
  })

  return { publish }
}

/** A client that is built on `fetch` follows them by default. */
const withoutRedirects = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.updateContext(effect, (context: Context.Context<R>) =>
    Context.merge(
      context,
      Context.make(FetchHttpClient.RequestInit, {
        ...Context.getOrUndefined(context, FetchHttpClient.RequestInit),
        redirect: "manual"
      })
    )
  )

/**
 * A request is no webhook of the sender's, and why.
 */
export class WebhookNotVerified extends Schema.TaggedError<WebhookNotVerified>("eventfold/WebhookNotVerified")(
  "WebhookNotVerified",
  {
    /** Why, in a word. */
    reason: Schema.Literals(["MissingHeader", "InvalidTimestamp", "TooOld", "TooNew", "NoSignature", "WrongSignature"]),
    /** What is wrong with the request. */
    problem: Schema.String
  }
) {
  override get message(): string {
    return `${this.reason}: ${this.problem}`
  }
}

/** A webhook that was verified. */
export interface Verified {
  /** The id of the message: who has seen it has the message. */
  readonly id: string
  /** When it was signed, by the sender's clock, in whole seconds. */
  readonly sentAt: DateTime.Utc
}

/** What a receiver has of a request. */
export interface VerifyOptions {
  /** The secrets that are shared with the sender. Any of them will do. */
  readonly secrets: ReadonlyArray<Secret>
  /** The headers of the request. */
  readonly headers: Headers.Input
  /** The body as it came: what is parsed and written again may be another text. */
  readonly body: string | Uint8Array
  /** How far the sender's clock may be from this one. 5 minutes by default. */
  readonly tolerance?: Duration.Input
}

/**
 * Verifies that a request came from who shares a secret, as it is and just now. The same request may still come twice: know messages by their id.
 *
 * A secret that is none is a defect.
 *
 * @example
 * import { Publication, Webhook } from "eventfold"
 * import { Effect, Schema } from "effect"
 *
 * const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(Publication.Message))
 *
 * export const receive = (request: { readonly headers: Record<string, string>; readonly body: string }) =>
 *   Effect.gen(function* () {
 *     const { id } = yield* Webhook.verify({ ...request, secrets: ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"] })
 *     return { id, message: yield* decode(request.body) }
 *   })
 */
export const verify = Effect.fnUntraced(function* ({
  body,
  headers,
  secrets,
  tolerance = "5 minutes"
}: VerifyOptions): Effect.fn.Return<Verified, WebhookNotVerified> {
  const keys = keysOf(secrets)
  const given = Headers.fromInput(headers)
  const header = (name: string) =>
    given[name] === undefined || given[name] === ""
      ? Effect.fail(new WebhookNotVerified({ reason: "MissingHeader", problem: `there is no header ${name}` }))
      : Effect.succeed(given[name])
  const id = yield* header("webhook-id")
  const timestamp = yield* header("webhook-timestamp")
  const signature = yield* header("webhook-signature")

  const refuse = (reason: WebhookNotVerified["reason"], problem: string) => new WebhookNotVerified({ reason, problem })
  if (!/^\d{1,12}$/.test(timestamp)) {
    return yield* refuse("InvalidTimestamp", "webhook-timestamp is not in seconds since 1970")
  }
  const sentAt = Number(timestamp) * 1000
  const age = (yield* Clock.currentTimeMillis) - sentAt
  const most = Duration.toMillis(Duration.fromInputUnsafe(tolerance))
  if (age > most) return yield* refuse("TooOld", `it was sent ${Duration.format(Duration.millis(age))} ago`)
  if (age < -most) {
    return yield* refuse("TooNew", `it was sent ${Duration.format(Duration.millis(-age))} from now: compare the clocks`)
  }
  const signatures = signaturesIn(signature)
  if (signatures.length === 0) return yield* refuse("NoSignature", "webhook-signature has none of version v1")
  if (!(yield* isSigned(keys, signatures, contentOf(id, timestamp, body)))) {
    return yield* refuse(
      "WrongSignature",
      "no signature is of a secret that is shared: look at the secrets, and at who has changed the body"
    )
  }
  return { id, sentAt: DateTime.makeUnsafe(sentAt) }
})
