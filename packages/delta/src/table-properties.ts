import type { Metadata } from './actions.ts'

const DAY_MS = 86_400_000
const UNIT_MS: ReadonlyMap<string, number> = new Map([
  ['microsecond', 0.001],
  ['millisecond', 1],
  ['second', 1_000],
  ['minute', 60_000],
  ['hour', 3_600_000],
  ['day', DAY_MS],
  ['week', 7 * DAY_MS],
])

/** The table's properties that the log itself obeys, with Delta's defaults. Unreadable values count as not set. */
export interface TableProperties {
  appendOnly: boolean
  changeDataFeed: boolean
  inCommitTimestamps: boolean
  columnMappingMode: 'none' | 'name' | 'id'
  /** How long removed files stay readable. */
  deletedFileRetention_ms: number
  /** How long log entries stay. */
  logRetention_ms: number
  /** After this long without an update a `txn` is forgotten at a checkpoint; `undefined`: never. */
  transactionRetention_ms: number | undefined
  /** A checkpoint every so many versions. */
  checkpointInterval: number
  writeStatsAsJson: boolean
  /** At most this many leading columns get statistics; -1: all. */
  dataSkippingNumIndexedCols: number
}

export function tableProperties(metadata: Pick<Metadata, 'configuration'>): TableProperties {
  const properties = metadata.configuration
  const flag = (name: string, fallback: boolean) => {
    const value = properties[`delta.${name}`]?.toLowerCase()
    return value === 'true' || (value !== 'false' && fallback)
  }
  const count = (name: string, fallback: number, least: number) => {
    const value = Number(properties[`delta.${name}`] ?? Number.NaN)
    return Number.isSafeInteger(value) && value >= least ? value : fallback
  }
  const mode = properties['delta.columnMapping.mode']?.toLowerCase()
  return {
    appendOnly: flag('appendOnly', false),
    changeDataFeed: flag('enableChangeDataFeed', false),
    inCommitTimestamps: flag('enableInCommitTimestamps', false),
    columnMappingMode: mode === 'name' || mode === 'id' ? mode : 'none',
    deletedFileRetention_ms: interval(properties['delta.deletedFileRetentionDuration']) ?? 7 * DAY_MS,
    logRetention_ms: interval(properties['delta.logRetentionDuration']) ?? 30 * DAY_MS,
    transactionRetention_ms: interval(properties['delta.setTransactionRetentionDuration']),
    checkpointInterval: count('checkpointInterval', 10, 1),
    writeStatsAsJson: flag('checkpoint.writeStatsAsJson', true),
    dataSkippingNumIndexedCols: count('dataSkippingNumIndexedCols', 32, -1),
  }
}

/** Milliseconds of `interval 1 week`, `interval 30 days 12 hours`; months and years have no fixed length and are refused. */
function interval(text: string | undefined): number | undefined {
  const words =
    text
      ?.trim()
      .toLowerCase()
      .replace(/^interval\s+/, '')
      .split(/\s+/) ?? []
  if (words.length < 2 || words.length % 2 === 1) return undefined
  let total = 0
  for (let at = 0; at < words.length; at += 2) {
    const amount = Number(words[at])
    const unit = UNIT_MS.get((words[at + 1] ?? '').replace(/s$/, ''))
    if (!Number.isFinite(amount) || unit === undefined) return undefined
    total += amount * unit
  }
  return Math.max(0, Math.floor(total))
}
