import { randomUUID } from 'node:crypto'
import { DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { ObjectStoreError } from '../object-store.ts'
import type { S3Connection } from './connection.ts'
import { statusOf } from './s3-error.ts'

const ROUNDS = 4
const WRITERS = 8

/**
 * Proves that the store keeps `If-None-Match: *` when writers race, and `If-Match`. Everything else rests on it.
 * @throws ObjectStoreError `no_conditional_put`
 */
export async function proveConditionalPut(connection: S3Connection): Promise<void> {
  const keys = Array.from({ length: ROUNDS }, () => connection.fullKey(`probe/${randomUUID()}`))
  try {
    for (const key of keys) await race(connection, key)
    const [key = ''] = keys
    if (await wins(connection, key, { IfMatch: '"00000000000000000000000000000000"' }))
      throw liar(connection, 'a put with If-Match and another ETag replaced the object')
  } finally {
    for (const Key of keys)
      await connection.call('cleaning up after the probe', (client) =>
        client.send(new DeleteObjectCommand({ Bucket: connection.bucket, Key })),
      )
  }
}

async function race(connection: S3Connection, key: string): Promise<void> {
  const winners = await Promise.all(Array.from({ length: WRITERS }, () => wins(connection, key, { IfNoneMatch: '*' })))
  const count = winners.filter(Boolean).length
  // A retry after a lost answer makes a winner look like a loser; nobody can look like a winner and be none.
  const late = await wins(connection, key, { IfNoneMatch: '*' })
  if (count > 1 || late)
    throw liar(
      connection,
      `${late ? 'a put with If-None-Match: * replaced an object' : `${count} of ${WRITERS} writers with If-None-Match: * were told that they won`}`,
    )
}

/** Whether the put was told that it succeeded. */
function wins(connection: S3Connection, Key: string, condition: { IfNoneMatch: string } | { IfMatch: string }) {
  // Stores without conditional puts either ignore the condition or answer 501 to it.
  const told = (error: unknown) => statusOf(error) === 412 || statusOf(error) === 501
  return connection
    .call(
      'probing the conditional put',
      async (client) => {
        await client.send(new PutObjectCommand({ Bucket: connection.bucket, Key, Body: randomUUID(), ...condition }))
        return true
      },
      { own: told },
    )
    .catch((error: unknown) => {
      if (told(error)) return statusOf(error) === 501
      throw error
    })
}

function liar({ location }: S3Connection, what: string): ObjectStoreError {
  return new ObjectStoreError(
    'no_conditional_put',
    `${location} cannot be used: ${what}. Use a store that keeps conditional puts: AWS S3, or MinIO of 2024-08 or later`,
  )
}
