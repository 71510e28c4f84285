import { DeltaError } from './delta-error.ts'
import type { StructField } from './schema.ts'
import type { TableProperties } from './table-properties.ts'

export type ColumnMappingMode = TableProperties['columnMappingMode']

/**
 * The name of a field in data files, partition values and statistics (PROTOCOL.md, Reader Requirements for Column
 * Mapping). Throws `invalid_log` if the table maps columns and the field has no physical name.
 */
export function physicalName(field: StructField, mode: ColumnMappingMode): string {
  if (mode === 'none') return field.name
  const name = field.metadata['delta.columnMapping.physicalName']
  if (typeof name === 'string' && name !== '') return name
  throw new DeltaError(
    'invalid_log',
    `column ${field.name} should have a physical name: the table maps columns by ${mode}`,
  )
}

/** A column of a data file. `id` is Parquet's `field_id`. */
export interface FileColumn {
  name: string
  id: number | undefined
}

/**
 * Which column of a data file holds a field: in mode `id` by field id, else by physical name, whatever its case (files of
 * converted tables); `undefined`: none, all null. Throws `invalid_log` for a file without any ids in mode `id`, and for one
 * with several columns of the name.
 */
export function fileColumn<C extends FileColumn>(
  field: StructField,
  columns: readonly C[],
  mode: ColumnMappingMode,
): C | undefined {
  if (mode !== 'id') {
    const name = physicalName(field, mode)
    return columns.find((column) => column.name === name) ?? otherCase(name, columns)
  }
  const id = field.metadata['delta.columnMapping.id']
  if (typeof id !== 'number')
    throw new DeltaError('invalid_log', `column ${field.name} should have an id: the table maps columns by id`)
  if (columns.length > 0 && columns.every((column) => column.id === undefined))
    throw new DeltaError('invalid_log', `a data file has no field ids, and the table maps columns by id`)
  return columns.find((column) => column.id === id)
}

function otherCase<C extends FileColumn>(name: string, columns: readonly C[]): C | undefined {
  const lower = name.toLowerCase()
  const [found, second] = columns.filter((column) => column.name.toLowerCase() === lower)
  if (second)
    throw new DeltaError('invalid_log', `a data file has columns ${found?.name} and ${second.name}: which is ${name}?`)
  return found
}
