import { cpus } from 'node:os'
import type { Keyed, NewestHour, Streamed, Versions } from './measured.ts'

export interface Measured {
  /** The folder, in words. */
  place: string
  hours: number
  streamed: Streamed
  hour: NewestHour
  versions: Versions
  keyed: Record<'recent' | 'uniform', Keyed>
}

const number = (value: number) => Math.round(value).toLocaleString('en')
const mb = (bytes: number) => `${number(bytes / 1e6)} MB`

export function report({ place, hours, streamed, hour, versions, keyed }: Measured): string {
  const { recent, uniform } = keyed
  const log_a_version = streamed.log_bytes / streamed.versions
  return `# A long life

Written by \`node bench/long-life/run.ts\` on ${cpus().length} cores, Node ${process.versions.node}. Lake tables, DuckDB and maintenance are the ones that
the transformer uses, at their defaults; DuckDB may hold 200 MB. Objects lie in ${place}.

## A day of a commit a second

${number(hours)} hours of 100 rows a second, a commit each second, a round of maintenance each other second; log entries and removed files
are kept for an hour. The clock is simulated (ages of objects too), everything else is real: ${number(streamed.commits)} commits and ${number(streamed.compactions)}
compactions took ${number(streamed.took_seconds)} s, ${number(streamed.maintenance_seconds)} s of them maintenance.

| | wanted | measured |
|---|---|---|
| versions | ${number(hours * 3_600)} | ${number(streamed.versions)} |
| live files at the end (most at any time) | at most 100 | **${streamed.live_files}** (${streamed.most_files}), ${mb(streamed.live_bytes)}, ${number(streamed.rows)} rows |
| opening the table and reading its newest hour, in a new process | below 150 ms | **${number(hour.open_ms + hour.read_ms)} ms** (${number(hour.open_ms)} + ${number(hour.read_ms)}), ${number(hour.rows)} rows; again ${number(hour.again_ms)} ms |
| objects of the log | bounded by retention | **${number(streamed.log_objects)}**: an hour of versions, ten minutes until the next clean-up, checkpoints |
| objects of data | bounded by retention | ${number(streamed.data_objects)} |
| versions within retention that can be read | all | **${number(versions.readable)} of ${number(versions.opened)}** opened, spread evenly over all ${number(versions.within)}; rows of ${number(versions.counted)} counted${versions.wrong.length > 0 ? `; ${versions.wrong.join('; ')}` : ''} |
| write amplification | stated | **${((streamed.data_bytes - streamed.appended_bytes) / streamed.appended_bytes).toFixed(1)}** bytes rewritten for each byte appended, **${(streamed.data_bytes / streamed.live_bytes).toFixed(1)}** written for each one live |
| log | stated | ${number(log_a_version)} bytes a version, checkpoints included |
| peak of memory | | ${number(streamed.peak_mb)} MB |

Opening: the snapshot, with the modules loaded and DuckDB open, as in a service. Files of 100 rows take
${(streamed.appended_bytes / streamed.live_bytes).toFixed(1)} times the bytes of the same rows in large ones, hence the second figure of write amplification.

## A keyed table of ${number(uniform.rows)} rows

500 updates and 500 inserts a second, for ${number(uniform.seconds)} s. What arrives while a merge runs is merged by the next one, as the transformer does
it: a batch holds what has come since the last one.

| | wanted | recent keys | random keys |
|---|---|---|---|
| rows a second taken in | 1,000 | **${number(recent.rows_a_second)}** | **${number(uniform.rows_a_second)}** |
| from arrival to table, at worst | keeps up | ${recent.worst_lag_seconds.toFixed(1)} s | ${uniform.worst_lag_seconds.toFixed(1)} s |
| merges | | ${recent.merges} | ${uniform.merges} |
| a merge | | ${recent.merge_seconds.toFixed(2)} s, ${number(recent.merge_rows)} rows | ${uniform.merge_seconds.toFixed(2)} s, ${number(uniform.merge_rows)} rows |
| files a merge rewrites | those of its keys | ${recent.files_touched.toFixed(1)} of ${recent.files} | ${uniform.files_touched.toFixed(1)} of ${uniform.files} |
| bytes a merge writes | | ${mb(recent.bytes_rewritten)} of ${mb(recent.bytes)} | ${mb(uniform.bytes_rewritten)} of ${mb(uniform.bytes)} |
| live files at the end | | ${recent.live_files} | ${uniform.live_files} |
| peak of memory | below 500 MB | **${recent.peak_mb} MB** | **${uniform.peak_mb} MB** |

Recent keys: keys ascend, and what changes is no older than an hour, as with orders and subscriptions that have UUIDv7 or
ULIDs. Random keys: new keys fall anywhere and all rows change equally often, so that each merge has a key in
every file, and rewrites the table: the worst case of copy on write, which deletion vectors would spare and readers of
protocol 1 do not know.
`
}
