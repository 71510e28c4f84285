import type { EventType } from '@sluice/events'
import { LEDGER_TXN, sourceTxn } from '@sluice/lake'
import { type LakeReader, type TableReading, VersionGone } from '../lake-reader.ts'
import { quoted } from '../sql/quote.ts'
import type { TrustedSql } from '../trusted-sql.ts'
import { counted } from './counted.ts'
import type { Cut } from './cut.ts'
import { NAMED_IDS, type TableReport } from './report.ts'

export interface ExplodedParts {
  lake: Pick<LakeReader, 'open'>
  sql: TrustedSql
  sleep(ms: number): Promise<void>
}

type Exploded = EventType & { explode: NonNullable<EventType['explode']> }

const ATTEMPTS = 200
const PAUSE_MS = 50

export const isExploded = (type: EventType): type is Exploded => type.explode !== undefined

/**
 * Compares an exploded table (post_media) with what its source says should be in it: one row an item of each row's list,
 * at the version of the source that the table has followed to, which is no older than the cut. It has no events of its own.
 */
export async function verifyExploded(
  type: Exploded,
  cut: Cut,
  parts: ExplodedParts,
): Promise<Omit<TableReport, 'stores'>> {
  const { source, target } = await pairOf(type, cut, parts)
  const key = quoted(type.key ?? 'event_id')
  const list = quoted(type.explode.list)
  // Both sides are summed up by row: an aggregate, which spills to disk where it is large.
  const { rows } = await parts.sql.query(
    {
      files: [],
      setup: [
        `CREATE VIEW source_table AS SELECT * FROM ${source.relation}`,
        `CREATE VIEW lake_table AS SELECT * FROM ${target.relation}`,
      ],
    },
    `WITH wanted AS (SELECT ${key} AS key, unnest(range(len(${list}))) AS position, unnest(${list}) AS name FROM source_table),
      both_sides AS (SELECT key, position::BIGINT AS position, name, 1 AS n FROM wanted
        UNION ALL SELECT ${key}, position::BIGINT, name, -1 FROM lake_table),
      different AS (SELECT key || '/' || position AS id, sum(n) AS n FROM both_sides GROUP BY key, position, name HAVING sum(n) <> 0)
      SELECT (SELECT count(*) FROM wanted) AS wanted, (SELECT count(*) FROM lake_table) AS rows,
        (SELECT coalesce(sum(n), 0) FROM different WHERE n > 0) AS missing, (SELECT coalesce(-sum(n), 0) FROM different WHERE n < 0) AS extra,
        (SELECT list(id) FROM (SELECT id FROM different WHERE n > 0 LIMIT ${NAMED_IDS})) AS missing_ids,
        (SELECT list(id) FROM (SELECT id FROM different WHERE n < 0 LIMIT ${NAMED_IDS})) AS extra_ids`,
  )
  const { count, ids } = counted(rows[0])
  return {
    table: type.explode.table,
    version: target.version,
    stored: count('wanted'),
    superseded: 0,
    rows: count('rows'),
    missing: count('missing'),
    extra: count('extra'),
    ids: { missing: ids('missing_ids'), extra: ids('extra_ids') },
  }
}

/** The table, and its source as the table has seen it; waits until that is at least what the cut has. */
async function pairOf(type: Exploded, cut: Cut, parts: ExplodedParts) {
  const least = cut.tables.get(type.table)?.txn(LEDGER_TXN) ?? -1
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const target = await parts.lake.open(type.explode.table)
    const newest = await parts.lake.open(type.table)
    if (!target || !newest) throw new Error(`verify: the lake has no table ${type.table} or ${type.explode.table}`)
    const source = await seenBy(target, newest, parts.lake)
    if (source.txn(LEDGER_TXN) >= least) return { source, target }
    await parts.sleep(PAUSE_MS)
  }
  throw new Error(
    `verify: ${type.explode.table} did not catch up with ${type.table}; see GET /v1/status for which table is behind`,
  )
}

async function seenBy(target: TableReading, newest: TableReading, lake: ExplodedParts['lake']): Promise<TableReading> {
  const version = target.txn(sourceTxn(newest))
  if (version < 0 || version >= newest.version) return newest
  try {
    return (await lake.open(newest.name, { version })) ?? newest
  } catch (error) {
    // Long after its newest event a table's versions are gone; what was left since has only rearranged its rows.
    if (error instanceof VersionGone) return newest
    throw error
  }
}
