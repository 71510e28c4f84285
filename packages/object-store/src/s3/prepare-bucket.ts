import { CreateBucketCommand, ListObjectsV2Command } from '@aws-sdk/client-s3'
import type { S3Connection } from './connection.ts'
import { nameOf } from './s3-error.ts'

const ALREADY_THERE = new Set(['BucketAlreadyOwnedByYou', 'BucketAlreadyExists'])

/** Finds out that the bucket is there and may be listed; makes it first if asked. Throws the one line to show. */
export async function prepareBucket(connection: S3Connection, create: boolean, within_ms: number): Promise<void> {
  const { bucket } = connection
  if (create)
    await connection
      .call(`making bucket ${bucket}`, (client) => client.send(new CreateBucketCommand({ Bucket: bucket })), {
        own: isThere,
        within_ms,
      })
      .catch((error: unknown) => {
        if (!isThere(error)) throw error
      })
  await connection.call(
    'listing',
    (client) =>
      client.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: connection.fullPrefix(''), MaxKeys: 1 })),
    { within_ms },
  )
}

const isThere = (error: unknown) => ALREADY_THERE.has(nameOf(error))
