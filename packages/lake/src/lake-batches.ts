import type { Lake } from './lake.ts'
import type { Covered, LoadedBatch } from './ledger/batch.ts'
import type { LogLine } from './ledger/batch-input.ts'
import { loadDuckdbBatch } from './ledger/duckdb-batch.ts'
import type { LedgerRows } from './ledger/known-ids.ts'
import { duckdbLedgerRows } from './ledger/receipt-rows.ts'
import { localPaths } from './table/table-view.ts'
import { dropTyped, typeBatch } from './typing/type-batch.ts'

/** Micro-batches of raw lines, typed and written by the lake's DuckDB; each has a connection to itself until it is closed. */
export function lakeBatches(lake: Lake): {
  load(lines: readonly LogLine[], covered: ReadonlyMap<number, Covered>): Promise<LoadedBatch>
} {
  return {
    async load(lines, covered) {
      const connection = await lake.parts.database.connect()
      try {
        const batch = await loadDuckdbBatch(lines, covered, {
          connection,
          scratch_path: lake.parts.scratch_path,
          type: (path) => typeBatch(connection, { path }, lake.types),
          drop: (typed) => dropTyped(connection, typed),
          writeFile: (table, select) => tableOf(lake, table).writeFile(connection, select),
          isKeyed: (table) => tableOf(lake, table).use.key !== undefined,
          columnsOf: (table) => tableOf(lake, table).columns.map(({ name }) => name),
        })
        return {
          ...batch,
          async close() {
            try {
              await batch.close()
            } finally {
              connection.closeSync()
            }
          },
        }
      } catch (error) {
        connection.closeSync()
        throw error
      }
    },
  }
}

/** The ledger's receipts, read by the lake's DuckDB. */
export function lakeLedgerRows({ ledger, parts }: Lake): LedgerRows {
  return duckdbLedgerRows({
    withConnection: (work) => parts.database.withFurtherConnection(work),
    localPaths: (files) => localPaths(parts.store, ledger.root, files),
  })
}

function tableOf(lake: Lake, name: string) {
  const table = lake.table(name)
  if (!table) throw new Error(`the lake has no table ${name}: it was opened with other event types`)
  return table
}
