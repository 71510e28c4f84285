import type { EventTypes } from '@sluice/events'
import type { RawZone } from '@sluice/raw-zone'
import type { LakeReader, TableReading } from './lake-reader.ts'
import { VersionGone } from './lake-reader.ts'
import { CLICKSTREAM_ALIAS, rawEvents, rawOfType } from './raw-relations.ts'
import { quoted } from './sql/quote.ts'
import { type Relations, SqlRefused } from './sql/sql-cage.ts'
import type { NamedTable } from './sql/sql-guard.ts'
import { markedTableName } from './sql/time-travel.ts'

export interface RelationParts {
  lake: LakeReader
  rawZone: RawZone
  eventTypes: EventTypes
}

/** Names that SQL may use for what is no table of an event type. */
const LEDGER = 'ledger'

/**
 * Makes the tables that a statement names: views over exactly the files that are needed.
 * @throws SqlRefused for a name that nothing has, or a version that is gone
 */
export async function relationsFor(tables: readonly NamedTable[], parts: RelationParts): Promise<Relations> {
  const relations: Relations = { setup: [], files: [] }
  const distinct = new Map(tables.map((table) => [JSON.stringify([table.schema, table.name, table.asOf]), table]))
  let raw = false
  for (const table of distinct.values()) {
    const rawType = rawTypeOf(table, parts.lake)
    if (rawType !== undefined) {
      if (!raw) add(relations, await rawEvents(parts.rawZone))
      raw = true
      if (rawType !== 'events') relations.setup.push(rawOfType(rawType, parts.eventTypes))
      if (table.name === CLICKSTREAM_ALIAS)
        relations.setup.push(`CREATE OR REPLACE VIEW ${CLICKSTREAM_ALIAS} AS SELECT * FROM raw.click`)
    } else await addTable(relations, table, parts)
  }
  return relations
}

function rawTypeOf(table: NamedTable, lake: LakeReader): string | undefined {
  if (table.schema === 'raw') return table.name
  if (table.schema === '' && table.name === CLICKSTREAM_ALIAS && !lake.tables().includes(CLICKSTREAM_ALIAS))
    return 'click'
  return undefined
}

async function addTable(relations: Relations, table: NamedTable, { lake }: RelationParts): Promise<void> {
  const reading = table.schema === '' || table.schema === 'main' ? await openTable(lake, table) : undefined
  if (reading) {
    const view = table.asOf ? markedTableName(table.name, table.asOf) : table.name
    add(relations, {
      files: [...reading.paths],
      setup: [`CREATE OR REPLACE VIEW ${quoted(view)} AS SELECT * FROM ${reading.relation}`],
    })
  } else if (!table.cte) {
    const full = table.schema === '' ? table.name : `${table.schema}.${table.name}`
    throw new SqlRefused(
      'unknown_table',
      `there is no table ${full}; there are ${[...lake.tables(), LEDGER, 'raw.events', 'raw.<type>'].join(', ')}`,
    )
  }
}

async function openTable(lake: LakeReader, { name, asOf }: NamedTable): Promise<TableReading | undefined> {
  try {
    return await lake.open(name.toLowerCase(), asOf)
  } catch (error) {
    if (error instanceof VersionGone) throw new SqlRefused('unknown_table', error.message)
    throw error
  }
}

function add(relations: Relations, more: Relations): void {
  relations.setup.push(...more.setup)
  relations.files.push(...more.files)
}
