import { rm, writeFile } from 'node:fs/promises'
import type { DuckDBConnection } from '@duckdb/node-api'
import { execute, readAll } from '../duckdb/query.ts'
import { identifier } from '../duckdb/sql-text.ts'
import { LineFile } from '../typing/line-file.ts'
import { splitLine } from '../typing/raw-line-text.ts'
import type { TypedBatch } from '../typing/typed-batch.ts'
import type { AwaitedOutcome, Covered, LoadedBatch, WrittenBatch } from './batch.ts'
import { batchInput, isEmpty, type LogLine } from './batch-input.ts'
import { type Arrival, outcomeOf, type Verdict } from './decide.ts'
import { markOf } from './log-mark.ts'
import type { BatchCounts, PlannedFile } from './plan.ts'
import { CLOSED_TARGET } from './plan.ts'
import { readIdHashes } from './receipt-rows.ts'
import { LEDGER_COLUMNS, LEDGER_TABLE, QUARANTINE_COLUMNS, QUARANTINE_TABLE } from './schema.ts'

export interface DuckdbBatchParts {
  connection: DuckDBConnection
  /** Folder for the batch's input file. */
  scratch_path: string
  /** Types the lines of a file into temporary tables and a view of the connection. */
  type(path: string): Promise<TypedBatch>
  drop(batch: TypedBatch): Promise<void>
  /** Writes the rows of a SELECT as a Parquet object of a table; `undefined` if there are none. */
  writeFile(table: string, select: string): Promise<PlannedFile | undefined>
  /** Whether a table is keyed, so that its rows are merged. */
  isKeyed(table: string): boolean
  /** Column names of a table. */
  columnsOf(table: string): readonly string[]
}

let serial = 0

/** A micro-batch in DuckDB: typed by SQL, decided by `settle`, written by COPY. JavaScript sees only suspicious lines. */
export async function loadDuckdbBatch(
  records: readonly LogLine[],
  covered: ReadonlyMap<number, Covered>,
  parts: DuckdbBatchParts,
): Promise<LoadedBatch> {
  const lines = records.filter((record) => !isEmpty(record))
  const path = `${parts.scratch_path}/batch-${process.pid}-${serial++}.ndjson`
  try {
    await writeFile(path, batchInput(lines))
    const typed = await parts.type(path)
    return await loadedBatch(parts, path, typed, marked(covered, records))
  } catch (error) {
    await rm(path, { force: true })
    throw error
  }
}

/** Knows nothing of the records any more: while this batch is settled, the next one is in memory already. */
async function loadedBatch(
  parts: DuckdbBatchParts,
  path: string,
  typed: TypedBatch,
  covered: ReadonlyMap<number, Covered>,
): Promise<LoadedBatch> {
  const { connection } = parts
  const idHashes = await readIdHashes(connection, 'FROM batch_rows ORDER BY seq')
  return {
    covered,
    idHashes,
    arrivals: (seqs) => readArrivals(connection, seqs, idHashes),
    async write(verdicts) {
      const written = await writeBatch(parts, typed, path, verdicts)
      return { ...written, idHashes: idHashes.filter((_, seq) => verdicts.get(seq)?.kind !== 'redelivered') }
    },
    async close() {
      await rm(path, { force: true })
      await parts.drop(typed)
    },
  }
}

/** With what tells the last record of each partition from another one that may come to stand there. */
function marked(covered: ReadonlyMap<number, Covered>, records: readonly LogLine[]): Map<number, Covered> {
  const last = new Map(records.map((record) => [record.partition, record]))
  return new Map(
    [...covered].map(([partition, range]) => {
      const record = last.get(partition)
      return [partition, record?.offset === range.next - 1n ? { ...range, mark: markOf(record) } : range]
    }),
  )
}

async function readArrivals(
  connection: DuckDBConnection,
  seqs: readonly number[],
  idHashes: BigInt64Array,
): Promise<(Arrival & { hash: bigint })[]> {
  const hashes = new Set<bigint>(twiceIn(idHashes))
  for (const seq of seqs) {
    const hash = idHashes[seq]
    if (hash !== undefined) hashes.add(hash)
  }
  if (hashes.size === 0) return []
  const reader = await readAll(
    connection,
    `SELECT seq, event_id, id_hash, raw_batch, raw_line, content_hash, reason IS NULL AS valid FROM batch_rows
     WHERE id_hash IN (SELECT unnest([${[...hashes].join(',')}]::BIGINT[])) ORDER BY seq`,
  )
  return reader.getRows().map(([seq, event_id, hash, raw_batch, raw_line, content_hash, valid]) => ({
    seq: Number(seq),
    event_id: String(event_id),
    hash: typeof hash === 'bigint' ? hash : 0n,
    raw_batch: String(raw_batch),
    raw_line: Number(raw_line),
    content_hash: typeof content_hash === 'bigint' ? content_hash : 0n,
    valid: valid === true,
  }))
}

/** Hashes that occur more than once. */
function twiceIn(hashes: BigInt64Array): bigint[] {
  const sorted = hashes.slice().sort()
  const twice: bigint[] = []
  for (let i = 1; i < sorted.length; i++) {
    const hash = sorted[i]
    if (hash !== undefined && hash === sorted[i - 1]) twice.push(hash)
  }
  return twice
}

async function writeBatch(
  parts: DuckdbBatchParts,
  typed: TypedBatch,
  path: string,
  verdicts: ReadonlyMap<number, Verdict>,
): Promise<Omit<WrittenBatch, 'idHashes'>> {
  const { connection } = parts
  await execute(connection, 'CREATE OR REPLACE TEMP TABLE batch_verdicts (seq INTEGER, kind VARCHAR, text VARCHAR)')
  await insertVerdicts(connection, path, verdicts)
  const entries: WrittenBatch['entries'] = {}
  for (const { table, relation } of typed.tables) {
    const columns = parts.columnsOf(table).map(identifier).join(', ')
    const file = await parts.writeFile(
      table,
      `SELECT ${columns} FROM ${relation} WHERE seq NOT IN (SELECT seq FROM batch_verdicts) ORDER BY seq`,
    )
    if (file) entries[table] = { kind: parts.isKeyed(table) ? 'merge' : 'append', files: [file] }
  }
  const quarantine = await parts.writeFile(QUARANTINE_TABLE, QUARANTINE_SELECT)
  if (quarantine) entries[QUARANTINE_TABLE] = { kind: 'append', files: [quarantine] }
  const closed = await closedBy(connection, verdicts)
  if (closed.length > 0) entries[CLOSED_TARGET] = { kind: 'close', ids: closed }
  const ledger = await parts.writeFile(LEDGER_TABLE, LEDGER_SELECT)
  return {
    ledger,
    entries,
    counts: await countsOf(connection),
    awaited: await awaitedOf(connection),
  }
}

const WITH_VERDICT = 'LEFT JOIN batch_verdicts AS verdict USING (seq)'

const OUTCOME = `CASE WHEN verdict.kind = 'repeat' THEN 'repeat' WHEN verdict.kind = 'conflict' OR reason IS NOT NULL THEN 'quarantined' ELSE 'stored' END`

const REASON = `CASE WHEN verdict.kind = 'repeat' THEN NULL WHEN verdict.kind = 'conflict' THEN 'id_conflict' ELSE reason END`

/** What each ledger column is in terms of `batch_rows`, where it is not simply itself. */
const LEDGER_EXPRESSIONS: Readonly<Record<string, string>> = {
  outcome: OUTCOME,
  reason: REASON,
  table_name: `CASE WHEN ${OUTCOME} = 'stored' THEN table_name END`,
  key: `CASE WHEN ${OUTCOME} = 'stored' THEN "key" END`,
  order_at: `CASE WHEN ${OUTCOME} = 'stored' THEN order_at END`,
}

const LEDGER_SELECT = `SELECT ${LEDGER_COLUMNS.map(({ name }) => `${LEDGER_EXPRESSIONS[name] ?? `batch_rows.${identifier(name)}`} AS ${identifier(name)}`).join(', ')}
  FROM batch_rows ${WITH_VERDICT} WHERE verdict.kind IS DISTINCT FROM 'redelivered' ORDER BY id_hash`

const QUARANTINE_EXPRESSIONS: Readonly<Record<string, string>> = {
  reason: REASON,
  field: `CASE WHEN verdict.kind = 'conflict' THEN 'event_id' ELSE field END`,
  message: `CASE WHEN verdict.kind = 'conflict' THEN 'expected the content that is stored under this event_id, or another event_id; other content came' ELSE message END`,
  text: 'coalesce(verdict.text, batch_rows.text)',
  closed_by: 'NULL::VARCHAR',
}

const QUARANTINE_SELECT = `SELECT ${QUARANTINE_COLUMNS.map(({ name }) => `${QUARANTINE_EXPRESSIONS[name] ?? `batch_rows.${identifier(name)}`} AS ${identifier(name)}`).join(', ')}
  FROM batch_rows ${WITH_VERDICT}
  WHERE verdict.kind = 'conflict' OR (reason IS NOT NULL AND verdict.kind IS NULL) ORDER BY seq`

/** Lines that are `first` need no row: they are what the others are an exception to. */
async function insertVerdicts(
  connection: DuckDBConnection,
  path: string,
  verdicts: ReadonlyMap<number, Verdict>,
): Promise<void> {
  const telling = [...verdicts].filter(([, verdict]) => verdict.kind !== 'first')
  if (telling.length === 0) return
  const hasConflict = telling.some(([, { kind }]) => kind === 'conflict')
  const file = hasConflict ? await LineFile.read(path) : undefined
  const appender = await connection.createAppender('batch_verdicts')
  for (const [seq, { kind }] of telling) {
    appender.appendInteger(seq)
    appender.appendVarchar(kind)
    if (kind === 'conflict' && file) appender.appendVarchar(splitLine(file.line(seq).text).event)
    else appender.appendNull()
    appender.endRow()
  }
  appender.closeSync()
}

async function closedBy(
  connection: DuckDBConnection,
  verdicts: ReadonlyMap<number, Verdict>,
): Promise<{ event_id: string; by: string }[]> {
  const seqs = [...verdicts]
    .filter(([, verdict]) => verdict.kind === 'first' && verdict.closes && outcomeOf(verdict, true) === 'stored')
    .map(([seq]) => seq)
  if (seqs.length === 0) return []
  const reader = await readAll(
    connection,
    `SELECT event_id, raw_batch || '/' || raw_line FROM batch_rows WHERE seq IN (${seqs.join(',')}) ORDER BY seq`,
  )
  return reader.getRows().map(([event_id, by]) => ({ event_id: String(event_id), by: String(by) }))
}

async function countsOf(connection: DuckDBConnection): Promise<BatchCounts> {
  const reader = await readAll(
    connection,
    `SELECT CASE WHEN verdict.kind = 'redelivered' THEN 'redelivered' ELSE ${OUTCOME} END, count(*) FROM batch_rows ${WITH_VERDICT} GROUP BY 1`,
  )
  const count = new Map(reader.getRows().map(([outcome, n]) => [String(outcome), Number(n)]))
  return {
    stored: count.get('stored') ?? 0,
    quarantined: count.get('quarantined') ?? 0,
    repeats: count.get('repeat') ?? 0,
    redelivered: count.get('redelivered') ?? 0,
  }
}

async function awaitedOf(connection: DuckDBConnection): Promise<AwaitedOutcome[]> {
  const reader = await readAll(
    connection,
    `SELECT event_id, ${OUTCOME}, CASE WHEN reason IS NULL AND ${OUTCOME} <> 'quarantined' THEN table_name END, ${REASON} FROM batch_rows ${WITH_VERDICT}
     WHERE wait AND verdict.kind IS DISTINCT FROM 'redelivered' ORDER BY seq`,
  )
  return reader.getRows().map(([event_id, outcome, table, reason]) => ({
    event_id: String(event_id),
    status: outcome === 'stored' || outcome === 'repeat' ? outcome : 'quarantined',
    table: table === null ? null : String(table),
    reason: reason === null ? null : String(reason),
  }))
}
