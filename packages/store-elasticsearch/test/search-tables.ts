import type { EventType } from '@sluice/events'
import { double, instant, int, string, stringList } from '@sluice/events'
import type { RowChange, StoredTable } from '@sluice/store'

const movie: EventType = {
  type: 'movie',
  table: 'movies',
  description: '',
  fields: {
    movie_id: string({ required: true }),
    title: string({ required: true }),
    cast: stringList(),
    rating: double(),
    release_year: int(),
    subtitles: string(),
    updated_at: instant(),
  },
  key: 'movie_id',
  time: 'updated_at',
  partition_by: ['movie_id'],
  stores: { elasticsearch: { index: 'movies', text: ['title', 'subtitles'] } },
  example: {},
}

const post: EventType = {
  type: 'post',
  table: 'posts',
  description: '',
  fields: {
    post_id: string({ required: true }),
    user_id: string({ required: true }),
    content: string({ required: true }),
    media: stringList(),
    posted_at: instant(),
  },
  key: 'post_id',
  time: 'posted_at',
  partition_by: ['user_id'],
  stores: { elasticsearch: { index: 'posts', text: ['content'] } },
  example: {},
}

const stored = (type: EventType): StoredTable => ({
  type,
  table: type.table,
  columns: [
    ...Object.entries(type.fields).map(([name, field]) => ({
      name,
      type:
        { string_list: 'VARCHAR[]', double: 'DOUBLE', int: 'INTEGER', instant: 'TIMESTAMP' }[field.kind as 'int'] ??
        'VARCHAR',
    })),
    { name: 'event_id', type: 'VARCHAR' },
    { name: 'received_at', type: 'TIMESTAMP' },
    { name: 'raw_batch', type: 'VARCHAR' },
    { name: 'raw_line', type: 'INTEGER' },
    { name: '_extra', type: 'VARCHAR' },
  ],
})

export const movies = stored(movie)
export const posts = stored(post)

const lineage = (event_id: string) => ({
  event_id,
  received_at: '2025-10-01T00:00:00.000000Z',
  raw_batch: 'b',
  raw_line: 0,
  _extra: null,
})

export const postRow = (post_id: string, content: string, version = 1): RowChange => ({
  op: 'upsert',
  identity: post_id,
  version,
  row: {
    post_id,
    user_id: 'u1',
    content,
    media: [],
    posted_at: '2025-10-01T00:00:00.000000Z',
    ...lineage(`e-${post_id}-${version}`),
  },
})

export const movieRow = (
  movie_id: string,
  cast: string[],
  subtitles: string | null = null,
  version = 1,
): RowChange => ({
  op: 'upsert',
  identity: movie_id,
  version,
  row: {
    movie_id,
    title: `Film ${movie_id}`,
    cast,
    rating: 8.8,
    release_year: 2010,
    subtitles,
    updated_at: null,
    ...lineage(`e-${movie_id}-${version}`),
  },
})
