/**
 * The files that PostgreSQL, Prometheus and Grafana are started with, read as what they are.
 */
import { Effect, Schema } from "effect"
import { Yaml } from "effect/encoding"
import { read } from "./project.ts"

const { Array: ArrayOf, Boolean: Bool, Int, Record, String: Text, Struct, Unknown, optionalKey } = Schema

const withDefault = <S extends Schema.Top>(schema: S, value: S["Encoded"]) =>
  schema.pipe(Schema.withDecodingDefaultKey(Effect.succeed(value)))

const yaml = <A>(path: string, schema: Schema.Decoder<A>): A => Schema.decodeUnknownSync(schema)(Yaml.parse(read(path)))

const Service = Struct({
  image: Text,
  command: withDefault(ArrayOf(Text), []),
  environment: withDefault(Record(Text, Text), {}),
  ports: ArrayOf(Text),
  volumes: ArrayOf(Text),
  extra_hosts: withDefault(ArrayOf(Text), []),
  healthcheck: withDefault(Struct({ test: ArrayOf(Text) }), { test: [] })
})
export const compose = yaml(
  "docker-compose.yml",
  Struct({
    services: Struct({ postgres: Service, prometheus: Service, grafana: Service }),
    volumes: Record(Text, Schema.Null)
  })
)

export const folder = "examples/monitoring"
export const prometheusConfig = yaml(
  `${folder}/prometheus.yml`,
  Struct({
    global: Struct({ scrape_interval: Text }),
    rule_files: ArrayOf(Text),
    scrape_configs: ArrayOf(Struct({ job_name: Text, static_configs: ArrayOf(Struct({ targets: ArrayOf(Text) })) }))
  })
)
const Rule = Struct({
  alert: Text,
  expr: Text,
  for: optionalKey(Text),
  labels: Struct({ severity: Schema.Literals(["critical", "warning"]) }),
  annotations: Struct({ summary: Text })
})
const { groups } = yaml(
  `${folder}/alerts.yml`,
  Struct({ groups: ArrayOf(Struct({ name: Text, rules: ArrayOf(Rule) })) })
)
export const alerts = groups.flatMap(({ rules }) => rules)
export const alertTests = yaml(
  `${folder}/alerts.test.yml`,
  Struct({
    tests: ArrayOf(
      Struct({
        input_series: ArrayOf(Struct({ series: Text })),
        alert_rule_test: optionalKey(ArrayOf(Struct({ alertname: Text, exp_alerts: ArrayOf(Unknown) })))
      })
    )
  })
)
export const { datasources } = yaml(
  `${folder}/grafana/provisioning/datasources/prometheus.yml`,
  Struct({
    datasources: ArrayOf(Struct({ uid: Text, type: Text, url: Text, jsonData: Struct({ timeInterval: Text }) }))
  })
)
export const { providers } = yaml(
  `${folder}/grafana/provisioning/dashboards/eventfold.yml`,
  Struct({ providers: ArrayOf(Struct({ type: Text, options: Struct({ path: Text }) })) })
)

const Source = Struct({ type: Text, uid: Text })
const Panel = Struct({
  id: Int,
  type: Schema.Literals(["row", "stat", "timeseries"]),
  title: Text,
  gridPos: Struct({ x: Int, y: Int, w: Int, h: Int })
})
const Graph = Struct({
  ...Panel.fields,
  description: Schema.NonEmptyString,
  datasource: Source,
  fieldConfig: Struct({ defaults: Struct({ unit: Text }) }),
  targets: Schema.NonEmptyArray(Struct({ refId: Text, expr: Text, legendFormat: Text, datasource: Source }))
})
const Row = Struct({ ...Panel.fields, type: Schema.Literal("row") })
const Dashboard = Schema.fromJsonString(
  Struct({
    uid: Schema.NonEmptyString,
    title: Schema.NonEmptyString,
    schemaVersion: Schema.Int.check(Schema.isGreaterThanOrEqualTo(39)),
    time: Struct({ from: Text, to: Text }),
    templating: Struct({ list: ArrayOf(Struct({ name: Text, datasource: Source, definition: Text, multi: Bool })) }),
    annotations: Struct({ list: ArrayOf(Struct({ datasource: Source, expr: Text })) }),
    panels: ArrayOf(Schema.Union([Row, Graph]))
  })
)
export const dashboard = Schema.decodeSync(Dashboard)(read(`${folder}/grafana/dashboards/eventfold.json`))
export const graphs = dashboard.panels.flatMap((panel) => ("targets" in panel ? [panel] : []))
