import { open } from 'node:fs/promises'
import { Problem } from './problem.ts'

/** The formats whose rows can become events. */
export type FileFormat = 'csv' | 'ndjson' | 'parquet'
export type FileCompression = 'none' | 'gzip' | 'zstd'

const by_content_type: ReadonlyMap<string, FileFormat> = new Map([
  ['text/csv', 'csv'],
  ['application/csv', 'csv'],
  ['text/tab-separated-values', 'csv'],
  ['application/x-ndjson', 'ndjson'],
  ['application/ndjson', 'ndjson'],
  ['application/jsonl', 'ndjson'],
  ['application/vnd.apache.parquet', 'parquet'],
])

const by_ending: ReadonlyMap<string, FileFormat> = new Map([
  ['csv', 'csv'],
  ['tsv', 'csv'],
  ['ndjson', 'ndjson'],
  ['jsonl', 'ndjson'],
  ['parquet', 'parquet'],
])

/** By the file's first bytes, its Content-Type, then the ending of its path. Throws a `Problem` (415). */
export async function fileFormat(
  file: string,
  path: string,
  content_type: string | undefined,
): Promise<{ format: FileFormat; compression: FileCompression }> {
  const magic = await firstBytes(file)
  if (magic === '50415231') return { format: 'parquet', compression: 'none' }
  const compression = magic.startsWith('1f8b') ? 'gzip' : magic === '28b52ffd' ? 'zstd' : 'none'
  const bare = path.toLowerCase().replace(/\.(gz|zst)$/, '')
  const format =
    by_content_type.get((content_type ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '') ??
    by_ending.get(bare.slice(bare.lastIndexOf('.') + 1))
  if (format !== undefined && format !== 'parquet') return { format, compression }
  throw new Problem(
    415,
    'unknown_file_format',
    'expected CSV, NDJSON or Parquet, by Content-Type or by the ending of the path; the file is kept, its rows are not loaded',
  )
}

async function firstBytes(file: string): Promise<string> {
  const handle = await open(file)
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(4), 0, 4, 0)
    return buffer.subarray(0, bytesRead).toString('hex')
  } finally {
    await handle.close()
  }
}
