import { defineEventType, float, instant, int, string, tableColumns } from '@sluice/events'
import type { ChangeBatch, RowChange, StoredTable } from '@sluice/store/store'

const metric = defineEventType({
  type: 'system_metric',
  table: 'streaming_quality',
  description: '',
  fields: {
    region: string({ required: true }),
    movie_id: string({ required: true }),
    buffering_count: int(),
    avg_bitrate: float(),
    collected_at: instant({ required: true }),
  },
  stores: {
    influxdb: {
      measurement: 'streaming_quality',
      tags: ['region', 'movie_id'],
      fields: ['buffering_count', 'avg_bitrate'],
      time: 'collected_at',
    },
  },
  example: { type: 'system_metric', region: 'India', movie_id: 'm1', collected_at: '2025-10-02T21:15:00' },
})

export const quality: StoredTable = { type: metric, table: metric.table, columns: tableColumns(metric) }

export interface Metric {
  region?: string
  movie_id?: string
  count?: number | null
  at?: string
  version?: number
  op?: RowChange['op']
}

export const metricRow = (
  event_id: string,
  { region = 'India', movie_id = 'm1', count = 1, at = '2025-10-02T21:15:00.000000Z', version = 1, op }: Metric = {},
): RowChange => ({
  op: op ?? 'upsert',
  identity: event_id,
  version,
  row: {
    region,
    movie_id,
    buffering_count: count,
    avg_bitrate: 3.2,
    collected_at: at,
    event_id,
    received_at: '2025-10-02T21:15:01.000000Z',
    raw_batch: 'b',
    raw_line: 0,
    _extra: null,
  },
})

export const first = (changes: ChangeBatch['changes']): ChangeBatch => step(undefined, 1, changes)

export const step = (from: number | undefined, to: number, changes: ChangeBatch['changes']): ChangeBatch => ({
  table: 'streaming_quality',
  expected: from === undefined ? undefined : { table_id: 't1', version: from },
  next: { table_id: 't1', version: to },
  changes,
})
