import { answered, column, listOf, objectOf, refusals, resultRow } from './answer-schema.ts'

const { 200: json } = answered('the result', objectOf({ columns: listOf(column), rows: listOf(resultRow) }), {
  columns: [
    { name: 'movie_id', type: 'VARCHAR' },
    { name: 'views', type: 'BIGINT' },
  ],
  rows: [{ movie_id: 'm101', views: 2 }],
})

/** OpenAPI of `POST /v1/sql`. */
export const sqlSchema = {
  tags: ['query'],
  summary: 'Run one SELECT',
  description:
    "DuckDB SQL over all tables, `ledger`, `quarantine`, `raw.events`, `raw.<type>` and `s3_clickstream_logs`; `FROM t VERSION AS OF n` and `TIMESTAMP AS OF '…'`. JSON, or by `Accept`: `application/x-ndjson`, `text/csv`, `application/vnd.apache.arrow.stream`. At most a million rows. A result that fails after its first megabytes were sent breaks off: its body does not end, and the reason is in the console's log.",
  body: {
    type: 'object',
    required: ['sql'],
    properties: { sql: { type: 'string', minLength: 1 } },
    examples: [
      { sql: 'SELECT movie_id, count(*) AS views FROM viewing_history GROUP BY movie_id ORDER BY views DESC' },
    ],
  },
  response: {
    200: {
      ...json,
      content: {
        ...json.content,
        'application/x-ndjson': { schema: { type: 'string', description: 'a row a line' } },
        'text/csv': { schema: { type: 'string', description: 'RFC 4180, with a header' } },
        'application/vnd.apache.arrow.stream': { schema: { type: 'string', format: 'binary' } },
      },
    },
    ...refusals({
      400: 'not one SELECT, or DuckDB refuses it',
      403: 'the API key lacks the scope, or the statement reads more than the lake’s tables',
      404: 'an unknown table or version',
      408: 'it took too long',
      413: 'too large a statement or result',
      429: 'too many statements at a time; send again after Retry-After',
      500: 'the process that ran the statement ended: it may need more memory than it may have',
    }),
  },
}
