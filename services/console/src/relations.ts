import type { EventTypes } from '@sluice/events'
import type { RawZone } from '@sluice/raw-zone'
import { type LakeReader, type TableReading, VersionGone } from './lake-reader.ts'
import { CLICKSTREAM_ALIAS, rawEvents, rawOfType } from './raw-relations.ts'
import { quoted } from './sql/quote.ts'
import type { Relations } from './sql/sql-cage.ts'
import type { NamedTable } from './sql/sql-guard.ts'
import { SqlRefused } from './sql/sql-refused.ts'
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
      if (isClickstream(table.name))
        relations.setup.push(`CREATE OR REPLACE VIEW ${CLICKSTREAM_ALIAS} AS SELECT * FROM raw.click`)
    } else await addTable(relations, table, parts)
  }
  return relations
}

/** Names of SQL are the same in any case, types of events are not. */
function rawTypeOf({ schema, name, asOf }: NamedTable, lake: LakeReader): string | undefined {
  const inRaw = schema.toLowerCase() === 'raw'
  if (!inRaw && !(schema === '' && isClickstream(name) && !lake.tables().includes(CLICKSTREAM_ALIAS))) return undefined
  if (asOf)
    throw new SqlRefused('unknown_version', `raw events have no versions: leave AS OF out, or ask by received_at`)
  if (!inRaw) return 'click'
  return name.toLowerCase() === 'events' ? 'events' : name
}

const isClickstream = (name: string): boolean => name.toLowerCase() === CLICKSTREAM_ALIAS

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
    if (error instanceof VersionGone) throw new SqlRefused('unknown_version', error.message)
    throw error
  }
}

function add(relations: Relations, more: Relations): void {
  relations.setup.push(...more.setup)
  relations.files.push(...more.files)
}
