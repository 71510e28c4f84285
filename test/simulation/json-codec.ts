import { batchOfRows, type ParquetCodec, type ParquetRow } from '@sluice/delta'

/** Checkpoints as JSON: their bytes are not what is tested here. */
export const jsonCodec: ParquetCodec = {
  async *read(file) {
    const rows: ParquetRow[] = JSON.parse(Buffer.from(await file.bytes()).toString('utf8'))
    yield batchOfRows(rows)
  },

  async write(_schema, rows) {
    return Buffer.from(JSON.stringify([...rows], (_, value) => (typeof value === 'bigint' ? Number(value) : value)))
  },
}
