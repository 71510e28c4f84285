import { randomUUID } from 'node:crypto'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type EventType, explodedKey } from '@sluice/events'
import { isOutOfMemory } from './duckdb/duckdb-error.ts'
import { identifier } from './duckdb/sql-text.ts'
import { LEDGER_TXN } from './ledger/apply.ts'
import { fileList } from './table/file-list.ts'
import { LakeError } from './table/lake-error.ts'
import type { LakeTable } from './table/lake-table.ts'
import { replaceRowsOf } from './table/replace-rows.ts'

export interface ExplosionParts {
  type: EventType
  /** The keyed table, and the one that is computed from it. */
  source: LakeTable
  target: LakeTable
  /** SHA-256 of the medium that a name stands for, if it was put. */
  sha256Of(name: string): Promise<string | undefined>
}

/** Versions of the source taken in one commit of the target; fewer where there is not the memory for them. */
const MAX_VERSIONS = 500
const CHUNK_ROWS = 2_000
const LOOKUPS_AT_ONCE = 16
const MAX_RACES = 50
const LEAST_OBJECT_BYTES = 1024 ** 2

interface ExplodedRow {
  key: string
  position: number
  name: string
}

/**
 * Brings an exploded table (post_media) up to its source: for each key that changed, its rows are replaced by one row an
 * item of the newest row's list. The source's version is the target's Delta `txn`, so that whoever does it, however
 * often, does it once.
 */
export async function followExplosion(parts: ExplosionParts): Promise<{ table: string; version: number }> {
  const { source, target } = parts
  const appId = sourceTxn(source)
  let most_versions = MAX_VERSIONS
  for (let races = 0; races < MAX_RACES; ) {
    const after = target.view().txn(appId)
    const head = source.version
    if (after >= head) return { table: target.name, version: target.version }
    const to = Math.min(head, after + most_versions)
    try {
      const { keys, rows, through } = await nextRows(parts, after, to, head)
      const txn = { appId, version: through, after }
      const outcome = keys.length === 0 ? await target.appendFiles([], { txn }) : await replace(parts, keys, rows, txn)
      if (outcome.kind === 'conflict') races++
    } catch (error) {
      if (!isOutOfMemory(error) || to - after <= 1) throw error
      most_versions = Math.floor((to - after) / 2)
    }
  }
  throw new Error(
    `table ${target.name}: it could not follow ${source.name} in ${MAX_RACES} races because other workers kept committing; it follows at the next commit`,
  )
}

/** Whether the source has applied plans that the exploded table has not seen. */
export async function explosionIsBehind({
  source,
  target,
}: Pick<ExplosionParts, 'source' | 'target'>): Promise<boolean> {
  const at = target.view().txn(sourceTxn(source))
  if (at >= source.version) return false
  if (at < 0) return source.view().txn(LEDGER_TXN) >= 0
  try {
    // Versions that only rearranged rows are no reason to commit.
    const seen = await source.at({ version: at })
    return seen.txn(LEDGER_TXN) !== source.view().txn(LEDGER_TXN)
  } catch (error) {
    // Long after its newest event a table's versions are gone; what came since has only rearranged its rows.
    if (isGone(error)) return false
    throw error
  }
}

/** The Delta `txn` by which an exploded table says up to which version of its source it has followed. */
export const sourceTxn = (source: Pick<LakeTable, 'table_id'>): string => `source/${source.table_id}`

/** What is next for the target; all that the source has, where the changes since were cleaned up while it was at rest. */
async function nextRows(parts: ExplosionParts, after: number, through: number, head: number) {
  try {
    return { ...(await explodedRows(parts, after, through)), through }
  } catch (error) {
    if (after < 0 || !isGone(error)) throw error
    return { ...(await explodedRows(parts, NOTHING_FOLLOWED, head)), through: head }
  }
}

const NOTHING_FOLLOWED = -1
const isGone = (error: unknown) => error instanceof LakeError && error.code === 'version_gone'

async function explodedRows(
  { type, source }: ExplosionParts,
  after: number,
  through: number,
): Promise<{ keys: string[]; rows: ExplodedRow[] }> {
  const key = explodedKey(type)
  const list = type.explode?.list ?? ''
  const keys = new Set<string>()
  const rows: ExplodedRow[] = []
  const read = { columns: [key, list], chunk_rows: CHUNK_ROWS }
  const chunks =
    after < 0 ? source.rowsAt(await source.at({ version: through }), read) : source.changes(after, through, read)
  for await (const chunk of chunks)
    for (const row of chunk) {
      const value = String(row[key])
      keys.add(value)
      const items = row[list]
      if (row._change === 'upsert' && Array.isArray(items))
        rows.push(...items.map((name, position) => ({ key: value, position, name: String(name) })))
    }
  return { keys: [...keys], rows }
}

async function replace(
  { type, target, sha256Of }: ExplosionParts,
  keys: readonly string[],
  rows: readonly ExplodedRow[],
  txn: { appId: string; version: number; after: number },
) {
  const column = explodedKey(type)
  const hashes = await lookUp([...new Set(rows.map(({ name }) => name))], sha256Of)
  const lines = rows.map(({ key, position, name }) =>
    JSON.stringify({ key, position, name, sha256: hashes.get(name) ?? null }),
  )
  // DuckDB keeps twice as much as a buffer.
  const longest = lines.reduce((most, line) => Math.max(most, 2 * line.length + 2), LEAST_OBJECT_BYTES)
  const path = join(target.lake.scratch_path, `exploded-${randomUUID()}.ndjson`)
  await writeFile(path, lines.map((line) => `${line}\n`).join(''))
  try {
    const select =
      rows.length === 0
        ? `SELECT NULL::VARCHAR AS ${identifier(column)} WHERE false`
        : `SELECT "key" AS ${identifier(column)}, position, name, sha256 FROM read_json(${fileList([path])}, format = 'newline_delimited',
            columns = {key: 'VARCHAR', position: 'INTEGER', name: 'VARCHAR', sha256: 'VARCHAR'}, maximum_object_size = ${longest})`
    return await replaceRowsOf(target, { column, values: keys, select }, { txn })
  } finally {
    await rm(path, { force: true })
  }
}

async function lookUp(
  names: readonly string[],
  sha256Of: ExplosionParts['sha256Of'],
): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>()
  for (let at = 0; at < names.length; at += LOOKUPS_AT_ONCE)
    await Promise.all(
      names.slice(at, at + LOOKUPS_AT_ONCE).map(async (name) => {
        const sha256 = await sha256Of(name)
        if (sha256 !== undefined) found.set(name, sha256)
      }),
    )
  return found
}
