import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ObjectStore, openFolderStore } from '@sluice/object-store'
import { openMemoryStore } from '@sluice/object-store/memory-store'
import { type Database, openDatabase } from '../../src/duckdb/index.ts'
import type { Column, LakeParts, LakeTable, TableView } from '../../src/table/index.ts'

export interface LakeWorld {
  lake: LakeParts
  database: Database
  store: ObjectStore
  /** Milliseconds since the epoch; moves only by hand. */
  clock: { now_ms: number }
  close(): Promise<void>
}

/** A lake in a folder of its own, or with its objects in memory. */
export async function openWorld(
  where: 'folder' | 'memory',
  wrap = (store: ObjectStore) => store,
  folder = 'lake-world-',
): Promise<LakeWorld> {
  const path = await mkdtemp(join(tmpdir(), folder))
  const scratch_path = join(path, 'scratch')
  await mkdir(scratch_path)
  const database = await openDatabase({ memory_limit_bytes: 3e8, threads: 2, temporary_path: join(path, 'spill') })
  const store = wrap(where === 'folder' ? await openFolderStore(join(path, 'objects')) : openMemoryStore())
  const clock = { now_ms: Date.now() }
  return {
    lake: { store, database, scratch_path, now: () => clock.now_ms },
    database,
    store,
    clock,
    async close() {
      await database.close()
      await store.close()
      await rm(path, { recursive: true, force: true })
    },
  }
}

export const MOVIES: readonly Column[] = [
  { name: 'movie_id', type: 'string' },
  { name: 'title', type: 'string' },
  { name: 'views', type: 'long' },
  { name: 'price', type: 'decimal(12,2)' },
  { name: 'cast', type: { type: 'array', elementType: 'string', containsNull: true } },
  { name: 'updated_at', type: 'timestamp' },
  { name: 'event_id', type: 'string' },
  { name: 'received_at', type: 'timestamp' },
]

/** A row by column; instants are RFC 3339 texts, longs and decimals texts. */
export type PlainMovie = Record<string, string | number | null | readonly (string | null)[]>

/** A SELECT of these rows, by way of JSON, so that any text comes through. */
export function selectOf(rows: readonly PlainMovie[], columns: readonly Column[] = MOVIES): string {
  const types = columns.map(({ name, type }) => `"${name}": "${jsonType(type)}"`).join(', ')
  const text = JSON.stringify(rows).replaceAll('\\u0000', '\\\\u0000').replaceAll("'", "''")
  return `SELECT unnest(from_json('${text}', '[{${types}}]'), recursive := true)`
}

function jsonType(type: Column['type']): string {
  if (typeof type !== 'string') return 'VARCHAR[]'
  const names: Record<string, string> = {
    string: 'VARCHAR',
    long: 'BIGINT',
    integer: 'INTEGER',
    timestamp: 'TIMESTAMPTZ',
  }
  return names[type] ?? type.toUpperCase()
}

/** All rows of a version, as `rowsAt` gives them, without what it says of the change. */
export async function rowsOf(table: LakeTable, view: TableView = table.view()): Promise<PlainMovie[]> {
  const rows: PlainMovie[] = []
  for await (const chunk of table.rowsAt(view))
    for (const { _change, _version, ...row } of chunk) rows.push(row as PlainMovie)
  return rows
}
