import type { DuckDBConnection } from '@duckdb/node-api'
import type { AddFile } from '@sluice/delta'
import { readAll } from '../duckdb/query.ts'
import { fileList } from '../table/file-list.ts'
import type { Receipt } from './decide.ts'
import type { IdWithHash, LedgerRows } from './known-ids.ts'
import type { Outcome } from './schema.ts'

export interface ReceiptRowsParts {
  /** Runs work on a DuckDB connection of a pool. */
  withConnection<T>(work: (connection: DuckDBConnection) => Promise<T>): Promise<T>
  /** Local paths of ledger files. */
  localPaths(files: readonly AddFile[]): Promise<string[]>
}

/** Reads the ledger's Parquet files with DuckDB. */
export function duckdbLedgerRows({ withConnection, localPaths }: ReceiptRowsParts): LedgerRows {
  return {
    async *idHashes(files) {
      if (files.length === 0) return
      const paths = await localPaths(files)
      // All hashes of a chunk of files at a time: 8 bytes a row, some hundred thousand rows a file.
      for (let i = 0; i < paths.length; i += FILES_PER_READ) {
        yield await withConnection((connection) =>
          readIdHashes(connection, `FROM read_parquet(${fileList(paths.slice(i, i + FILES_PER_READ))})`),
        )
      }
    },

    async receipts(files, ids) {
      const candidates = files.filter((file) => mayHold(file, ids))
      if (candidates.length === 0) return []
      const paths = await localPaths(candidates)
      return withConnection((connection) => readReceipts(connection, paths, ids))
    },
  }
}

const FILES_PER_READ = 8

/** The `id_hash` column of a relation (`from` begins with FROM), in its order. */
export async function readIdHashes(connection: DuckDBConnection, from: string): Promise<BigInt64Array> {
  const reader = await readAll(connection, `SELECT id_hash ${from}`)
  const hashes = new BigInt64Array(reader.currentRowCount)
  const [column] = reader.getColumns()
  column?.forEach((value, i) => {
    if (typeof value === 'bigint') hashes[i] = value
  })
  return hashes
}

async function readReceipts(
  connection: DuckDBConnection,
  paths: readonly string[],
  ids: readonly IdWithHash[],
): Promise<Receipt[]> {
  // The list of hashes prunes row groups (files are sorted by them); the ids decide.
  const hashes = ids.map(({ hash }) => hash).join(',')
  const reader = await readAll(
    connection,
    `SELECT event_id, raw_batch, raw_line, outcome, content_hash FROM read_parquet(${fileList(paths)})
     WHERE id_hash IN (SELECT unnest([${hashes}]::BIGINT[]))`,
  )
  const wanted = new Set(ids.map(({ event_id }) => event_id))
  const found: Receipt[] = []
  for (const [event_id, raw_batch, raw_line, outcome, content_hash] of reader.getRows()) {
    if (!wanted.has(String(event_id))) continue
    found.push({
      event_id: String(event_id),
      raw_batch: String(raw_batch),
      raw_line: Number(raw_line),
      outcome: outcomeFrom(outcome),
      content_hash: typeof content_hash === 'bigint' ? content_hash : 0n,
    })
  }
  return found
}

function outcomeFrom(value: unknown): Outcome {
  if (value === 'stored' || value === 'quarantined' || value === 'repeat') return value
  throw new Error(
    `ledger: a receipt's outcome should be stored, quarantined or repeat, and is ${String(value)}; the file was not written by a ledger`,
  )
}

/** Whether a file's id_hash range, by its statistics, can hold one of the ids. */
function mayHold(file: AddFile, ids: readonly IdWithHash[]): boolean {
  const range = idHashRange(file)
  return range === undefined || ids.some(({ hash }) => hash >= range.min && hash <= range.max)
}

function idHashRange(file: AddFile): { min: bigint; max: bigint } | undefined {
  // Not JSON.parse: 64-bit numbers would lose digits.
  const min = /"minValues":\{[^}]*"id_hash":(-?\d+)/.exec(file.stats ?? '')?.[1]
  const max = /"maxValues":\{[^}]*"id_hash":(-?\d+)/.exec(file.stats ?? '')?.[1]
  return min === undefined || max === undefined ? undefined : { min: BigInt(min), max: BigInt(max) }
}
