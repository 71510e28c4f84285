import type { EdgeMapping, EventType } from './event-type.ts'
import { deltaTypeOf, explosionColumns } from './event-types.ts'
import type { Field } from './field.ts'

/** The docs page of an event type, as Markdown. */
export function docsOf(type: EventType): string {
  return [
    `# ${type.type}`,
    type.description,
    `Table \`${type.table}\`: ${tableLine(type)}`,
    fieldTable(type),
    'Every row also has `event_id`, `received_at` (TIMESTAMP), `raw_batch` and `raw_line` (where the original text is), and `_extra`: fields that are not listed here, as JSON.',
    explosionLine(type),
    '## Stores',
    storeLines(type),
    '## Example',
    curl(type),
    'How values are converted: [conversion](README.md#conversion).',
  ]
    .filter((part) => part !== '')
    .join('\n\n')
    .concat('\n')
}

/** The page that lists all types and says how values are converted. */
export function docsIndex(types: readonly EventType[]): string {
  const rows = [...types]
    .sort((a, b) => (a.type < b.type ? -1 : 1))
    .map(({ type, table, description }) => `| [${type}](${type}.md) | \`${table}\` | ${description} |`)
  return `# Event types

| type | table | |
|---|---|---|
${rows.join('\n')}

${CONVERSION}`
}

function tableLine({ key, time }: EventType): string {
  if (key === undefined) return 'one row an event.'
  const order = time === undefined ? '`received_at`' : `\`${time}\`, else \`received_at\``
  return `one row a \`${key}\`, the newest wins (by ${order}, then event_id).`
}

function fieldTable({ fields, key, time }: EventType): string {
  const rows = Object.entries<Field>(fields).map(([name, field]) => {
    const notes = [
      name === key ? 'the key' : '',
      name === time ? 'orders the rows' : '',
      field.one_of ? `one of ${field.one_of.map((value) => `\`${value}\``).join(', ')}` : '',
      field.description ?? '',
    ]
    return `| \`${name}\` | ${deltaTypeOf(field).toUpperCase()} | ${field.required ? 'yes' : ''} | ${notes.filter(Boolean).join('; ')} |`
  })
  return ['| field | type | required | |', '|---|---|---|---|', ...rows].join('\n')
}

function explosionLine(type: EventType): string {
  if (!type.explode) return ''
  const columns = explosionColumns(type).map(({ name, type: column }) => `\`${name}\` ${column.toUpperCase()}`)
  return `Table \`${type.explode.table}\`: one row an item of \`${type.explode.list}\` of the newest row: ${columns.join(', ')}. \`sha256\` is that of the medium which the name stood for when the row was loaded; null if none was put before.`
}

function storeLines({ stores, table }: EventType): string {
  const lines: string[] = []
  if (stores.postgres) {
    const indexes = (stores.postgres.indexes ?? []).map((columns) => `(${columns.join(', ')})`)
    lines.push(`- PostgreSQL: table \`${table}\`${indexes.length > 0 ? `, indexes on ${indexes.join(', ')}` : ''}`)
  }
  if (stores.influxdb) {
    const { measurement, tags, fields, time } = stores.influxdb
    lines.push(
      `- InfluxDB: measurement \`${measurement}\`, tags ${tags.join(', ')}, fields ${fields.join(', ')}, time ${time}`,
    )
  }
  if (stores.elasticsearch)
    lines.push(
      `- Elasticsearch: index \`${stores.elasticsearch.index}\`, full text of ${stores.elasticsearch.text.join(', ')}`,
    )
  if (stores.neo4j) {
    const nodes = stores.neo4j.nodes.map(({ label, id }) => `(${label} {${id}})`)
    lines.push(`- Neo4j: ${[...nodes, ...stores.neo4j.edges.map(edgeText)].join(', ')}`)
  }
  return lines.length > 0 ? lines.join('\n') : 'None: it is in the lake only.'
}

function edgeText(edge: EdgeMapping<string>): string {
  const properties =
    edge.keep === 'tally'
      ? ` {${edge.count}, ${edge.latest.property}}`
      : edge.keep === 'newest'
        ? ` {${edge.properties.join(', ')}} (the newest by ${edge.by})`
        : ''
  return `(${edge.from.label})-[:${edge.type}${properties}]->(${edge.to.label})`
}

function curl({ example }: EventType): string {
  const json = JSON.stringify(example).replaceAll("'", "'\\''")
  return `\`\`\`sh\ncurl http://127.0.0.1:8080/v1/events -H 'content-type: application/json' -d '${json}'\n\`\`\``
}

const CONVERSION = `## Conversion

Values are converted strictly: never a silent null, never rounding. null is the same as absent. Anything that is not in
this table puts the event into quarantine as \`schema_violation\`, with the field, what was expected and what came.

| type | takes |
|---|---|
| STRING | a JSON string, or a number as its own text (\`1.10\` stays \`1.10\`) |
| INTEGER, LONG | an integer in range, however it is written: \`120\`, \`120.0\`, \`1.2e2\`, \`"120"\` |
| DECIMAL(p,s) | a number, or a string that holds one, with at most s places and p digits (\`1.10\`, \`"1.10"\`; \`1.100\` too, as its last place is zero) |
| FLOAT, DOUBLE | a number, or a string that holds one, that is finite there; the nearest value is taken |
| BOOLEAN | \`true\`, \`false\`, \`"true"\`, \`"false"\` |
| TIMESTAMP | RFC 3339, as \`"2026-01-31T13:45:00+05:30"\`; without zone it is UTC; a date alone is midnight UTC; digits beyond microseconds are cut (the only loss there is); years 1 to 9999 |
| ARRAY<STRING> | a list whose items are strings or numbers |

A string holds a number if it is one in JSON: no spaces, no leading zeros, no plus sign. Leap seconds are refused, as are
days that there are not. Of a member that comes twice the last one counts.
`
