import { AbortMultipartUploadCommand, ListMultipartUploadsCommand, type MultipartUpload } from '@aws-sdk/client-s3'
import type { S3Connection } from './connection.ts'
import { isMissing, statusOf } from './s3-error.ts'

/** At most so many are dropped below a prefix in one call. */
const MAX_ABORTS = 10_000
const NOT_IMPLEMENTED = 501

/**
 * Drops the parts of uploads below these prefixes that were begun before an instant: whoever began them was killed, and S3
 * keeps the parts, and bills them, for ever. A server that does it by itself (MinIO does after a day, and lists uploads by
 * their whole key only) has none to tell of.
 * @returns how many
 */
export async function dropStaleUploads(
  connection: S3Connection,
  before_ms: number,
  below: readonly string[],
): Promise<number> {
  let dropped = 0
  for (const prefix of below) dropped += await dropBelow(connection, before_ms, prefix)
  return dropped
}

async function dropBelow(connection: S3Connection, before_ms: number, prefix: string): Promise<number> {
  let dropped = 0
  for await (const { Key = '', UploadId, Initiated } of uploads(connection, prefix)) {
    if (!Initiated || Initiated.getTime() >= before_ms) continue
    const key = decodeURIComponent(Key.replaceAll('+', ' '))
    const abort = new AbortMultipartUploadCommand({ Bucket: connection.bucket, Key: key, UploadId })
    await connection
      .call(`dropping an upload of ${connection.keyOf(key)}`, (client) => client.send(abort), { own: isMissing })
      .catch((error: unknown) => {
        // Somebody else was quicker.
        if (!isMissing(error)) throw error
      })
    if (++dropped >= MAX_ABORTS) break
  }
  return dropped
}

async function* uploads(connection: S3Connection, prefix: string): AsyncGenerator<MultipartUpload> {
  let after: { KeyMarker?: string; UploadIdMarker?: string } = {}
  for (;;) {
    const list = new ListMultipartUploadsCommand({
      Bucket: connection.bucket,
      Prefix: connection.fullPrefix(prefix),
      EncodingType: 'url',
      ...after,
    })
    const page = await connection
      .call('listing uploads', (client) => client.send(list), { own: isNotKnown })
      .catch((error: unknown) => {
        if (isNotKnown(error)) return undefined
        throw error
      })
    yield* page?.Uploads ?? []
    if (!page?.IsTruncated) return
    after = {
      KeyMarker: page.NextKeyMarker && decodeURIComponent(page.NextKeyMarker.replaceAll('+', ' ')),
      UploadIdMarker: page.NextUploadIdMarker,
    }
  }
}

/** Servers that speak a part of S3 have nothing to list. */
const isNotKnown = (error: unknown) => statusOf(error) === NOT_IMPLEMENTED
