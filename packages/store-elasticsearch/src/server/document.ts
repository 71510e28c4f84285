import { createHash } from 'node:crypto'
import type { Refusal, RowChange } from '@sluice/store'

/** Elasticsearch's own limit of an `_id`. */
const ID_LIMIT_BYTES = 512
/** A keyword's value has at most 32,766 bytes. */
export const IDENTITY_LIMIT_BYTES = 32_000
/** A node takes no request that is larger than a tenth of its heap: this much with the smallest heap that is in use. */
export const DOCUMENT_LIMIT_BYTES = 16 * 1024 * 1024
const REASON_LIMIT_CHARACTERS = 1_000

/** Where a generation's progress lies. No identity has this id. */
export const PROGRESS_ID = '#progress'

/** A document as it is sent: an external version guards it against older ones. */
export interface VersionedDocument {
  id: string
  version: number
  /** One line of JSON. */
  json: string
}

/** The `_id` of an identity: itself, or its hash where Elasticsearch would not take it; the document keeps the identity. */
export function documentId(identity: string): string {
  const plain = identity !== '' && !identity.startsWith('#') && Buffer.byteLength(identity) <= ID_LIMIT_BYTES
  return plain ? identity : `#${createHash('sha256').update(identity).digest('base64url')}`
}

/** The document of a change; a deleted row leaves a tombstone, so that nothing older revives it. */
export function documentOf(change: RowChange): VersionedDocument {
  const { identity, version, row } = change
  if (change.op === 'delete')
    return versioned(identity, version, { _sluice: { ...sortable(identity), state: 'deleted' } })
  const document: Record<string, unknown> = {}
  for (const name in row) if (row[name] !== null) document[name] = row[name]
  document['_sluice'] = { identity, state: 'live' }
  return versioned(identity, version, document)
}

/** What stands in a refused row's place: why, and nothing of the row. */
export function refusedDocument(refusal: Refusal, version: number): VersionedDocument {
  return versioned(refusal.identity, version, {
    _sluice: { ...sortable(refusal.identity), state: 'refused', refusal },
  })
}

export function refusalOf(change: RowChange, reason: string): Refusal {
  const short = reason.length > REASON_LIMIT_CHARACTERS ? `${reason.slice(0, REASON_LIMIT_CHARACTERS)}…` : reason
  return { identity: change.identity, event_id: String(change.row['event_id'] ?? ''), reason: short }
}

/** Why a row is not even sent; undefined if it is. */
export function reasonNotToSend(change: RowChange, document: VersionedDocument): string | undefined {
  if (change.op === 'delete') return undefined
  const identity_bytes = Buffer.byteLength(change.identity)
  if (identity_bytes > IDENTITY_LIMIT_BYTES)
    return `the search store takes identities of at most ${IDENTITY_LIMIT_BYTES} bytes, this one has ${identity_bytes}`
  const bytes = Buffer.byteLength(document.json)
  return bytes > DOCUMENT_LIMIT_BYTES
    ? `the search store takes documents of at most ${DOCUMENT_LIMIT_BYTES} bytes, this row has ${bytes}`
    : undefined
}

/** What documents are ordered by: the identity, or its beginning and what tells it from others that begin so. */
export function sortable(identity: string): { identity: string; beyond: string } {
  if (Buffer.byteLength(identity) <= IDENTITY_LIMIT_BYTES) return { identity, beyond: '' }
  const beyond = createHash('sha256').update(identity).digest('hex')
  return { identity: beginningOf(identity), beyond }
}

/** As many whole characters as the limit takes. */
function beginningOf(identity: string): string {
  const bytes = Buffer.from(identity)
  let end = IDENTITY_LIMIT_BYTES
  // A byte 10xxxxxx goes on with a character.
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--
  return bytes.toString('utf8', 0, end)
}

const versioned = (identity: string, version: number, document: object): VersionedDocument => ({
  id: documentId(identity),
  version,
  json: JSON.stringify(document),
})
