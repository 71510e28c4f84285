import { hash } from 'node:crypto'
import { uuidV7 } from './uuid-v7.ts'

/** Ids for events whose clients gave none. */
export type NewEventId = (index: number, text: string) => string

/** A UUIDv7 each: unique, and near each other in time order. */
export const freshEventId: NewEventId = () => uuidV7(Date.now())

/** The same request sent again gets the same ids, so that its events are repeats. */
export function idempotentEventId(api_key_name: string, idempotency_key: string): NewEventId {
  const prefix = `${api_key_name.length}:${api_key_name}${idempotency_key.length}:${idempotency_key}`
  return (index, text) => uuidFrom(`${prefix}${index}:${text}`)
}

/** The same file loaded again gets the same ids, row by row. */
export function fileRowEventId(file_sha256: string, row: number): string {
  return uuidFrom(`file:${file_sha256}:${row}`)
}

/** A UUIDv8 (RFC 9562, section 5.8) from the SHA-256 of a text. */
function uuidFrom(text: string): string {
  const hex = hash('sha256', text, 'hex')
  const variant = ((Number.parseInt(hex.charAt(16), 16) & 0x3) | 0x8).toString(16)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}
