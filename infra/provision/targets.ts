import { influxdb } from './influxdb.ts'
import { kibana } from './kibana.ts'
import { neo4j } from './neo4j.ts'
import type { Target } from './target.ts'
import { trino } from './trino.ts'

type Given = (name: string) => string | undefined

/** A server is wanted by its URL; what it is given lies in `infra`. */
const KINDS: Readonly<Record<string, (url: string, given: Given, infra: URL) => Target>> = {
  KIBANA_URL: (url, given, infra) =>
    kibana({
      url,
      username: given('KIBANA_USERNAME'),
      password: given('KIBANA_PASSWORD'),
      objects: new URL('kibana/saved-objects.ndjson', infra),
    }),
  INFLUXDB_URL: (url, given, infra) =>
    influxdb({
      url,
      token: given('INFLUXDB_TOKEN') ?? '',
      org: given('INFLUXDB_ORG') ?? 'sluice',
      bucket: given('INFLUXDB_BUCKET') ?? 'sluice',
      template: new URL('influxdb/template.json', infra),
    }),
  NEO4J_URL: (url, given, infra) =>
    neo4j({
      url,
      username: given('NEO4J_USERNAME') ?? 'neo4j',
      password: given('NEO4J_PASSWORD') ?? '',
      constraints: new URL('neo4j/constraints.cypher', infra),
    }),
  TRINO_URL: (url, given) =>
    trino({
      url,
      console_url: given('CONSOLE_URL') ?? 'http://console:8080',
      console_key: given('CONSOLE_KEY'),
      bucket: given('S3_BUCKET') ?? 'sluice',
    }),
}

/** The servers that the settings name. An empty setting is an absent one. */
export function targetsOf(settings: Readonly<Record<string, string | undefined>>, infra: URL): Target[] {
  const given: Given = (name) => settings[name] || undefined
  return Object.entries(KINDS).flatMap(([name, make]) => {
    const url = given(name)?.replace(/\/+$/, '')
    return url === undefined ? [] : [make(url, given, infra)]
  })
}
