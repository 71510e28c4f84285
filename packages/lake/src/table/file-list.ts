import { literalList } from '../duckdb/sql-text.ts'

/** Just these files, as what DuckDB's `read_…` functions read. */
export function fileList(paths: readonly string[]): string {
  return literalList(paths.map(filePattern))
}

/** DuckDB takes `*`, `?` and `[` in a path for a pattern; in brackets they stand for themselves. */
export const filePattern = (path: string): string => path.replace(/[*?[]/g, '[$&]')
