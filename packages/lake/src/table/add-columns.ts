import { fieldNamed } from '@sluice/delta'
import { type Column, schemaOf } from './column-type.ts'
import { LakeError } from './lake-error.ts'
import type { LakeTable } from './lake-table.ts'
import { requireFreeNames } from './plain-table.ts'
import { type WriteOptions, type WriteOutcome, write } from './write-outcome.ts'

/**
 * Adds the columns that the table lacks, after those it has; they are NULL in rows written before.
 * Throws `column_conflict` for one that is there with another type or another case, and `unsupported` for a taken name.
 */
export async function addColumns(
  table: LakeTable,
  columns: readonly Column[],
  options: WriteOptions,
): Promise<WriteOutcome> {
  requireFreeNames(table.name, columns)
  return write(table, options, async ({ schema, metadata }) => {
    const missing = columns.filter((column) => {
      const there = fieldNamed(schema, column.name)
      if (there && (there.name !== column.name || JSON.stringify(there.type) !== JSON.stringify(column.type)))
        throw new LakeError(
          'column_conflict',
          `table ${table.name}: column ${column.name} should be ${JSON.stringify(column.type)} and is there as ${there.name} ${JSON.stringify(there.type)}; choose another name`,
        )
      return !there
    })
    if (missing.length === 0) return undefined
    const fields = [...schema.fields, ...schemaOf(missing).fields]
    return {
      actions: [{ metaData: { ...metadata, schemaString: JSON.stringify({ type: 'struct', fields }) } }],
      operation: 'ADD COLUMNS',
      parameters: { columns: missing },
      reads: { kind: 'nothing' },
      rows: { inserted: 0, updated: 0, deleted: 0 },
      written: [],
    }
  })
}
