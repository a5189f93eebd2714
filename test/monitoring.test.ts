/**
 * Whatever the dashboard or an alert asks for is exported by a program, under that name and with those labels; and all that is exported is shown.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Metric, Schedule, Schema } from "effect"
import { PrometheusMetrics } from "effect/observability"
import { TestClock } from "effect/testing"
import { Event, Health, Metrics, Projection, Reaction } from "eventfold"
import * as Desk from "./process/support.ts"
import { append, contents, events, put, start } from "./projection/support.ts"
import { caughtUp, start as startReaction } from "./reaction/support.ts"
import { alerts, alertTests, dashboard, datasources, graphs, prometheusConfig } from "./support/monitoring.ts"
import { isolated } from "./support/observing.ts"
import { read } from "./support/project.ts"
import { labelsOf, parse, problemsOf, selectorsOf, type Series } from "./support/promql.ts"

// What a program exports.

/** The rows of the tables of the document: name, type, attributes, and all that is quoted in them. */
const documented = read("docs/observability.md")
  .split("\n")
  .flatMap((line) => {
    const [, name, type, attributes, what] =
      /^\|\s*`(eventfold_\w+)`\s*\|\s*(\w+)\s*\|([^|]*)\|(.*)\|$/.exec(line) ?? []
    if (name === undefined) return []
    const quoted = (text: string) => Array.from(text.matchAll(/`(\w+)`/g), ([, one]) => one!)
    return [{ name, type, attributes: quoted(attributes!), values: quoted(what!) }]
  })

/** The series of an export by name, each with its labels. */
const seriesOf = (text: string): ReadonlyMap<string, Series> => {
  const lines = text.trimEnd().split("\n")
  const gauges = new Set(lines.flatMap((line) => /^# TYPE (\w+) gauge$/.exec(line)?.[1] ?? []))
  return new Map(
    lines.flatMap((line) => {
      const [, name, labels = ""] = /^(eventfold_\w+)(\{.*\})? \S+$/.exec(line) ?? []
      if (name === undefined) return []
      return [
        [
          name,
          {
            labels: new Set(Array.from(labels.matchAll(/[{,](\w+)="/g), ([, one]) => one!)),
            isCounter: !gauges.has(name)
          }
        ]
      ]
    })
  )
}

const metrics: ReadonlyArray<Metric.Metric<number, unknown>> = Object.values(Metrics).flatMap((one) =>
  typeof one === "object" ? [one] : []
)

/** Each metric that there is, with the attributes that the document tells of, as Prometheus is given it. */
const exported = Effect.gen(function* () {
  for (const metric of metrics) {
    const attributes = documented.find(({ name }) => name === metric.id)?.attributes ?? []
    yield* Metric.update(Metric.withAttributes(metric, Object.fromEntries(attributes.map((name) => [name, "x"]))), 1)
  }
  return seriesOf(yield* PrometheusMetrics.format())
}).pipe(isolated)

/** What Prometheus adds to every series, and what it has of its own about a program. */
const ofTarget = ["job", "instance"]
const known = Effect.map(exported, (all) => {
  const own = ["up", "scrape_duration_seconds"].map(
    (name) => [name, { labels: new Set<string>(), isCounter: false }] as const
  )
  return new Map<string, Series>(
    [...all, ...own].map(([name, { isCounter, labels }]) => [
      name,
      { isCounter, labels: new Set([...labels, ...ofTarget]) }
    ])
  )
})

/** With what Grafana puts in place of its variables. */
const withoutVariables = (expr: string): string => expr.replaceAll("$__rate_interval", "1m").replaceAll("$job", ".+")

/** What is asked for, and by whom. */
const questions = [
  ...graphs.flatMap(({ targets, title }) =>
    targets.map(({ expr, legendFormat }) => ({ who: title, expr: withoutVariables(expr), shown: legendFormat }))
  ),
  ...alerts.map(({ alert, annotations, expr }) => ({ who: alert, expr, shown: annotations.summary }))
]

/** The labels that a text shows: `{{outcome}}`, or `{{ $labels.outcome }}`. */
const shownIn = (text: string): ReadonlyArray<string> =>
  Array.from(text.matchAll(/\{\{\s*(?:\$labels\.)?(\w+)\s*\}\}/g), ([, label]) => label!)

/** The metric of a series: that of a histogram for its buckets. */
const metricOf = (name: string) =>
  documented.find((one) => one.name === name) ??
  documented.find((one) => one.type === "histogram" && one.name === name.replace(/_(bucket|sum|count)$/, ""))

describe("what is exported", () => {
  it.effect("has the names and labels that the dashboard is checked against", () =>
    Effect.gen(function* () {
      const all = yield* exported
      const { process } = yield* Desk.makeDesk(Desk.once).start
      const reacting = Reaction.make({
        name: "sending",
        events: Event.pick(events, ["Put"]),
        results: Event.define({ Sent: { n: Schema.Int } }),
        retry: Schedule.recurs(1)
      }).run(({ n }) => Effect.succeed({ _tag: "Sent", n }))
      const { control } = yield* startReaction(reacting)
      yield* start(Projection.make({ version: 1, view: contents(new Set([2])), onFailure: "park" }))
      yield* append("1", put("a", 1), put("a", 2))
      yield* Desk.ask("here", "yes", { numbers: [1, -1], after: [{ timer: "a", millis: 10 }] })
      yield* Desk.settle(process)
      yield* caughtUp(control)
      yield* Layer.build(Health.layerMetrics())
      yield* TestClock.adjust("1 second")
      const seen = seriesOf(yield* PrometheusMetrics.format())
      for (const [name, { isCounter, labels }] of seen) {
        assert.deepStrictEqual([name, isCounter, labels], [name, all.get(name)?.isCounter, all.get(name)?.labels])
      }
      // It has no snapshots and no conflicts.
      const unseen = documented.filter(({ name }) => !seen.has(name) && !seen.has(`${name}_count`))
      assert.deepStrictEqual(
        unseen.map(({ name }) => name),
        ["eventfold_snapshot_loads_total", "eventfold_conflicts_total", "eventfold_retries_total"]
      )
    }).pipe(Effect.scoped, Effect.provide(Desk.memory), isolated)
  )
})

describe("the dashboard and the alerts", () => {
  it.effect("ask for metrics and labels that are exported", () =>
    Effect.gen(function* () {
      const series = yield* known
      const problems = questions.flatMap(({ expr, shown, who }) => {
        const parsed = parse(expr)
        const labels = labelsOf(parsed, series)
        const unknown = shownIn(shown).filter((label) => !labels.has(label))
        return [...problemsOf(parsed, series), ...unknown.map((label) => `shows ${label}, which it has not`)].map(
          (problem) => `${who}: ${problem}`
        )
      })
      assert.deepStrictEqual(problems, [])
    })
  )

  it("ask for values that labels have", () => {
    const problems = questions.flatMap(({ expr, who }) =>
      selectorsOf(parse(expr)).flatMap(({ matchers, name }) =>
        matchers.flatMap(({ label, op, value }) => {
          if (label === "job")
            return value === ".+" || value === prometheusConfig.scrape_configs[0]?.job_name ? [] : [value]
          const row = metricOf(name)
          // Where a row does not say, another one with the label does.
          const rows = row?.values.length ? [row] : documented.filter(({ attributes }) => attributes.includes(label))
          return op === "=" && rows.some(({ values }) => values.includes(value))
            ? []
            : [`${who}: ${name} ${label}${op}${value}`]
        })
      )
    )
    assert.deepStrictEqual(problems, [])
  })

  it("show every metric that is documented, with its unit", () => {
    const shown = graphs.flatMap(({ fieldConfig, targets }) =>
      targets.flatMap(({ expr }) =>
        selectorsOf(parse(withoutVariables(expr))).map(({ name }) => ({
          name: metricOf(name)?.name,
          isTime: /_seconds(_bucket|_sum)?$/.test(name),
          unit: fieldConfig.defaults.unit
        }))
      )
    )
    const names = new Set(shown.map(({ name }) => name))
    assert.deepStrictEqual(
      documented.filter(({ name }) => !names.has(name)).map(({ name }) => name),
      []
    )
    for (const { isTime, name, unit } of shown) assert.strictEqual(unit === "s", isTime, name)
  })

  it("find what is wrong", () => {
    const series = new Map<string, Series>([
      ["made_total", { isCounter: true, labels: new Set(["type"]) }],
      ["took_seconds_bucket", { isCounter: true, labels: new Set(["le"]) }],
      ["depth", { isCounter: false, labels: new Set() }]
    ])
    const wrong = (expr: string) => problemsOf(parse(expr), series)
    assert.deepStrictEqual(wrong(`sum by (type) (rate(made_total{type!="a"}[5m])) / 2 > 0`), [])
    assert.deepStrictEqual(wrong("histogram_quantile(0.9, sum by (le) (rate(took_seconds_bucket[5m])))"), [])
    assert.deepStrictEqual(wrong("made"), ["there is no made"])
    assert.deepStrictEqual(wrong(`made_total{kind="a"}`), ["made_total has no label kind"])
    assert.deepStrictEqual(wrong("max by (type) (depth)"), ["what is made of depth has no label type"])
    assert.deepStrictEqual(wrong("depth unless on (type) made_total"), ["what is made of depth has no label type"])
    assert.deepStrictEqual(wrong("rate(depth[5m])"), ["rate of depth, which is no counter"])
    assert.deepStrictEqual(wrong("deriv(made_total[5m])"), ["deriv of made_total, which is counter"])
    assert.deepStrictEqual(wrong("rate(made_total)"), ["rate takes a range of a metric"])
    assert.deepStrictEqual(wrong("rated(depth)"), ["there is no function rated"])
    assert.lengthOf(wrong("histogram_quantile(0.9, sum (rate(took_seconds_bucket[5m])))"), 1)
    for (const broken of ["sum(depth", "depth depth", "depth{a=b}", "depth > ", "depth[", "a ? b"]) {
      assert.throws(() => parse(broken), Error)
    }
  })
})

describe("the dashboard", () => {
  it("is one that Grafana can lay out, of the source that it is given", () => {
    const { panels } = dashboard
    const uids = datasources.map(({ uid }) => uid)
    const sources = [
      ...graphs.flatMap(({ datasource, targets }) => [datasource, ...targets.map(({ datasource }) => datasource)]),
      ...dashboard.templating.list.map(({ datasource }) => datasource),
      ...dashboard.annotations.list.map(({ datasource }) => datasource)
    ]
    for (const { type, uid } of sources) assert.deepStrictEqual([type, uids.includes(uid)], ["prometheus", true])
    assert.lengthOf(new Set(panels.map(({ id }) => id)), panels.length)
    for (const { targets, title } of graphs)
      assert.lengthOf(new Set(targets.map(({ refId }) => refId)), targets.length, title)
    const taken = new Map<string, string>()
    for (const { gridPos, title, type } of panels) {
      const { h, w, x, y } = gridPos
      assert.isTrue(x >= 0 && y >= 0 && w > 0 && h > 0 && x + w <= 24, title)
      if (type === "row") assert.deepStrictEqual([x, w, h], [0, 24, 1], title)
      for (let i = x; i < x + w; i++) {
        for (let j = y; j < y + h; j++) {
          assert.isUndefined(taken.get(`${i},${j}`), `${title} covers ${taken.get(`${i},${j}`)}`)
          taken.set(`${i},${j}`, title)
        }
      }
    }
  })

  it("has no variable that nobody sets", () => {
    const set = ["__rate_interval", ...dashboard.templating.list.map(({ name }) => name)]
    const text = JSON.stringify([graphs, dashboard.annotations])
    const used = new Set(Array.from(text.matchAll(/\$\{?(\w+)/g), ([, name]) => name!))
    assert.deepStrictEqual(
      Array.from(used).filter((name) => !set.includes(name)),
      []
    )
    for (const { definition } of dashboard.templating.list) {
      const [, name] = /^label_values\((\w+), (?:job|instance)\)$/.exec(definition) ?? []
      assert.isDefined(metricOf(name ?? ""), definition)
    }
  })
})

describe("the alerts", () => {
  const names = alerts.map(({ alert }) => alert)

  it("are those that the document explains, and each is tried out", () => {
    const explained = Array.from(read("docs/monitoring.md").matchAll(/^\|\s*`([A-Z]\w+)`\s*\|/gm), ([, name]) => name!)
    assert.deepStrictEqual(explained.toSorted(), names.toSorted())
    const tried = alertTests.tests.flatMap(({ alert_rule_test = [] }) =>
      alert_rule_test.filter(({ exp_alerts }) => exp_alerts.length > 0).map(({ alertname }) => alertname)
    )
    assert.deepStrictEqual(Array.from(new Set(tried)).toSorted(), names.toSorted())
  })

  it.effect("are tried out with series that are exported", () =>
    Effect.gen(function* () {
      const series = yield* known
      for (const { input_series } of alertTests.tests) {
        for (const one of input_series) {
          const [selector] = selectorsOf(parse(one.series))
          const labels = selector?.matchers.map(({ label }) => label).toSorted()
          const all = Array.from(series.get(selector?.name ?? "")?.labels ?? []).toSorted()
          assert.deepStrictEqual(labels, all, one.series)
        }
      }
    })
  )

  it("are on what the document says that they belong on", () => {
    const asked = new Set(alerts.flatMap(({ expr }) => selectorsOf(parse(expr)).map(({ name }) => name)))
    const [, paragraph = ""] = /\nAn alert on ([^]*?)\n\n/.exec(read("docs/observability.md")) ?? []
    const meant = Array.from(paragraph.matchAll(/`(eventfold_\w+)/g), ([, name]) => name!)
    assert.lengthOf(meant, 4)
    assert.includeMembers(Array.from(asked), meant)
  })
})
