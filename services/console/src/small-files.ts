import type { TableUse } from '@sluice/lake'
import { MAX_FILE_ROWS, targetBytes } from '@sluice/lake/table/lake-parts'

/** How many files compaction still merges: those that have neither half of the table's target nor half of the rows that a file takes. */
export function smallFiles(
  files: readonly { size: number; rows: number | null }[],
  use: Pick<TableUse, 'key' | 'target_bytes'> & { name: string },
): number {
  return files.filter(({ size, rows }) => size < targetBytes(use) / 2 && (rows ?? 0) < MAX_FILE_ROWS / 2).length
}
