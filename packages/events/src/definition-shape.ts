import { z } from 'zod'

/** Names of tables and columns: they are names in every store too. */
const NAME = /^[a-z][a-z0-9_]{0,62}$/
/** Names of nodes, edges and their properties in Neo4j. */
const GRAPH_NAME = /^[A-Za-z][A-Za-z0-9_]{0,62}$/
const MOST_FIELDS = 500
/** Names that SQL over the lake already knows. */
const RESERVED_TABLES: ReadonlySet<unknown> = new Set([
  'ledger',
  'quarantine',
  'events',
  's3_clickstream_logs',
  'main',
  'raw',
])
const RESERVED_FIELDS: ReadonlySet<unknown> = new Set([
  'event_id',
  'received_at',
  'raw_batch',
  'raw_line',
  '_extra',
  'type',
  'seq',
  // DuckDB's own, in every file that it reads.
  'file_index',
  'file_row_number',
])
const KINDS = ['string', 'int', 'long', 'float', 'double', 'boolean', 'instant', 'string_list'] as const

const expected = (what: string) => ({
  error: ({ input }: { input?: unknown }) => `expected ${what}; ${came(input)} came`,
})

const tableName = z
  .string(expected('a table name'))
  .refine(
    (name) => NAME.test(name) && !RESERVED_TABLES.has(name),
    expected('a table name of lower-case letters, digits and underscores that is not reserved'),
  )
const fieldName = z
  .string()
  .refine(
    (name) => NAME.test(name) && !RESERVED_FIELDS.has(name),
    expected('a field name of lower-case letters, digits and underscores that is not reserved'),
  )
const graphName = z.string(expected('a name')).regex(GRAPH_NAME, expected('a name of letters, digits and underscores'))
const mention = z.string(expected('the name of a field'))
const mentions = z.array(mention, expected('a list of field names'))

const described = { required: z.boolean(expected('true or false')), description: z.string().optional() }
const whole = (least: number, most: number) =>
  z
    .int(expected(`a whole number from ${least} to ${most}`))
    .min(least, expected(`at least ${least}`))
    .max(most, expected(`at most ${most}`))
const field = z.discriminatedUnion(
  'kind',
  [
    z.strictObject({
      kind: z.literal('string'),
      ...described,
      one_of: z.array(z.string()).min(1, expected('at least one value')).optional(),
    }),
    z.strictObject({ kind: z.literal('decimal'), ...described, precision: whole(1, 38), scale: whole(0, 38) }),
    ...KINDS.filter((kind) => kind !== 'string').map((kind) => z.strictObject({ kind: z.literal(kind), ...described })),
  ],
  expected(`a field of a kind: ${[...KINDS, 'decimal'].join(', ')}`),
)

const end = z.strictObject({ label: graphName, field: mention })
const edge = { type: graphName, from: end, to: end }
const stores = z.strictObject({
  postgres: z.strictObject({ indexes: z.array(mentions.min(1, expected('at least one field'))).optional() }).optional(),
  influxdb: z
    .strictObject({
      measurement: z.string(expected('a name')).min(1, expected('a name')),
      tags: mentions,
      fields: mentions.min(1, expected('at least one field')),
      time: mention,
    })
    .optional(),
  elasticsearch: z
    .strictObject({
      index: z.string(expected('a name')).regex(NAME, expected('a name of lower-case letters, digits and underscores')),
      text: mentions,
    })
    .optional(),
  neo4j: z
    .strictObject({
      nodes: z.array(z.strictObject({ label: graphName, id: mention, properties: mentions.optional() })),
      edges: z.array(
        z.discriminatedUnion(
          'keep',
          [
            z.strictObject({
              ...edge,
              keep: z.literal('tally'),
              count: graphName,
              latest: z.strictObject({ property: graphName, field: mention }),
            }),
            z.strictObject({ ...edge, keep: z.literal('newest'), by: mention, properties: mentions }),
            z.strictObject({ ...edge, keep: z.literal('owned') }),
          ],
          expected('an edge that keeps tally, newest or owned'),
        ),
      ),
    })
    .optional(),
})

/** What a definition looks like, whatever its fields mean to each other. */
export const definitionShape = z.strictObject({
  type: z
    .string(expected('a type of 1 to 256 characters'))
    .min(1, expected('a type of 1 to 256 characters'))
    .max(256, expected('a type of 1 to 256 characters')),
  table: tableName,
  description: z.string(expected('a description')),
  fields: z
    .record(fieldName, field, expected('fields'))
    .refine(
      (fields) => Object.keys(fields).length > 0 && Object.keys(fields).length <= MOST_FIELDS,
      expected(`1 to ${MOST_FIELDS} fields`),
    ),
  key: mention.optional(),
  time: mention.optional(),
  partition_by: mentions,
  stores,
  explode: z.strictObject({ table: tableName, list: mention }).optional(),
  example: z.record(z.string(), z.unknown(), expected('an example event')),
})

/** The first thing that is wrong with a shape, and where. */
export function firstIssue(error: z.ZodError): string {
  const issue = error.issues[0]
  if (!issue) return error.message
  const place = issue.path.map(String).join('.')
  const inner = issue.code === 'invalid_key' ? (issue.issues[0]?.message ?? issue.message) : issue.message
  return place === '' ? inner : `${place}: ${inner}`
}

function came(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (typeof value === 'function') return 'a function'
  const text = JSON.stringify(value) ?? String(value)
  return text.length > LONGEST_QUOTE ? `${text.slice(0, LONGEST_QUOTE)}…` : text
}

const LONGEST_QUOTE = 100
