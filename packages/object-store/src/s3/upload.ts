import { randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import { HeadObjectCommand } from '@aws-sdk/client-s3'
import { Upload } from '@aws-sdk/lib-storage'
import type { PutOptions } from '../object-store.ts'
import type { S3Connection } from './connection.ts'
import { statusOf } from './s3-error.ts'

const WRITE = 'sluice-write'
/** Parts of one upload that are held in memory and sent at the same time. */
const PARTS_AT_ONCE = 2

/**
 * Sends a stream in parts; the object appears when all have arrived. On any failure the parts are dropped, and what the
 * source threw is thrown.
 */
export async function uploadStream(
  connection: S3Connection,
  key: string,
  source: AsyncIterable<Uint8Array>,
  { content_type, part_bytes }: PutOptions & { part_bytes: number },
): Promise<{ etag: string; size: number }> {
  const write = randomUUID()
  const object = { Bucket: connection.bucket, Key: connection.fullKey(key) }
  let size = 0
  let broken: { error: unknown } | undefined
  async function* counted() {
    try {
      for await (const chunk of source) {
        size += chunk.length
        yield chunk
      }
    } catch (error) {
      broken = { error }
      throw error
    }
  }
  const body = Readable.from(counted(), { objectMode: false })
  try {
    const { ETag = '' } = await new Upload({
      client: connection.uploads,
      params: {
        ...object,
        Body: body,
        Metadata: { [WRITE]: write },
        ...(content_type ? { ContentType: content_type } : {}),
      },
      partSize: part_bytes,
      queueSize: PARTS_AT_ONCE,
    }).done()
    return { etag: ETag, size }
  } catch (error) {
    if (broken) throw broken.error
    const etag = statusOf(error) === 404 ? await etagOfWrite(connection, object, write) : undefined
    if (etag === undefined) throw connection.failed(`uploading ${key}`, error)
    return { etag, size }
  } finally {
    body.destroy()
  }
}

/** An upload that is not there any more when it is completed again may have been completed by the first request. */
async function etagOfWrite(
  connection: S3Connection,
  object: { Bucket: string; Key: string },
  write: string,
): Promise<string | undefined> {
  try {
    const { Metadata, ETag } = await connection.uploads.send(new HeadObjectCommand(object))
    return Metadata?.[WRITE] === write ? ETag : undefined
  } catch {
    // The upload's own error tells more than that of looking for it.
    return undefined
  }
}
