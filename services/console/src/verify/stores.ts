import { appendFile, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { InventoryRow, StoredTable } from '@sluice/store'
import type { ConsoleStore } from '../console-store.ts'
import type { LakeReader, TableReading } from '../lake-reader.ts'
import { fileList, quoted } from '../sql/quote.ts'
import { progressOf } from '../status.ts'
import type { TrustedSql } from '../trusted-sql.ts'
import { NAMED_IDS, type StoreReport } from './report.ts'

const PAGE_ROWS = 10_000
/** An identity may be a key, which is as long as the field of an event. */
const LONGEST_IDENTITY_BYTES = 8 * 1024 ** 2
/** A store under a steady stream moves on while it is read; so often is it read again before the last reading counts. */
const MAX_READINGS = 20

export interface StoreVerifyParts {
  lake: LakeReader
  sql: TrustedSql
  scratch_path: string
}

/** Compares what a store holds for a table with the table at the very version that the store is at. */
export async function verifyStore(
  sink: ConsoleStore,
  stored: StoredTable,
  parts: StoreVerifyParts,
): Promise<StoreReport> {
  try {
    for (let reading = 1; ; reading++) {
      const before = (await progressOf(sink))[stored.table]
      const folder = await mkdtemp(join(parts.scratch_path, 'inventory-'))
      try {
        const held = await writePages(join(folder, 'inventory.ndjson'), (after) =>
          sink.store.inventory(stored.table, after, PAGE_ROWS),
        )
        const refused = await writePages(join(folder, 'refusals.ndjson'), async (after) =>
          (await sink.store.refusals(stored.table, after, PAGE_ROWS)).map(({ identity }) => ({
            identity,
            fingerprint: '',
          })),
        )
        const after = (await progressOf(sink))[stored.table]
        const still = JSON.stringify(before) === JSON.stringify(after)
        if (!still && reading < MAX_READINGS) continue
        const table = await parts.lake.open(
          stored.table,
          before && before.version >= 0 ? { version: before.version } : undefined,
        )
        if (!table) throw new Error(`there is no table ${stored.table}`)
        return await compare(sink, stored, table, { held, refused }, parts)
      } finally {
        await rm(folder, { recursive: true, force: true })
      }
    }
  } catch (error) {
    return unasked(messageOf(error))
  }
}

/** Which stores cannot be asked, and why: all are asked at once, so that silent ones are waited for once. */
export async function silentStores(
  sinks: readonly Pick<ConsoleStore, 'name' | 'store'>[],
): Promise<ReadonlyMap<string, string>> {
  const silent = new Map<string, string>()
  await Promise.all(
    sinks.map((sink) => progressOf(sink).catch((error: unknown) => silent.set(sink.name, messageOf(error)))),
  )
  return silent
}

/** The report of a table in a store that cannot be asked. */
export const unasked = (error: string): StoreReport => ({
  rows: 0,
  missing: 0,
  extra: 0,
  differing: 0,
  refused: 0,
  ids: { missing: [], extra: [], differing: [] },
  version: null,
  error,
})

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error))

/** Identities with their fingerprints, in a file. */
interface Written {
  path: string
  rows: number
}

/** Pages through what a store says into a file, so that a store of any size is compared in bounded memory. */
async function writePages(
  path: string,
  page: (after: string | undefined) => Promise<readonly InventoryRow[]>,
): Promise<Written> {
  let rows = 0
  let after: string | undefined
  for (;;) {
    const some = await page(after)
    const last = some.at(-1)
    if (!last) return { path, rows }
    await appendFile(
      path,
      some.map(({ identity, fingerprint }) => `${JSON.stringify({ identity, fingerprint })}\n`).join(''),
    )
    rows += some.length
    after = last.identity
  }
}

/** What follows FROM to read them. */
function relationOf({ path, rows }: Written): string {
  if (rows === 0) return "(SELECT '' AS identity, '' AS fingerprint WHERE false)"
  return `read_json(${fileList([path])}, format = 'newline_delimited', columns = {identity: 'VARCHAR', fingerprint: 'VARCHAR'}, maximum_object_size = ${LONGEST_IDENTITY_BYTES})`
}

/** A row's identity, as refusals name it. What a store holds of a row may have another one: an edge that many rows share. */
function identityOf({ type: { key, explode }, table }: StoredTable): string {
  const row = key === undefined ? 'lake_table.event_id' : `CAST(lake_table.${quoted(key)} AS VARCHAR)`
  return explode?.table === table ? `${row} || '/' || CAST(lake_table."position" AS VARCHAR)` : row
}

/** Compares what the store holds with what it should: all rows but those it refused. */
async function compare(
  sink: ConsoleStore,
  stored: StoredTable,
  table: TableReading,
  { held, refused }: { held: Written; refused: Written },
  { sql }: StoreVerifyParts,
): Promise<StoreReport> {
  const answer = await sql.query(
    { files: [], setup: [`CREATE VIEW lake_table AS SELECT * FROM ${table.relation}`] },
    `WITH source AS (SELECT lake_table.* FROM lake_table ANTI JOIN ${relationOf(refused)} AS refused ON refused.identity = ${identityOf(stored)}),
      wanted AS (${sink.inventoryQuery(stored)}), held AS (SELECT * FROM ${relationOf(held)}),
      compared AS (
        SELECT coalesce(wanted.identity, held.identity) AS identity,
          CASE WHEN held.identity IS NULL THEN 'missing' WHEN wanted.identity IS NULL THEN 'extra' WHEN wanted.fingerprint IS DISTINCT FROM held.fingerprint THEN 'differing' ELSE 'same' END AS kind
        FROM wanted FULL OUTER JOIN held ON wanted.identity = held.identity)
      SELECT kind, count(*) AS n, (list(identity ORDER BY identity) FILTER (kind <> 'same'))[:${NAMED_IDS}] AS ids FROM compared GROUP BY kind`,
  )
  const of = (kind: string) => answer.rows.find((row) => row['kind'] === kind)
  const count = (kind: string) => Number(of(kind)?.['n'] ?? 0)
  const ids = (kind: string) => {
    const named = of(kind)?.['ids']
    return Array.isArray(named) ? named.map(String) : []
  }
  return {
    rows: held.rows,
    missing: count('missing'),
    extra: count('extra'),
    differing: count('differing'),
    refused: refused.rows,
    ids: { missing: ids('missing'), extra: ids('extra'), differing: ids('differing') },
    version: table.version,
  }
}
