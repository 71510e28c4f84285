import { randomUUID } from 'node:crypto'
import { HeadObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import type { PutOptions } from '../object-store.ts'
import type { S3Connection } from './connection.ts'
import { isMissing, statusOf } from './s3-error.ts'

/** Name of the metadata that tells whose write an object is. */
const WRITE = 'sluice-write'

/**
 * A put with a condition. Any attempt may have had its effect though its answer was lost (by us, or by a proxy that
 * sent it twice), so "the condition does not hold" is believed only after a look at whose write the object is.
 * @returns the ETag, or `undefined` if another write came first
 */
export async function conditionalPut(
  connection: S3Connection,
  key: string,
  bytes: Uint8Array,
  condition: { IfNoneMatch: '*' } | { IfMatch: string },
  { content_type }: PutOptions = {},
): Promise<{ etag: string } | undefined> {
  const write = randomUUID()
  const [Bucket, Key] = [connection.bucket, connection.fullKey(key)]
  try {
    return await connection.call(
      `putting ${key}`,
      async (client) => {
        const { ETag = '' } = await client.send(
          new PutObjectCommand({
            Bucket,
            Key,
            Body: bytes,
            Metadata: { [WRITE]: write },
            ...(content_type ? { ContentType: content_type } : {}),
            ...condition,
          }),
        )
        return { etag: ETag }
      },
      { own: doesNotHold },
    )
  } catch (error) {
    if (!doesNotHold(error)) throw error
    const { Metadata, ETag = '' } = await connection.call(`finding out who wrote ${key}`, (client) =>
      client.send(new HeadObjectCommand({ Bucket, Key })).catch((missing: unknown) => {
        if (isMissing(missing)) return { Metadata: undefined, ETag: undefined }
        throw missing
      }),
    )
    return Metadata?.[WRITE] === write ? { etag: ETag } : undefined
  }
}

/** 412; or 404, which is what `If-Match` gets where there is no object. */
function doesNotHold(error: unknown): boolean {
  return statusOf(error) === 412 || isMissing(error)
}
