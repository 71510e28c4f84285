import { addOf, partitionValuesOf, type Source } from './action-json.ts'
import type { AddFile } from './actions.ts'
import type { ParquetBatch, ParquetRow, ParquetValues } from './parquet-codec.ts'
import { statsFromStruct } from './parsed-stats.ts'

/** Members of a struct column, by name. */
export type Members = Readonly<Record<string, ParquetValues>>

const NONE: ParquetValues = []
/** What most files have; a file with more is read as any other action is. */
const USUAL = ['path', 'partitionValues', 'size', 'modificationTime', 'dataChange', 'stats']

/**
 * The files of a batch of a checkpoint: its column `add` (PROTOCOL.md, Checkpoint Schema), of which there may be 100,000,
 * read without another object a row. Throws `invalid_log`.
 */
export function addsOf(members: Members, rows: number, at: Source): AddFile[] {
  const adds: AddFile[] = []
  const { path = NONE, partitionValues = NONE, size = NONE, modificationTime = NONE, dataChange = NONE } = members
  const stats = members['stats'] ?? NONE
  const unusual = Object.keys(members).some((name) => !USUAL.includes(name) && members[name]?.some(isThere))
  for (let row = 0; row < rows; row++) {
    const name = path[row]
    if (!isThere(name)) continue
    const [bytes, modified, text] = [size[row], modificationTime[row], stats[row]]
    if (unusual || !isText(name) || !isText(text) || !isInteger(bytes) || !isInteger(modified)) {
      adds.push(addOf(structAt(members, row), at))
      continue
    }
    adds.push({
      path: name,
      partitionValues: partitionValuesOf(partitionValues[row], at) ?? {},
      size: bytes,
      modificationTime: modified,
      dataChange: dataChange[row] !== false,
      stats: text,
    })
  }
  return adds
}

export const isMembers = (column: ParquetBatch['columns'][string] | undefined): column is Members =>
  column !== undefined && !Array.isArray(column)

function structAt(members: Members, row: number): ParquetRow {
  const struct = Object.fromEntries(Object.entries(members).map(([name, values]) => [name, values[row]]))
  return isThere(struct['stats']) ? struct : { ...struct, stats: statsFromStruct(struct['stats_parsed']) }
}

const isThere = (value: unknown) => value !== null && value !== undefined
const isText = (value: unknown): value is string => typeof value === 'string' && value !== ''
const isInteger = (value: unknown): value is number => Number.isSafeInteger(value)
