import { defineEventType } from '../define.ts'
import { instant, int, string } from '../field.ts'

export default defineEventType({
  type: 'viewing_log',
  table: 'viewing_history',
  description: 'Somebody watched a film.',
  fields: {
    user_id: string({ required: true }),
    movie_id: string({ required: true }),
    watched_at: instant({ required: true }),
    device: string(),
    duration_minutes: int(),
    city: string(),
    country: string(),
    resolution: string(),
  },
  time: 'watched_at',
  stores: {
    postgres: { indexes: [['user_id', 'movie_id'], ['watched_at']] },
    neo4j: {
      nodes: [
        { label: 'User', id: 'user_id' },
        { label: 'Movie', id: 'movie_id' },
      ],
      edges: [
        {
          type: 'WATCHED',
          from: { label: 'User', field: 'user_id' },
          to: { label: 'Movie', field: 'movie_id' },
          keep: 'tally',
          count: 'views',
          latest: { property: 'last_watched_at', field: 'watched_at' },
        },
      ],
    },
  },
  example: {
    type: 'viewing_log',
    user_id: 'u123',
    movie_id: 'm101',
    watched_at: '2025-10-02T21:10:00',
    device: 'iPhone',
    duration_minutes: 120,
  },
})
