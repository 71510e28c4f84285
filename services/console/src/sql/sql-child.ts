import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import '@sluice/lake/duckdb/byte-order-mark'
import { literal, literalList } from '@sluice/lake/duckdb/sql-text'
import { filePattern } from '@sluice/lake/table/file-list'
import { type ResultWriter, resultWriter } from './result-format.ts'
import type { RunRequest, SqlReply, SqlRequest } from './sql-protocol.ts'

/**
 * The process in which clients' SQL runs. It holds no secrets and no connection; each statement gets a DuckDB instance
 * of its own, with nothing left of the one before, that can open only the files named for it. The console kills the
 * whole process when a statement takes too long.
 */
const [memory_limit = '512MB', threads = '1', scratch_path = ''] = process.argv.slice(2)
const parser = await (await DuckDBInstance.create(':memory:')).connect()
let wake: (() => void) | undefined

const reply = (message: SqlReply) => process.send?.(message)

process.on('message', (request: SqlRequest) => {
  if (request.kind === 'more') wake?.()
  else if (request.kind === 'parse') void parse(request.id, request.sql)
  else void run(request)
})
process.on('disconnect', () => process.exit(0))
reply({ kind: 'ready' })

async function parse(id: number, sql: string): Promise<void> {
  try {
    const reader = await parser.runAndReadAll('SELECT json_serialize_sql($1::VARCHAR)', [sql])
    reply({ kind: 'parsed', id, parsed: String(reader.value(0, 0)) })
  } catch (error) {
    reply({ kind: 'failed', id, code: 'sql_error', detail: messageOf(error) })
  }
}

async function run(request: RunRequest): Promise<void> {
  const instance = await DuckDBInstance.create(':memory:', { memory_limit, threads })
  try {
    const connection = await instance.connect()
    await close(connection, request)
    const reader = await connection.runAndReadAll('SELECT json_deserialize_sql($1::JSON)', [request.statement])
    const result = await connection.stream(String(reader.value(0, 0)))
    await send(request, resultWriter(request.format, result), result.yieldRows())
  } catch (error) {
    const detail = messageOf(error)
    reply({
      kind: 'failed',
      id: request.id,
      code: /^Out of Memory/i.test(detail) ? 'out_of_memory' : 'sql_error',
      detail,
    })
  } finally {
    instance.closeSync()
  }
}

/** Sets the session up and locks the door behind it. */
async function close(connection: DuckDBConnection, { setup, files }: RunRequest): Promise<void> {
  await connection.run("SET TimeZone = 'UTC'")
  await connection.run(`SET temp_directory = ${literal(scratch_path)}`)
  for (const statement of setup) await connection.run(statement)
  // A file is asked for by its pattern and opened by its path.
  const paths = new Set(files.flatMap((file) => [file, filePattern(file)]))
  if (paths.size > 0) await connection.run(`SET allowed_paths = ${literalList([...paths])}`)
  await connection.run('SET enable_external_access = false')
  await connection.run('SET lock_configuration = true')
}

async function send(
  request: RunRequest,
  writer: ResultWriter,
  chunks: AsyncIterable<Parameters<ResultWriter['rows']>[0]>,
): Promise<void> {
  let rows = 0
  await sendChunk(request.id, writer.head())
  for await (const chunk of chunks) {
    if (chunk.length === 0) continue
    rows += chunk.length
    if (rows > request.max_rows) {
      reply({
        kind: 'failed',
        id: request.id,
        code: 'too_many_rows',
        detail: `expected at most ${request.max_rows} rows; the result has more: add a LIMIT or aggregate`,
      })
      return
    }
    await sendChunk(request.id, writer.rows(chunk))
  }
  await sendChunk(request.id, writer.tail())
  reply({ kind: 'done', id: request.id, rows })
}

/** One chunk is on its way at a time. */
async function sendChunk(id: number, bytes: Uint8Array): Promise<void> {
  if (bytes.length === 0) return
  await new Promise<void>((resolve) => {
    wake = resolve
    reply({ kind: 'chunk', id, bytes })
  })
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
