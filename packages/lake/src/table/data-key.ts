import { DeltaError, dataFileKey } from '@sluice/delta'
import type { LakeTable } from './lake-table.ts'

/** Object key of an action's path; a path outside the table stands for itself: no object of the table has such a key. */
export function canonicalKey(table: LakeTable, path: string): string {
  try {
    return dataFileKey(table.root, path)
  } catch (error) {
    if (error instanceof DeltaError) return path
    throw error
  }
}
