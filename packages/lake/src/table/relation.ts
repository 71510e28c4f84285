import { identifier, literal } from '../duckdb/sql-text.ts'
import { type Column, sqlType } from './column-type.ts'
import { fileList } from './file-list.ts'

/**
 * What follows FROM to read Parquet files as a table: exactly these files, exactly these columns. A column that a file
 * lacks is NULL there, one that the table no longer has is skipped. Without files: no rows, the same columns.
 * `file_index` (place in `paths`) and `file_row_number` can be selected too, if there are files.
 */
export function parquetRelation(paths: readonly string[], columns: readonly Column[]): string {
  if (paths.length === 0)
    return `(SELECT ${columns.map(({ name, type }) => `NULL::${sqlType(type)} AS ${identifier(name)}`).join(', ')} WHERE false)`
  const schema = columns.map(
    ({ name, type }) =>
      `${literal(name)}: {name: ${literal(name)}, type: ${literal(sqlType(type))}, default_value: NULL}`,
  )
  return `read_parquet(${fileList(paths)}, schema = MAP {${schema.join(', ')}})`
}

/** The rows of a SELECT in its order with a table's columns: found by name, NULL where the SELECT lacks one. */
export function selectAs(select: string, columns: readonly Column[]): string {
  return `SELECT ${columns.map(({ name }) => identifier(name)).join(', ')}
    FROM (SELECT * FROM ${parquetRelation([], columns)} UNION ALL BY NAME (${select}))`
}
