import type { EventType } from '@sluice/events'
import { double, instant, int, string, stringList } from '@sluice/events'
import type { ChangeBatch, Row, RowChange, Store, StoredTable } from '@sluice/store'

const movie: EventType = {
  type: 'movie',
  table: 'movies',
  description: '',
  fields: {
    movie_id: string({ required: true }),
    title: string({ required: true }),
    cast: stringList(),
    genres: stringList(),
    rating: double(),
    release_year: int(),
    related_to: stringList(),
    updated_at: instant(),
  },
  key: 'movie_id',
  time: 'updated_at',
  partition_by: ['movie_id'],
  stores: {
    neo4j: {
      nodes: [
        { label: 'Movie', id: 'movie_id', properties: ['title', 'release_year', 'rating', 'genres'] },
        { label: 'Person', id: 'cast' },
      ],
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
  example: {},
}

const viewing: EventType = {
  type: 'viewing_log',
  table: 'viewing_history',
  description: '',
  fields: {
    user_id: string({ required: true }),
    movie_id: string({ required: true }),
    watched_at: instant({ required: true }),
    device: string(),
  },
  time: 'watched_at',
  partition_by: ['user_id'],
  stores: {
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
  example: {},
}

const recommendation: EventType = {
  type: 'recommendation',
  table: 'recommendations',
  description: '',
  fields: {
    user_id: string({ required: true }),
    movie_id: string({ required: true }),
    because_of: string(),
    reason: string(),
    score: double(),
    recommended_at: instant({ required: true }),
  },
  time: 'recommended_at',
  partition_by: ['user_id'],
  stores: {
    neo4j: {
      nodes: [],
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
  example: {},
}

const DUCKDB_TYPES = {
  string_list: 'VARCHAR[]',
  double: 'DOUBLE',
  int: 'INTEGER',
  instant: 'TIMESTAMPTZ',
  string: 'VARCHAR',
}

const stored = (type: EventType): StoredTable => ({
  type,
  table: type.table,
  columns: [
    ...Object.entries(type.fields).map(([name, field]) => ({
      name,
      type: DUCKDB_TYPES[field.kind as keyof typeof DUCKDB_TYPES],
    })),
    { name: 'event_id', type: 'VARCHAR' },
    { name: 'received_at', type: 'TIMESTAMPTZ' },
    { name: 'raw_batch', type: 'VARCHAR' },
    { name: 'raw_line', type: 'INTEGER' },
    { name: '_extra', type: 'VARCHAR' },
  ],
})

export const movies = stored(movie)
export const views = stored(viewing)
export const recommendations = stored(recommendation)

const lineage = (event_id: string): Row => ({
  event_id,
  received_at: '2025-10-01T00:00:00.000000Z',
  raw_batch: 'b',
  raw_line: 0,
  _extra: null,
})

export const view = (event_id: string, user_id: string, movie_id: string, watched_at: string): RowChange => ({
  op: 'upsert',
  identity: event_id,
  version: 1,
  row: { user_id, movie_id, watched_at, device: null, ...lineage(event_id) },
})

export const film = (movie_id: string, fields: Row = {}, version = 1): RowChange => ({
  op: 'upsert',
  identity: movie_id,
  version,
  row: {
    movie_id,
    title: `Film ${movie_id}`,
    cast: [],
    genres: null,
    rating: 8.1,
    release_year: 2010,
    related_to: [],
    updated_at: null,
    ...lineage(`e-${movie_id}-${version}`),
    ...fields,
  },
})

export const recommended = (event_id: string, user_id: string, movie_id: string, fields: Row): RowChange => ({
  op: 'upsert',
  identity: event_id,
  version: 1,
  row: {
    user_id,
    movie_id,
    because_of: null,
    reason: null,
    score: null,
    recommended_at: '2025-10-01T00:00:00.000000Z',
    ...lineage(event_id),
    ...fields,
  },
})

export const deleted = (change: RowChange, version = change.version + 1): RowChange => ({
  ...change,
  op: 'delete',
  version,
})

/** Applies the changes as the next version of their table, whatever its progress is. */
export async function load(store: Store, table: string, changes: ChangeBatch['changes']) {
  const expected = (await store.progress())[table]
  return store.apply({ table, expected, next: { table_id: 't1', version: (expected?.version ?? 0) + 1 }, changes })
}
