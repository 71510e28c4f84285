import { defineEventType } from '../define.ts'
import { float, instant, int, string } from '../field.ts'

export default defineEventType({
  type: 'system_metric',
  table: 'streaming_quality',
  description: 'How well a film streamed in a region.',
  fields: {
    region: string({ required: true }),
    movie_id: string({ required: true }),
    buffering_count: int(),
    avg_bitrate: float(),
    collected_at: instant({ required: true }),
  },
  time: 'collected_at',
  partition_by: ['region', 'movie_id'],
  stores: {
    influxdb: {
      measurement: 'streaming_quality',
      tags: ['region', 'movie_id'],
      fields: ['buffering_count', 'avg_bitrate'],
      time: 'collected_at',
    },
  },
  example: {
    type: 'system_metric',
    region: 'India',
    movie_id: 'm101',
    buffering_count: 5,
    avg_bitrate: 3.2,
    collected_at: '2025-10-02T21:15:00',
  },
})
