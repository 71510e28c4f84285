import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** `<table>/delta` and `<table>/expected`; by default they lie beside the checkout. */
export const goldenFolder =
  process.env['SLUICE_DELTA_GOLDEN'] ?? fileURLToPath(new URL('../../../../shared/data/delta-golden', import.meta.url))

export const goldenTables = existsSync(goldenFolder)
  ? readdirSync(goldenFolder, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []))
  : []

export const noGoldenTables = `skipped: there are none at ${goldenFolder}; SLUICE_DELTA_GOLDEN says where they are`

/** Every Parquet file of their logs. */
export const checkpoints = goldenTables.flatMap((table) => {
  const log = join(goldenFolder, table, 'delta', '_delta_log')
  return readdirSync(log, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.parquet'))
    .map((name) => join(log, name))
})
export const noCheckpoints = checkpoints.length === 0 ? ` (${noGoldenTables})` : ''
