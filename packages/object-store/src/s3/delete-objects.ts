import { DeleteObjectCommand, DeleteObjectsCommand } from '@aws-sdk/client-s3'
import { ObjectStoreError } from '../object-store.ts'
import type { S3Connection } from './connection.ts'

const KEYS_AT_ONCE = 1000
/** Errors of single keys that another request may not meet. */
const PASSING = new Set(['InternalError', 'SlowDown', 'ServiceUnavailable', 'OperationAborted'])

/** Deletes by the thousand; keys that XML cannot carry one by one. What is not there is no error. */
export async function deleteObjects(connection: S3Connection, keys: readonly string[]): Promise<void> {
  const { bucket } = connection
  const full = keys.map((key) => connection.fullKey(key))
  const plain = full.filter((key) => !NOT_FOR_XML.test(key))
  for (let at = 0; at < plain.length; at += KEYS_AT_ONCE) {
    const Objects = plain.slice(at, at + KEYS_AT_ONCE).map((Key) => ({ Key }))
    await connection.call('deleting', async (client) => {
      const { Errors = [] } = await client.send(
        new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects, Quiet: true } }),
      )
      const [first] = Errors
      if (first)
        throw new ObjectStoreError(
          first.Code === 'AccessDenied' ? 'access_denied' : 'failed',
          `${Errors.length} of ${Objects.length} objects of ${connection.location} could not be deleted, first ${first.Key}: ${first.Code}, ${first.Message}`,
          { retryable: PASSING.has(first.Code ?? '') },
        )
    })
  }
  for (const Key of full.filter((key) => NOT_FOR_XML.test(key)))
    await connection.call('deleting', (client) => client.send(new DeleteObjectCommand({ Bucket: bucket, Key })))
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const NOT_FOR_XML = /[\x00-\x1f\x7f\ufffe\uffff]/
