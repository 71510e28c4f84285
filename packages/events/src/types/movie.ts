import { defineEventType } from '../define.ts'
import { double, instant, int, string, stringList } from '../field.ts'

export default defineEventType({
  type: 'movie',
  table: 'movies',
  description: 'A film as it is now.',
  fields: {
    movie_id: string({ required: true }),
    title: string({ required: true }),
    cast: stringList(),
    genres: stringList(),
    rating: double(),
    release_year: int(),
    languages: stringList(),
    subtitles: string(),
    thumbnail: string(),
    related_to: stringList({ description: 'Films that this one is related to, by movie_id' }),
    updated_at: instant(),
  },
  key: 'movie_id',
  time: 'updated_at',
  stores: {
    postgres: { indexes: [['title']] },
    elasticsearch: { index: 'movies', text: ['title', 'subtitles'] },
    neo4j: {
      nodes: [{ label: 'Movie', id: 'movie_id', properties: ['title', 'rating', 'release_year', 'genres'] }],
      edges: [
        {
          type: 'RELATED_TO',
          from: { label: 'Movie', field: 'movie_id' },
          to: { label: 'Movie', field: 'related_to' },
          keep: 'owned',
        },
        {
          type: 'ACTED_IN',
          from: { label: 'Person', field: 'cast' },
          to: { label: 'Movie', field: 'movie_id' },
          keep: 'owned',
        },
      ],
    },
  },
  example: {
    type: 'movie',
    movie_id: 'm101',
    title: 'Inception',
    cast: ['Leonardo DiCaprio'],
    genres: ['sci-fi'],
    rating: 8.8,
    release_year: 2010,
    related_to: ['m102'],
    updated_at: '2025-08-20T00:00:00Z',
  },
})
