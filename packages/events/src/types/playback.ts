import { defineEventType } from '../define.ts'
import { instant, int, string } from '../field.ts'

export default defineEventType({
  type: 'playback',
  table: 'playback_events',
  description: 'A player was started, paused, resumed or stopped.',
  fields: {
    user_id: string({ required: true }),
    movie_id: string({ required: true }),
    action: string({ required: true, one_of: ['play', 'pause', 'resume', 'stop'] }),
    position_minutes: int(),
    device: string(),
    resolution: string(),
    played_at: instant({ required: true }),
  },
  time: 'played_at',
  stores: { postgres: { indexes: [['user_id', 'movie_id', 'played_at']] } },
  example: {
    type: 'playback',
    user_id: 'u123',
    movie_id: 'm101',
    action: 'pause',
    position_minutes: 42,
    device: 'iPad',
    resolution: '4K HDR',
    played_at: '2025-10-02T21:52:00Z',
  },
})
