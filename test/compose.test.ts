/**
 * What docker-compose.yml starts: PostgreSQL with settings that are safe, and what watches it. The files are there, and fit together.
 */
import { existsSync } from "node:fs"
import { dirname, join, posix } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import { eventfold } from "./cli/support.ts"
import { compose, datasources, folder, prometheusConfig, providers } from "./support/monitoring.ts"
import { read, root } from "./support/project.ts"
import { clientOf, startOwnServer } from "./support/server.ts"

const { grafana, postgres, prometheus } = compose.services

describe("what is started", () => {
  const mounts = Object.entries(compose.services).flatMap(([service, { volumes }]) =>
    volumes.map((volume) => {
      const [from = "", to = "", mode = ""] = volume.split(":")
      return { service, from, to, mode }
    })
  )
  /** The file here that a service finds at a path. */
  const mounted = (service: string, path: string): string | undefined => {
    const mount = mounts.find(
      (one) => one.service === service && one.from.startsWith(".") && (path === one.to || path.startsWith(`${one.to}/`))
    )
    return mount && posix.join(mount.from, path.slice(mount.to.length))
  }
  const settings = Object.fromEntries(
    postgres.command.slice(1).map((setting) => /^--(\w+)=(\S+)$/.exec(setting)?.slice(1) ?? [setting])
  )

  it("is of an exact version, and listens on this machine alone", () => {
    for (const [name, { image, ports }] of Object.entries(compose.services)) {
      assert.match(image, /^[a-z/]+:v?\d+\.\d+(\.\d+)?$/, name)
      for (const port of ports) assert.match(port, /^127\.0\.0\.1:\$\{[A-Z]+_PORT:-\d+\}:\d+$/, name)
    }
  })

  it("has no password that everybody knows", () => {
    const environments = Object.values(compose.services).flatMap(({ environment }) => Object.entries(environment))
    const secrets = environments.filter(([name]) => name.includes("PASSWORD"))
    assert.lengthOf(secrets, 2)
    for (const [name, value] of secrets) assert.match(value, /^\$\{\w+:\?[^}]+\}$/, name)
    assert.strictEqual(grafana.environment["GF_AUTH_ANONYMOUS_ENABLED"], "false")
    assert.strictEqual(grafana.environment["GF_USERS_ALLOW_SIGN_UP"], "false")
    assert.notProperty(postgres.environment, "POSTGRES_HOST_AUTH_METHOD")
  })

  it("finds its files, which are not written to, and its volumes", () => {
    for (const { from, mode, to } of mounts) {
      if (from.startsWith(".")) assert.deepStrictEqual([existsSync(join(root, from)), mode], [true, "ro"], from)
      else assert.property(compose.volumes, from, to)
    }
    const argument = (name: string) =>
      prometheus.command.find((one) => one.startsWith(`${name}=`))?.slice(name.length + 1) ?? ""
    const config = argument("--config.file")
    assert.strictEqual(mounted("prometheus", config), `${folder}/prometheus.yml`)
    assert.deepStrictEqual(prometheusConfig.rule_files, ["alerts.yml"])
    for (const file of [...prometheusConfig.rule_files, "alerts.test.yml"]) {
      assert.strictEqual(mounted("prometheus", posix.join(dirname(config), file)), `${folder}/${file}`)
    }
    assert.isTrue(
      mounts.some(
        ({ from, service, to }) =>
          service === "prometheus" && from === "prometheus" && to === argument("--storage.tsdb.path")
      )
    )
    assert.strictEqual(mounted("grafana", "/etc/grafana/provisioning"), `${folder}/grafana/provisioning`)
    for (const { options, type } of providers) {
      assert.strictEqual(type, "file")
      assert.strictEqual(mounted("grafana", options.path), `${folder}/grafana/dashboards`)
    }
    const home = grafana.environment["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"] ?? ""
    assert.strictEqual(mounted("grafana", home), `${folder}/grafana/dashboards/eventfold.json`)
    // Where the image of this version keeps what it has.
    assert.isTrue(mounts.some(({ service, to }) => service === "postgres" && to === "/var/lib/postgresql"))
  })

  it("finds each other, and the program", () => {
    for (const { jsonData, url } of datasources) {
      const { hostname, port } = new URL(url)
      const listening = Object.entries(compose.services).flatMap(([name, { ports }]) =>
        ports.map((mapping) => `${name}:${mapping.split(":").at(-1)}`)
      )
      assert.include(listening, `${hostname}:${port}`)
      assert.strictEqual(jsonData.timeInterval, prometheusConfig.global.scrape_interval)
    }
    const targets = prometheusConfig.scrape_configs.flatMap(({ static_configs }) =>
      static_configs.flatMap(({ targets }) => targets)
    )
    assert.deepStrictEqual(targets, ["host.docker.internal:3001"])
    assert.deepStrictEqual(prometheus.extra_hosts, ["host.docker.internal:host-gateway"])
    // It is the shop that has this port by default.
    assert.include(read("examples/shop/serve.ts"), "Config.withDefault(3001)")
  })

  it("keeps what it has acknowledged, and nothing that events hold in its log", () => {
    const safe = { fsync: "on", synchronous_commit: "on", full_page_writes: "on", wal_level: "replica" }
    const quiet = {
      idle_session_timeout: "0",
      idle_in_transaction_session_timeout: "1min",
      log_parameter_max_length: "0"
    }
    assert.deepInclude(settings, { ...safe, ...quiet })
    assert.include(postgres.environment["POSTGRES_INITDB_ARGS"], "--data-checksums")
    assert.include(postgres.healthcheck.test, "pg_isready")
  })

  it.live("starts as PostgreSQL with all of the settings, and eventfold doctor has nothing against them", () =>
    Effect.gen(function* () {
      const { url } = yield* startOwnServer({ settings })
      const taken = yield* Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        return yield* sql.unsafe<{ readonly name: string }>(
          "SELECT name FROM pg_settings WHERE source = 'command line'"
        )
      }).pipe(Effect.provide(clientOf({ url })))
      assert.includeMembers(
        taken.map(({ name }) => name),
        Object.keys(settings)
      )
      const { exitCode, stdout, stderr } = yield* Effect.andThen(
        eventfold(["migrate", "--store", url]),
        eventfold(["doctor", "--store", url])
      )
      assert.strictEqual(exitCode, 0, stdout + stderr)
      assert.match(stdout, /ok +settings/)
    }).pipe(Effect.scoped)
  )
})
