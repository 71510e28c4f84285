import { type EventTypes, loadEventTypes } from '@sluice/events'
import { routedTables } from '@sluice/store'
import { seriesMapping } from '@sluice/store-influxdb/series'
import { influxName, seriesLayout, TABLE_TAG } from '@sluice/store-influxdb/server/series-layout'
import { beforeAll, describe, expect, it } from 'vitest'
import { readRepository as read } from './compose-file.ts'

let types: EventTypes
beforeAll(async () => {
  types = await loadEventTypes({})
})

describe("InfluxDB's template", () => {
  let template: { apiVersion: string; kind: string; metadata: { name: string }; spec: Record<string, unknown> }[]
  let flux: string[]
  beforeAll(async () => {
    template = JSON.parse(await read('infra/influxdb/template.json'))
    flux = template.flatMap(({ spec }) => [
      ...(typeof spec['query'] === 'string' ? [spec['query']] : []),
      ...((spec['charts'] ?? []) as { queries?: { query: string }[] }[]).flatMap(({ queries: asked = [] }) =>
        asked.map(({ query }) => query),
      ),
    ])
  })

  it('is made of resources with a version and a name of their own', () => {
    expect(template.map(({ kind }) => kind).sort()).toEqual(['Dashboard', 'Variable'])
    expect(template.every(({ apiVersion }) => apiVersion === 'influxdata.com/v2alpha1')).toBe(true)
    expect(template.every(({ metadata }) => /^[a-z0-9-]{1,63}$/.test(metadata.name))).toBe(true)
  })

  it('shows buffering a minute by region, bitrate, and seven days', () => {
    const dashboards = template.filter(({ kind }) => kind === 'Dashboard')
    const titles = dashboards.flatMap(({ spec }) => (spec['charts'] as { name: string }[]).map(({ name }) => name))
    expect(titles).toEqual(
      expect.arrayContaining([
        'Buffering a minute by region',
        'Mean bitrate by region (Mbit/s)',
        'Seven days of buffering, day by day (UTC)',
      ]),
    )
  })

  it('asks for measurements, tags and fields that the sink writes, in its bucket', () => {
    const [stored] = routedTables(types, 'influxdb')
    if (!stored) throw new Error('no table goes to InfluxDB')
    const layout = seriesLayout(stored.table, stored.type.key !== undefined, seriesMapping(stored))
    const fields = layout.mapping.fields.map(({ name }) => influxName(name))
    const own = ['_time', '_value', '_field', '_measurement', '_start', TABLE_TAG]
    expect(flux.length).toBeGreaterThan(5)
    for (const query of flux) {
      expect(
        [...query.matchAll(/bucket: "([^"]*)"/g)].map(([, bucket]) => bucket),
        query,
      ).toEqual(['sluice'])
      expect(
        [...query.matchAll(/_measurement == "([^"]*)"/g)].map(([, name]) => name),
        query,
      ).toEqual([layout.measurement])
      for (const [, table] of query.matchAll(/_table == "([^"]*)"/g)) expect(table).toBe(stored.table)
      for (const [, field] of query.matchAll(/_field == "([^"]*)"/g)) expect(fields).toContain(field)
      const named = [...query.matchAll(/\br\.(\w+)/g), ...query.matchAll(/\btag: "(\w+)"/g)].map(([, name]) => name)
      const columns = [...query.matchAll(/columns: \[([^\]]*)\]/g)].flatMap(([, list = '']) => list.match(/\w+/g) ?? [])
      expect([...own, ...layout.tags], query).toEqual(expect.arrayContaining([...named, ...columns]))
    }
  })
})
