/** A process that writes the rows of one Parquet file to its standard output, one JSON object a line. */
import { once } from 'node:events'
import { DuckDBInstance } from '@duckdb/node-api'
import '@sluice/lake/duckdb/byte-order-mark'

const MEMORY = '512MB'

const [path = ''] = process.argv.slice(2)

process.once('disconnect', () => process.exit(1))
try {
  await writeRows()
  // A pipe is written to behind: what is still on its way when the process exits would be lost.
  process.stdout.end(() => process.exit(0))
} catch (error) {
  process.stderr.write(error instanceof Error ? error.message : String(error), () => process.exit(1))
}

async function writeRows(): Promise<void> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1', memory_limit: MEMORY })
  const connection = await instance.connect()
  await connection.run("SET TimeZone = 'UTC'; SET temp_directory = ''; SET autoinstall_known_extensions = false")
  const source = `read_parquet(${literal(path)})`
  const described = await connection.runAndReadAll(`DESCRIBE SELECT * FROM ${source}`)
  const columns = described
    .getRowObjects()
    .map((row) => ({ name: String(row.column_name), type: String(row.column_type) }))
  const members = columns.map(
    ({ name, type }) => `${literal(`${JSON.stringify(name)}:`)} || coalesce(${cell(name, type)}, 'null')`,
  )
  const result = await connection.stream(`SELECT '{' || ${members.join(" || ',' || ")} || '}' FROM ${source}`)
  for (;;) {
    const chunk = await result.fetchChunk()
    if (!chunk || chunk.rowCount === 0) return
    const text = `${chunk.getColumnValues(0).join('\n')}\n`
    if (!process.stdout.write(text)) await once(process.stdout, 'drain')
  }
}

/**
 * A column's value as JSON text, or null. Numbers keep their digits; instants are RFC 3339; what JSON has no number for
 * is a string.
 */
function cell(name: string, type: string): string {
  const column = quoted(name)
  const text = `CAST(${column} AS VARCHAR)`
  if (type === 'FLOAT' || type === 'DOUBLE')
    return `CASE WHEN isfinite(${column}) THEN ${text} ELSE ${jsonText(text)} END`
  if (type.startsWith('DECIMAL') || /^U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?$/.test(type)) return text
  if (/^TIMESTAMP[ _A-Z]*$/.test(type))
    return jsonText(`strftime(CAST(${column} AS TIMESTAMP), '%Y-%m-%dT%H:%M:%S.%fZ')`)
  if (type === 'BLOB') return jsonText(`to_base64(${column})`)
  return jsonText(column)
}

function jsonText(expression: string): string {
  return `CAST(to_json(${expression}) AS VARCHAR)`
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}
