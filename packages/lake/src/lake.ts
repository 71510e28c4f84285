import { type DefinedTable, type EventTypes, explodedKey } from '@sluice/events'
import { LEDGER_COLUMNS, LEDGER_TABLE, QUARANTINE_COLUMNS, QUARANTINE_TABLE } from './ledger/schema.ts'
import { type Column, columnsOf } from './table/column-type.ts'
import type { LakeParts, TableUse } from './table/lake-parts.ts'
import { LakeTable } from './table/lake-table.ts'

/**
 * Versions can be read this long: their files stay, and their log entries, of which a busy table makes a hundred thousand a
 * day. Pins keep what they need longer.
 */
const PROPERTIES = {
  'delta.deletedFileRetentionDuration': 'interval 1 day',
  'delta.logRetentionDuration': 'interval 1 day',
}
const LEDGER_TARGET_BYTES = 16_000_000
const OPENED_AT_ONCE = 4

/** All tables of a lake: the ledger, the quarantine, and one or two an event type. */
export class Lake {
  readonly parts: LakeParts
  readonly types: EventTypes
  readonly ledger: LakeTable
  readonly quarantine: LakeTable
  /** By name, the tables of the event types, explosions included. */
  readonly tables: ReadonlyMap<string, LakeTable>

  private constructor(
    parts: LakeParts,
    types: EventTypes,
    own: { ledger: LakeTable; quarantine: LakeTable },
    tables: ReadonlyMap<string, LakeTable>,
  ) {
    this.parts = parts
    this.types = types
    this.ledger = own.ledger
    this.quarantine = own.quarantine
    this.tables = tables
  }

  /**
   * Opens every table, and creates what is missing: version 0 of a table is its creation. A field that a type has gained
   * becomes a column. Throws `column_conflict` for a field that has changed its type.
   */
  static async open(parts: LakeParts, types: EventTypes): Promise<Lake> {
    const open = (use: TableUse, columns: readonly Column[]) =>
      LakeTable.create(parts, { ...use, columns, properties: PROPERTIES })
    const ledger = await open(LEDGER_USE, LEDGER_COLUMNS)
    const quarantine = await open({ name: QUARANTINE_TABLE }, QUARANTINE_COLUMNS)
    const tables = new Map<string, LakeTable>()
    for (let at = 0; at < types.tables.length; at += OPENED_AT_ONCE) {
      const some = types.tables.slice(at, at + OPENED_AT_ONCE)
      const opened = await Promise.all(some.map((defined) => open(useOf(defined), columnsOf(defined))))
      for (const table of opened) tables.set(table.name, table)
    }
    return new Lake(parts, types, { ledger, quarantine }, tables)
  }

  /** A table by the name that SQL knows it by. */
  table(name: string): LakeTable | undefined {
    if (name === LEDGER_TABLE) return this.ledger
    if (name === QUARANTINE_TABLE) return this.quarantine
    return this.tables.get(name)
  }

  /** All tables, the ledger and the quarantine included. */
  all(): LakeTable[] {
    return [this.ledger, this.quarantine, ...this.tables.values()]
  }
}

/** Looked up by id hash, never by time. */
const LEDGER_USE: TableUse = { name: LEDGER_TABLE, cluster_by: ['id_hash'], target_bytes: LEDGER_TARGET_BYTES }

function useOf({ type, table, exploded }: DefinedTable): TableUse {
  if (!exploded) return { name: table, key: type.key, time: type.time }
  const key = explodedKey(type)
  return { name: table, identity: [key, 'position'], cluster_by: [key] }
}
