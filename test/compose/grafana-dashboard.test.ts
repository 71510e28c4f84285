import { ingestPrometheus } from '@sluice/ingest/ingest-prometheus'
import { createLogger, createMetrics, type Metrics } from '@sluice/service'
import { timeAnswers } from '@sluice/service/http-metrics'
import { transformerGauges } from '@sluice/transformer/transformer-gauges'
import { transformerMetrics } from '@sluice/transformer/transformer-metrics'
import fastify from 'fastify'
import { beforeAll, describe, expect, it } from 'vitest'
import { dashboard, queries } from '../../infra/grafana/dashboard.ts'
import { sinkEvents } from '../../packages/server-parts/src/sink-events.ts'
import { sinkGauges } from '../../packages/server-parts/src/sink-gauges.ts'
import { readRepository as read } from './compose-file.ts'

describe("Grafana's dashboard", () => {
  /** All metrics of our processes, with their labels. */
  const metrics = new Map<string, readonly string[]>()
  /** What Prometheus reads before anything has happened. */
  let atStart = ''
  beforeAll(async () => {
    const real = createMetrics()
    const noted = (name: string, labels: readonly string[] = []) => {
      metrics.set(name, labels)
    }
    const noting: Metrics = {
      ...real,
      counter(name, help, labels) {
        noted(name, labels)
        return real.counter(name, help, labels)
      },
      gauge(name, help, labels, scraped) {
        noted(name, labels)
        return real.gauge(name, help, labels, scraped)
      },
      seconds(name, help, labels = []) {
        noted(`${name}_bucket`, [...labels, 'le'])
        noted(`${name}_count`, labels)
        noted(`${name}_sum`, labels)
        return real.seconds(name, help, labels)
      },
    }
    ingestPrometheus(noting, () => undefined)
    transformerMetrics(noting)
    const ledger = { version: 0, nextOffset: () => 0n }
    transformerGauges(noting, { log: { offsets: async () => [] }, topic: 'events', ledger, pump: { applied: 0 } })
    sinkEvents(noting, createLogger({ name: 'test', level: 'silent' }), Date.now)('postgres', [{ table: 'likes' }])
    sinkGauges(noting, new Map(), Date.now)
    timeAnswers(fastify(), noting)
    atStart = await real.text()
    for (const [, name = ''] of atStart.matchAll(/^# TYPE (sluice_process_\w+) /gm)) noted(name)
  })

  it('is what dashboard.ts writes', async () => {
    expect(JSON.parse(await read('infra/grafana/dashboards/sluice.json'))).toEqual(
      JSON.parse(JSON.stringify(dashboard())),
    )
  })

  it('asks only for metrics that a process of ours has', () => {
    const asked = new Set(queries.flatMap((query) => query.match(/\bsluice_\w+/g) ?? []))
    expect(asked.size).toBeGreaterThan(20)
    expect([...asked].filter((name) => !metrics.has(name))).toEqual([])
  })

  it('asks for counters that are there before the first event, so that the first one is seen', () => {
    const counters = new Set(queries.flatMap((query) => query.match(/\bsluice_(?!process_)\w+_total\b/g) ?? []))
    expect(counters.size).toBeGreaterThan(10)
    expect([...counters].filter((name) => !new RegExp(`^${name}(\\{.*\\})? 0$`, 'm').test(atStart))).toEqual([])
  })

  it('shows every metric of ours but those of the process itself', () => {
    const base = (name: string) => name.replace(/_(bucket|count|sum)$/, '')
    const asked = new Set(queries.flatMap((query) => query.match(/\bsluice_\w+/g) ?? []).map(base))
    const ours = [...metrics.keys()].filter((name) => !name.startsWith('sluice_process_')).map(base)
    expect([...new Set(ours)].filter((name) => !asked.has(name))).toEqual([])
  })

  it('groups and filters by labels that its metrics have', () => {
    let labels_seen = 0
    for (const query of queries) {
      const known = [
        'job',
        'instance',
        ...(query.match(/\bsluice_\w+/g) ?? []).flatMap((name) => metrics.get(name) ?? []),
      ]
      const grouped = [...query.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list = '']) => list.match(/\w+/g) ?? [])
      const filtered = [...query.matchAll(/\{([^}]*)\}/g)].flatMap(([, list = '']) =>
        [...list.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, name]) => name ?? ''),
      )
      labels_seen += grouped.length + filtered.length
      expect(known, query).toEqual(expect.arrayContaining([...grouped, ...filtered]))
    }
    expect(labels_seen).toBeGreaterThan(20)
  })

  it('is read from where the provisioning says, by the data source that it has', async () => {
    const provider = await read('infra/grafana/provisioning/dashboards/sluice.yml')
    const source = await read('infra/grafana/provisioning/datasources/prometheus.yml')
    const compose = await read('docker-compose.yml')
    const path = /path: (\S+)/.exec(provider)?.[1] ?? 'nowhere'
    expect(compose).toContain(`./infra/grafana/dashboards:${path}:ro`)
    const uids = JSON.stringify(dashboard()).match(/"uid":"[^"]+"/g)
    const uid = /uid: (\S+)/.exec(source)?.[1]
    expect(new Set(uids)).toEqual(new Set(['"uid":"sluice"', `"uid":"${uid}"`]))
  })

  it('gets its figures from every service of ours', async () => {
    const scraped = [...(await read('infra/prometheus/prometheus.yml')).matchAll(/names: \[([\w-]+)\]/g)].map(
      ([, name]) => name,
    )
    const services = [...(await read('docker-compose.yml')).matchAll(/image: sluice\/([\w-]+):/g)].map(
      ([, name]) => name,
    )
    expect(scraped.sort()).toEqual(services.filter((name) => name !== 'spark').sort())
  })
})
