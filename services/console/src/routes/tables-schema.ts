import { answered, instant, integer, listOf, objectOf, orNull, refusals, text } from './answer-schema.ts'

const table = {
  name: text('name, as in SQL'),
  table_id: text("the Delta table's id; a table that was built anew has another"),
  version: integer('newest version'),
  timestamp: instant('when that version was committed'),
  schema: listOf(objectOf({ name: text('column'), type: text('Delta type, as `string` or `array<string>`') })),
  files: integer('live data files'),
  bytes: integer('of the live data files'),
  rows: orNull(integer('of the live data files; null where one does not say how many it has')),
  health: objectOf({ small_files: integer('files that compaction still merges') }),
}

const version = objectOf({
  version: integer('from 0, the creation'),
  timestamp: instant('when it was committed'),
  operation: text('as Delta names it: WRITE, MERGE, DELETE, OPTIMIZE, CREATE TABLE, …'),
  rows_added: orNull(integer('null where the commit does not say')),
  rows_updated: orNull(integer('null where the commit does not say')),
  rows_deleted: orNull(integer('null where the commit does not say')),
})

const example = {
  name: 'movies',
  table_id: '3f0c1f0e-6d0b-4f6c-9d43-0c5c8f1c2b10',
  version: 7,
  timestamp: '2025-10-02T21:10:00.412Z',
  schema: [
    { name: 'movie_id', type: 'string' },
    { name: 'cast', type: 'array<string>' },
  ],
  files: 3,
  bytes: 48213,
  rows: 120,
  health: { small_files: 0 },
}

/** OpenAPI of `GET /v1/tables`. */
export const tablesSchema = {
  tags: ['lake'],
  summary: 'All tables: schema, files, health',
  description: 'Without their versions, which a table by its name tells.',
  response: {
    ...answered('the tables', objectOf({ tables: listOf(objectOf(table), 'by name') }), { tables: [example] }),
    ...refusals(),
  },
}

/** OpenAPI of `GET /v1/tables/{name}`. */
export const tableSchema = {
  tags: ['lake'],
  summary: 'A table: schema, files, versions, health',
  params: {
    type: 'object',
    properties: { name: { type: 'string', description: 'table', examples: ['movies'] } },
    required: ['name'],
  },
  response: {
    ...answered(
      'the table',
      objectOf({ ...table, versions: listOf(version, 'newest first; at most 1,000, and none that was cleaned up') }),
      {
        ...example,
        versions: [
          {
            version: 7,
            timestamp: '2025-10-02T21:10:00.412Z',
            operation: 'MERGE',
            rows_added: 2,
            rows_updated: 1,
            rows_deleted: 0,
          },
        ],
      },
    ),
    ...refusals({ 404: 'no such table' }),
  },
}
