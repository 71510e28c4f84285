import type { AddFile, RemoveFile } from '../src/actions.ts'
import { DeltaTable } from '../src/delta-table.ts'
import { hyparquetCodec } from '../src/hyparquet-codec.ts'
import { field, type StructType } from '../src/schema.ts'
import type { DeltaStore } from '../src/store.ts'
import { MemoryStore } from './memory-store.ts'

export const SCHEMA: StructType = {
  type: 'struct',
  fields: [field('id', 'long'), field('name', 'string'), field('day', 'date')],
}
export const TABLE_ID = '8a390218-e4ee-4341-b6de-4920e27d3f78'

/** A clock that moves a second with each look, and tokens that count. */
export function counters(start = 1_700_000_000_000): { now: () => number; token: () => string } {
  let clock = start
  let tokens = 0
  return { now: () => (clock += 1_000), token: () => `token-${++tokens}` }
}

export function tableOn(
  store: DeltaStore = new MemoryStore(),
  options: { now?: () => number; token?: () => string } = counters(),
) {
  return new DeltaTable({ store, root: 'lake/t', codec: hyparquetCodec, ...options })
}

export const define = { schema: SCHEMA, tableId: TABLE_ID, properties: { 'delta.enableChangeDataFeed': 'true' } }

export function add(path: string, more: Partial<AddFile> = {}): { add: AddFile } {
  return { add: { path, partitionValues: {}, size: 100, modificationTime: 1, dataChange: true, ...more } }
}

export function remove(path: string, more: Partial<RemoveFile> = {}): { remove: RemoveFile } {
  return { remove: { path, dataChange: true, deletionTimestamp: 1_700_000_000_000, ...more } }
}

export const paths = (files: Iterable<{ path: string }>) => [...files].map((file) => file.path).sort()
