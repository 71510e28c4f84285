import { Readable } from 'node:stream'
import { GetObjectCommand, type GetObjectCommandOutput, type S3Client } from '@aws-sdk/client-s3'
import type { ByteRange } from '../object-store.ts'
import { ObjectStoreError } from '../object-store.ts'
import type { S3Connection } from './connection.ts'
import { isTransient, statusOf } from './s3-error.ts'

/** An object whose answer has begun. */
export interface OpenedObject {
  etag: string
  body: Readable
  /** Bytes that will come. */
  size: number
}

/** Asks for an object, or a range of it. Rejects with what the SDK throws. */
export async function openObject(
  client: S3Client,
  object: { Bucket: string; Key: string },
  range?: ByteRange,
  etag?: string,
): Promise<OpenedObject> {
  const answer: GetObjectCommandOutput = await client.send(
    new GetObjectCommand({
      ...object,
      ...(range ? { Range: `bytes=${range.start}-${range.end ?? ''}` } : {}),
      ...(etag ? { IfMatch: etag } : {}),
    }),
  )
  if (!(answer.Body instanceof Readable)) throw new ObjectStoreError('failed', `no body came for ${object.Key}`)
  return { etag: answer.ETag ?? '', body: answer.Body, size: answer.ContentLength ?? 0 }
}

/**
 * The bytes of an opened object to the end; where the answer is cut, the rest is asked for, of the same content.
 * @throws ObjectStoreError `failed` and retryable if the object was replaced meanwhile
 */
export async function* resumedRead(
  connection: S3Connection,
  key: string,
  object: { Bucket: string; Key: string },
  first: OpenedObject,
  range: ByteRange = { start: 0 },
): AsyncGenerator<Uint8Array> {
  let { body } = first
  let left = first.size
  let at = range.start
  try {
    while (true) {
      try {
        for await (const chunk of body) {
          left -= chunk.length
          at += chunk.length
          yield chunk
        }
        if (left <= 0) return
      } catch (error) {
        if (left <= 0) return
        if (!isTransient(error)) throw connection.failed(`reading ${key}`, error)
      }
      const rest = { start: at, end: at + left - 1 }
      body = (
        await connection.call(`reading ${key}`, () => openObject(connection.reads, object, rest, first.etag), {
          own: wasReplaced,
        })
      ).body
    }
  } catch (error) {
    if (!wasReplaced(error)) throw error
    throw new ObjectStoreError('failed', `${key} was replaced or deleted while it was being read; read it again`, {
      cause: error,
      retryable: true,
    })
  } finally {
    body.destroy()
  }
}

const wasReplaced = (error: unknown) => statusOf(error) === 412 || statusOf(error) === 404
