import { literalList } from '../duckdb/sql-text.ts'

/**
 * Just these files, as what DuckDB's `read_…` functions read: it takes `*`, `?` and `[` in a path for a pattern, and in
 * brackets they stand for themselves.
 */
export function fileList(paths: readonly string[]): string {
  return literalList(paths.map((path) => path.replace(/[*?[]/g, '[$&]')))
}
