import type { DuckDBConnection } from '@duckdb/node-api'
import type { AddFile } from '@sluice/delta'
import { execute, queryColumn, queryTuples } from '../duckdb/query.ts'
import { identifier } from '../duckdb/sql-text.ts'
import { mayHoldRange, mayHoldText } from './key-bounds.ts'
import type { TableView } from './table-view.ts'

/** With more keys than this, files are pruned by their range only. */
const MAX_LISTED = 50_000

/** The candidates of a merge in a temporary table, and which files of a table can hold their keys. */
export class CandidateKeys {
  readonly table: string
  readonly #key: string
  #count = 0
  #least = ''
  #greatest = ''
  #sorted: string[] | undefined

  /** @param table the temporary table's name, of SQL that needs no quotes */
  constructor(table: string, key: string) {
    this.table = table
    this.#key = key
  }

  get count(): number {
    return this.#count
  }

  async load(connection: DuckDBConnection, select: string): Promise<void> {
    const k = identifier(this.#key)
    await execute(connection, `CREATE OR REPLACE TEMP TABLE ${this.table} AS ${select}`)
    const [[count, least, greatest] = []] = await queryTuples(
      connection,
      `SELECT count(*), min(${k})::VARCHAR, max(${k})::VARCHAR FROM ${this.table}`,
    )
    this.#count = Number(count)
    this.#least = String(least ?? '')
    this.#greatest = String(greatest ?? '')
    this.#sorted = undefined
    if (this.#count > MAX_LISTED) return
    const keys = await queryColumn(
      connection,
      `SELECT ${k}::VARCHAR FROM ${this.table} WHERE ${k} IS NOT NULL ORDER BY ${k}`,
    )
    // DuckDB orders strings by their UTF-8 bytes, as the statistics do.
    this.#sorted = keys.map(String)
  }

  /** Whether a file may hold one of the keys, by its statistics. Those are compared as strings: other keys prune nothing. */
  matcher({ columns }: TableView): (file: AddFile) => boolean {
    const [key, least, greatest, sorted] = [this.#key, this.#least, this.#greatest, this.#sorted]
    if (columns.find(({ name }) => name === key)?.type !== 'string') return () => true
    return sorted ? (file) => mayHoldText(file, key, sorted) : (file) => mayHoldRange(file, key, least, greatest)
  }

  /** Of these files those that do hold one of the keys; reads the key column only. */
  async filesWith(connection: DuckDBConnection, view: TableView, files: readonly AddFile[]): Promise<AddFile[]> {
    if (files.length === 0) return []
    const hit = await queryColumn(
      connection,
      `SELECT DISTINCT file_index FROM ${await view.relation(files)} AS t SEMI JOIN ${this.table} USING (${identifier(this.#key)}) ORDER BY 1`,
    )
    return hit.flatMap((at) => files[Number(at)] ?? [])
  }
}
