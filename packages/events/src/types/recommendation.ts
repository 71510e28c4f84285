import { defineEventType } from '../define.ts'
import { double, instant, string } from '../field.ts'

export default defineEventType({
  type: 'recommendation',
  table: 'recommendations',
  description: 'A film was recommended to somebody.',
  fields: {
    user_id: string({ required: true }),
    movie_id: string({ required: true }),
    because_of: string({ description: 'The film that led to it, by movie_id' }),
    reason: string(),
    score: double(),
    recommended_at: instant({ required: true }),
  },
  time: 'recommended_at',
  stores: {
    postgres: { indexes: [['user_id', 'movie_id']] },
    neo4j: {
      nodes: [
        { label: 'User', id: 'user_id' },
        { label: 'Movie', id: 'movie_id' },
      ],
      edges: [
        {
          type: 'RECOMMENDED',
          from: { label: 'User', field: 'user_id' },
          to: { label: 'Movie', field: 'movie_id' },
          keep: 'newest',
          by: 'recommended_at',
          properties: ['reason', 'because_of', 'score', 'recommended_at'],
        },
      ],
    },
  },
  example: {
    type: 'recommendation',
    user_id: 'u123',
    movie_id: 'm102',
    because_of: 'm101',
    reason: 'because you watched Inception',
    score: 0.93,
    recommended_at: '2025-10-03T08:00:00Z',
  },
})
