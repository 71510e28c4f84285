import type { ObjectStore } from '@sluice/object-store'
import { z } from 'zod'
import { Problem } from './problem.ts'
import type { Upload } from './upload.ts'

const fileInfo = z.object({
  path: z.string(),
  key: z.string(),
  sha256: z.string(),
  size: z.number(),
  content_type: z.string(),
  source: z.string(),
  received_at: z.string(),
})

/** What is known of a file in the raw zone. */
export type FileInfo = z.infer<typeof fileInfo>

export const fileKey = (path: string): string => `files/${path}`
export const fileInfoKey = (path: string): string => `file-info/${path}`

/**
 * Keeps the upload for ever under its path. Raw history is never overwritten: the same bytes again change nothing,
 * other bytes are refused with a `Problem` (409). The info is written first, by one winner, and so decides.
 */
export async function keepFile(
  objects: ObjectStore,
  upload: Upload,
  given: Omit<FileInfo, 'key' | 'sha256' | 'size'>,
): Promise<FileInfo> {
  const info: FileInfo = { ...given, key: fileKey(given.path), sha256: upload.sha256, size: upload.size }
  const bytes = Buffer.from(JSON.stringify(info))
  const info_key = fileInfoKey(given.path)
  const outcome = await objects.putIfAbsent(info_key, bytes, { content_type: 'application/json' })
  if (outcome.kind === 'exists') {
    const known = await objects.get(info_key)
    const kept = known && fileInfo.parse(JSON.parse(Buffer.from(known).toString('utf8')))
    if (kept && kept.sha256 !== info.sha256) {
      throw new Problem(
        409,
        'file_exists',
        `expected a new path, or the same bytes: ${given.path} holds other bytes (SHA-256 ${kept.sha256})`,
      )
    }
  }
  if (outcome.kind === 'created' || (await objects.head(info.key)) === undefined)
    await objects.putFile(info.key, upload.path)
  return info
}
