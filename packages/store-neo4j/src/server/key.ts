import { createHash } from 'node:crypto'

/** A key of a range index ends at 8,164 bytes. */
const KEY_LIMIT_BYTES = 8_000

/**
 * What a row or edge of a table is found by: `table|identity`, which orders by the identity's UTF-8 bytes. One that is
 * too long for the index ends in its hash; it is longer than any other, so that no two are the same.
 */
export function keyOf(table: string, identity: string): string {
  const key = `${table}|${identity}`
  const bytes = Buffer.from(key)
  if (bytes.length <= KEY_LIMIT_BYTES) return key
  let end = KEY_LIMIT_BYTES
  // A byte 10xxxxxx goes on with a character.
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end--
  return `${bytes.toString('utf8', 0, end)}#${createHash('sha256').update(key).digest('base64url')}`
}

/** Bounds of a table's keys, both outside of it: `{`, `|` and `}` follow each other, and no table has one in its name. */
export const keysOf = (table: string): { before: string; end: string } => ({ before: `${table}{`, end: `${table}}` })

/** The identity in a key that was not too long. */
export const identityIn = (table: string, key: string): string => key.slice(table.length + 1)
