import { createHash } from 'node:crypto'
import type { StoredTable } from '@sluice/store'
import { type ColumnType, columnType } from './column-type.ts'
import { quoted } from './quoted.ts'
import { fingerprintColumns, identityColumns, isExploded } from './table-identity.ts'

/** Holds the identity where no single column of the lake does. */
const IDENTITY_COLUMN = '_identity'

export interface LayoutColumn {
  name: string
  type: ColumnType
}

/** How a lake table lies in PostgreSQL; kept as JSON in the store's catalog. */
export interface TableLayout {
  table: string
  /** All columns but `_version`, the version of the lake table that wrote the row. */
  columns: readonly LayoutColumn[]
  /** The column that holds the identity: the primary key. */
  identity: string
  /** See `fingerprintColumns`. */
  fingerprint: readonly string[]
  indexes: readonly (readonly string[])[]
}

export function tableLayout(stored: StoredTable): TableLayout {
  const exploded = isExploded(stored)
  const [key] = identityColumns(stored)
  const lakeColumns = stored.columns.map(({ name, type }): LayoutColumn => ({ name, type: columnType(type) }))
  const own: readonly LayoutColumn[] = exploded ? [{ name: IDENTITY_COLUMN, type: 'text' }] : []
  return {
    table: stored.table,
    columns: [...lakeColumns, ...own],
    identity: exploded ? IDENTITY_COLUMN : key,
    fingerprint: fingerprintColumns(stored),
    indexes: exploded ? [identityColumns(stored)] : (stored.type.stores.postgres?.indexes ?? []),
  }
}

/** The table's name as SQL: with its schema, since PostgreSQL looks in its own catalog first (a table `pg_user`). */
export const tableName = (schema: string, { table }: TableLayout): string => `${quoted(schema)}.${quoted(table)}`

/** A staging table for this very list of columns. */
export const stagingName = ({ table, columns }: TableLayout): string =>
  quoted(`_stage_${digest(JSON.stringify([table, columns]))}`)

export function indexName({ table }: TableLayout, columns: readonly string[]): string {
  return quoted(`${table.slice(0, 40)}_${digest(JSON.stringify([table, columns]))}`)
}

/** Texts sort by their bytes on every server, and the lake's order of identities is an index. */
export function columnDefinition({ name, type }: LayoutColumn): string {
  return `${quoted(name)} ${type}${type === 'text' ? ' COLLATE "C"' : ''}`
}

const digest = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 16)
