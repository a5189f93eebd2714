import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http"
import { NodeHttpClient } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { DateTime, Duration, Effect, Fiber, Layer, Redacted, Schedule, Schema } from "effect"
import { FetchHttpClient, HttpClient, HttpClientResponse } from "effect/http"
import { TestClock } from "effect/testing"
import { Publication, StreamName, Webhook } from "eventfold"
import { MemoryEventStore } from "eventfold/memory"
import { append, caughtUp, events, failed, numbersOf, put, start } from "./reaction/support.ts"

const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
const another = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"

const message: Publication.Message = {
  id: "0192d9a0-0000-7000-8000-000000000001",
  type: "Put",
  schemaVersion: 1,
  stream: StreamName.make("box", "1"),
  version: 1,
  position: 7,
  recordedAt: DateTime.makeUnsafe("2026-03-03T10:00:00.123Z"),
  data: { text: "grüße" }
}

/** What the specification's own libraries sign. */
const vector = {
  body: '{"test": 2432232314}',
  headers: {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
  }
}
const sentAt = 1_614_265_330_000

type Verifying = Partial<Webhook.VerifyOptions> & { readonly signature?: string }

/** Verifies the vector with something else of it. */
const verifying = ({ signature, ...options }: Verifying = {}) =>
  Webhook.verify({
    secrets: [secret],
    body: vector.body,
    headers: { ...vector.headers, ...(signature === undefined ? {} : { "webhook-signature": signature }) },
    ...options
  })

const reasonOf = (options: Verifying) => Effect.map(Effect.flip(verifying(options)), ({ reason }) => reason)

const atThatTime = TestClock.setTime(sentAt)

describe("a receiver", () => {
  it.effect(
    "takes what the specification's own libraries have signed, and says which message it is, and from when",
    () =>
      Effect.gen(function* () {
        yield* atThatTime
        const { id, sentAt: at } = yield* verifying()
        assert.deepStrictEqual([id, DateTime.toEpochMillis(at)], ["msg_p5jXN8AQM9LWM0D4loKWxJek", sentAt])
      })
  )

  it.effect(
    "takes it with any of several secrets, of several signatures, as bytes, and whatever the case of its headers",
    () =>
      Effect.gen(function* () {
        yield* atThatTime
        const right = vector.headers["webhook-signature"]
        const wrong = "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc="
        yield* verifying({ secrets: [another, Redacted.make(secret)] })
        yield* verifying({ secrets: [secret.slice("whsec_".length)] })
        yield* verifying({ signature: `${wrong} v2,${wrong.slice(3)} v1a,no ${right} ${wrong}` })
        yield* verifying({ body: new TextEncoder().encode(vector.body) })
        const { headers } = vector
        const upper = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toUpperCase(), value]))
        yield* verifying({ headers: upper })
      })
  )

  it.effect("refuses what was changed, or signed with another secret, or not at all", () =>
    Effect.gen(function* () {
      yield* atThatTime
      const { headers } = vector
      assert.strictEqual(yield* reasonOf({ body: '{"test": 2432232315}' }), "WrongSignature")
      assert.strictEqual(yield* reasonOf({ headers: { ...headers, "webhook-id": "msg_other" } }), "WrongSignature")
      assert.strictEqual(
        yield* reasonOf({ headers: { ...headers, "webhook-timestamp": "1614265331" } }),
        "WrongSignature"
      )
      assert.strictEqual(yield* reasonOf({ secrets: [another] }), "WrongSignature")
      assert.strictEqual(yield* reasonOf({ signature: "v1,dawfeoifkpqwoekfpqoekf" }), "NoSignature")
      assert.strictEqual(yield* reasonOf({ signature: headers["webhook-signature"].slice(0, 11) }), "WrongSignature")
      assert.strictEqual(yield* reasonOf({ signature: "v1," }), "WrongSignature")
      assert.strictEqual(
        yield* reasonOf({ signature: headers["webhook-signature"].replace("v1", "v2") }),
        "NoSignature"
      )
    })
  )

  it.effect("refuses a request without one of the headers", () =>
    Effect.gen(function* () {
      yield* atThatTime
      for (const name of Object.keys(vector.headers)) {
        const error = yield* Effect.flip(verifying({ headers: { ...vector.headers, [name]: undefined } }))
        assert.strictEqual(error.reason, "MissingHeader")
        assert.include(error.message, name)
      }
    })
  )

  it.effect("refuses what is too old or too new, and what has no time", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(sentAt + 5 * 60_000)
      yield* verifying()
      yield* TestClock.setTime(sentAt + 5 * 60_000 + 1)
      assert.strictEqual(yield* reasonOf({}), "TooOld")
      yield* verifying({ tolerance: "6 minutes" })
      yield* TestClock.setTime(sentAt - 5 * 60_000 - 1)
      assert.strictEqual(yield* reasonOf({}), "TooNew")
      for (const timestamp of ["hello", "-1", "1e9", "1614265330.5", "9".repeat(400)]) {
        const headers = { ...vector.headers, "webhook-timestamp": timestamp }
        assert.strictEqual(yield* reasonOf({ headers }), "InvalidTimestamp")
      }
    })
  )
})

interface Request {
  readonly method: string | undefined
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** A server that answers as it is told, and what it was sent. */
const receiver = (answer: (response: ServerResponse) => void) =>
  Effect.gen(function* () {
    const requests: Array<Request> = []
    const server = createServer((request, response) => {
      let body = ""
      request.setEncoding("utf8").on("data", (text: string) => (body += text))
      request.on("end", () => {
        requests.push({ method: request.method, headers: request.headers, body })
        answer(response)
      })
    })
    yield* Effect.acquireRelease(
      Effect.callback<void>((resume) => {
        server.listen(0, "127.0.0.1", () => resume(Effect.void))
      }),
      () =>
        Effect.sync(() => {
          server.closeAllConnections()
          server.close()
        })
    )
    const address = server.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    return { url: `http://127.0.0.1:${port}/hooks?token=hidden`, requests }
  })

const answering =
  (status: number, body = "", headers: Record<string, string> = {}) =>
  (response: ServerResponse): void => {
    response.writeHead(status, headers).end(body)
  }

const clients = [
  ["fetch", FetchHttpClient.layer],
  ["undici", NodeHttpClient.layerUndici],
  ["node:http", NodeHttpClient.layerNodeHttp]
] as const

for (const [name, client] of clients) {
  describe(`a webhook over ${name}`, () => {
    it.live("is a POST request that its receiver can verify, and read", () =>
      Effect.gen(function* () {
        const { requests, url } = yield* receiver(answering(204))
        const headers = { "x-tenant": "acme", "webhook-id": "forged" }
        yield* Webhook.sink({ url, secrets: [another, Redacted.make(secret)], headers }).publish(message)
        const [request, ...others] = requests
        assert.deepStrictEqual(others, [])
        assert.deepInclude(request, { method: "POST" })
        assert.deepInclude(request!.headers, { "content-type": "application/json", "x-tenant": "acme" })
        for (const one of [secret, another]) {
          const { id } = yield* Webhook.verify({ secrets: [one], headers: request!.headers, body: request!.body })
          assert.strictEqual(id, message.id)
        }
        const received = yield* Schema.decodeEffect(Schema.fromJsonString(Publication.Message))(request!.body)
        assert.deepStrictEqual(received, message)
      }).pipe(Effect.provide(client))
    )

    it.live("that is refused fails with the status and the beginning of the answer, and retrying does not help", () =>
      Effect.gen(function* () {
        for (const status of [400, 401, 404, 410, 422]) {
          const { url } = yield* receiver(answering(status, "no".repeat(100_000)))
          const error = yield* Effect.flip(Webhook.sink({ url, secrets: [secret] }).publish(message))
          assert.deepInclude(error, { _tag: "WebhookRefused", status, messageId: message.id, isRetryable: false })
          assert.strictEqual(error._tag === "WebhookRefused" ? error.body : "", "no".repeat(500))
          assert.notInclude(error.message, "hidden")
        }
      }).pipe(Effect.provide(client))
    )

    it.live("does not follow redirects", () =>
      Effect.gen(function* () {
        const target = yield* receiver(answering(200))
        for (const status of [301, 302, 307, 308]) {
          const { requests, url } = yield* receiver(answering(status, "", { location: target.url }))
          const error = yield* Effect.flip(Webhook.sink({ url, secrets: [secret] }).publish(message))
          assert.deepInclude(error, { _tag: "WebhookRefused", status })
          assert.include(error.message, "redirects are not followed")
          assert.lengthOf(requests, 1)
        }
        assert.deepStrictEqual(target.requests, [])
      }).pipe(Effect.provide(client))
    )

    it.live("that may pass later says so, and how long its receiver wants to be left alone", () =>
      Effect.gen(function* () {
        const cases = [
          [500, {}, undefined],
          [502, { "retry-after": "7" }, undefined],
          [408, {}, undefined],
          [425, {}, undefined],
          [429, { "retry-after": "7" }, Duration.seconds(7)],
          [503, { "retry-after": "100000" }, Duration.minutes(1)],
          [503, { "retry-after": "Tue, 03 Mar 2020 10:00:00 GMT" }, Duration.zero],
          [503, { "retry-after": "soon" }, undefined]
        ] as const
        for (const [status, headers, retryAfter] of cases) {
          const { url } = yield* receiver(answering(status, "busy", headers))
          const error = yield* Effect.flip(Webhook.sink({ url, secrets: [secret] }).publish(message))
          assert.deepInclude(error, { _tag: "WebhookUnavailable", status, retryAfter, isRetryable: true })
          assert.include(error.message, "busy")
        }
      }).pipe(Effect.provide(client))
    )

    it.live("is not waited for for longer than its time-out, and nobody being there may pass", () =>
      Effect.gen(function* () {
        const silent = yield* receiver(() => {})
        const slow = yield* Effect.flip(
          Webhook.sink({ url: silent.url, secrets: [secret], timeout: "50 millis" }).publish(message)
        )
        assert.deepInclude(slow, { _tag: "WebhookUnavailable", status: undefined })
        assert.include(slow.message, "within 50ms")
        const gone = yield* Effect.flip(
          Webhook.sink({ url: "http://127.0.0.1:1/", secrets: [secret] }).publish(message)
        )
        assert.deepInclude(gone, { _tag: "WebhookUnavailable", status: undefined })
      }).pipe(Effect.provide(client))
    )

    it.live("is delivered when its receiver has said so, however long the rest of the answer takes", () =>
      Effect.gen(function* () {
        const { url } = yield* receiver((response) => {
          response.writeHead(200, { "content-length": "10" })
          response.write("x")
        })
        yield* Effect.timeout(
          Webhook.sink({ url, secrets: [secret], timeout: "50 millis" }).publish(message),
          "5 seconds"
        )
      }).pipe(Effect.provide(client))
    )

    it.live("is not read to the end where its answer has none", () =>
      Effect.gen(function* () {
        const { url } = yield* receiver((response) => {
          response.writeHead(400)
          const more = (): void => {
            if (!response.destroyed) response.write("no".repeat(10_000), () => setImmediate(more))
          }
          more()
        })
        const error = yield* Effect.flip(
          Webhook.sink({ url, secrets: [secret], timeout: "2 seconds" }).publish(message)
        )
        assert.strictEqual(error._tag === "WebhookRefused" ? error.body : "", "no".repeat(500))
      }).pipe(Effect.provide(client))
    )
  })
}

describe("a webhook", () => {
  it("is refused at once without a secret, with one that is none, and with a URL that is none", () => {
    const made = (options: Partial<Webhook.SinkOptions>) => () =>
      Webhook.sink({ url: "https://example.com", secrets: [secret], ...options })
    assert.doesNotThrow(made({}))
    assert.throws(made({ secrets: [] }), "at least one")
    assert.throws(made({ secrets: ["whsec_c2hvcnQ="] }), "at least 24 bytes")
    assert.throws(made({ secrets: [Redacted.make("whsec_*********************************")] }), "in base64")
    assert.throws(made({ url: "example.com" }), "Invalid URL")
    assert.throws(made({ url: "ftp://example.com" }), "give http or https")
  })

  it.effect("waits 15 seconds for an answer, unless it is told otherwise", () =>
    Effect.gen(function* () {
      let isAsked = false
      const silent = HttpClient.make(() =>
        Effect.suspend(() => {
          isAsked = true
          return Effect.never
        })
      )
      const sink = Webhook.sink({ url: "https://example.com", secrets: [secret] })
      const fiber = yield* Effect.forkChild(
        Effect.flip(sink.publish(message)).pipe(Effect.provideService(HttpClient.HttpClient, silent))
      )
      yield* really(() => isAsked)
      yield* TestClock.adjust("14999 millis")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      assert.include((yield* Fiber.join(fiber)).message, "within 15s")
    })
  )
})

/** Lets the real time pass, as signing takes some, until something holds and what follows from it is done. */
const really = (holds: () => boolean) =>
  Effect.promise(async () => {
    for (let after = 0, i = 0; after < 20 && i < 100_000; i++) {
      if (holds()) after++
      await new Promise((resolve) => setImmediate(resolve))
    }
  })

/** A client that answers with the statuses, one after the other, and with the last one from then on. */
const statuses = (...all: ReadonlyArray<readonly [status: number, headers?: Record<string, string>]>) => {
  const asked: Array<string> = []
  const client = HttpClient.make((request) =>
    Effect.sync(() => {
      const [status, headers = {}] = all[Math.min(asked.length, all.length - 1)]!
      asked.push(request.headers["webhook-id"] ?? "")
      return HttpClientResponse.fromWeb(request, new Response(null, { status, headers }))
    })
  )
  return { asked, layer: Layer.succeed(HttpClient.HttpClient, client) }
}

describe("a publication to a webhook", () => {
  const publishing = (settings: Publication.Settings<typeof events.Type> = {}) =>
    Publication.make({
      name: "hooks",
      events,
      sink: Webhook.sink({ url: "https://example.com", secrets: [secret] }),
      ...settings
    })

  it.effect(
    "sends a message again, with the same id, until it is delivered, and not before its receiver wants it",
    () => {
      const { asked, layer } = statuses([500], [503, { "retry-after": "20" }], [200])
      return Effect.gen(function* () {
        const { control } = yield* start(publishing())
        yield* append("1", put("a", 1))
        yield* TestClock.adjust("19 seconds")
        assert.lengthOf(asked, 2)
        yield* caughtUp(control)
        assert.strictEqual(asked.length, 3)
        assert.strictEqual(new Set(asked).size, 1)
        assert.deepStrictEqual(yield* numbersOf("Put"), [1])
      }).pipe(Effect.provide([MemoryEventStore.layer, layer]))
    }
  )

  it.effect("gives up at once where its receiver refuses", () => {
    const { asked, layer } = statuses([410])
    return Effect.gen(function* () {
      const { control } = yield* start(publishing({ retry: Schedule.forever }))
      yield* append("1", put("a", 1))
      yield* really(() => asked.length === 1)
      const { failure } = yield* failed(control)
      assert.include(failure?.problem, "refused message")
      assert.include(failure?.problem, "nobody is there any more")
      assert.strictEqual(asked.length, 1)
    }).pipe(Effect.provide([MemoryEventStore.layer, layer]))
  })
})
