import { setTimeout as pause } from 'node:timers/promises'
import { type Client, errors } from '@elastic/elasticsearch'
import { StoreError } from '@sluice/store'
import type { VersionedDocument } from './document.ts'
import { type ErrorCause, reasonOf, refusedRequest } from './search-error.ts'

/** Documents and text of one request, and how many requests are under way at a time. */
const PART_DOCUMENTS = 1_000
const PART_CHARACTERS = 4 * 1024 * 1024
const PARTS_AT_ONCE = 2
/** What is busy is tried again this often before the runner takes over, with pauses that double from the first. */
const MOST_ATTEMPTS = 5
const FIRST_PAUSE_MS = 100

/** The generation was dropped: the table was forgotten, or its data is gone. */
export class IndexGone extends Error {}

/** Documents that Elasticsearch refuses for good, with its words. */
export type RefusedDocuments = Map<VersionedDocument, string>

/**
 * Writes documents into one index. Afterwards each is there in its version or a later one, or is refused.
 * @throws IndexGone, StoreError
 */
export async function writeDocuments(
  client: Client,
  index: string,
  documents: readonly VersionedDocument[],
): Promise<RefusedDocuments> {
  const refused: RefusedDocuments = new Map()
  const parts = partsOf(documents)
  const lane = async () => {
    try {
      for (let part = parts.shift(); part; part = parts.shift()) await writePart(client, index, part, refused)
    } catch (error) {
      parts.length = 0
      throw error
    }
  }
  // Nothing is under way any more when this throws.
  const ended = await Promise.allSettled(Array.from({ length: PARTS_AT_ONCE }, lane))
  for (const { status, ...end } of ended) if (status === 'rejected' && 'reason' in end) throw end.reason
  return refused
}

async function writePart(
  client: Client,
  index: string,
  documents: readonly VersionedDocument[],
  refused: RefusedDocuments,
): Promise<void> {
  let pending = documents
  for (let attempt = 1; ; attempt++) {
    const sent = await send(client, index, pending)
    if (sent.kind === 'too_large') return writeHalves(client, index, pending, refused)
    for (const [document, reason] of sent.refused) refused.set(document, reason)
    pending = [...sent.again, ...(await olderThanOurs(client, index, sent.conflicts))]
    if (pending.length === 0) return
    if (attempt === MOST_ATTEMPTS)
      throw new StoreError('busy', `Elasticsearch is busy: ${pending.length} documents were not taken: ${sent.busy}`, {
        retryable: true,
      })
    await pause(FIRST_PAUSE_MS * 2 ** (attempt - 1) * (0.5 + Math.random()))
  }
}

/** A proxy may take less than Elasticsearch does. */
async function writeHalves(
  client: Client,
  index: string,
  documents: readonly VersionedDocument[],
  refused: RefusedDocuments,
): Promise<void> {
  const [only] = documents
  if (documents.length === 1 && only) {
    const bytes = Buffer.byteLength(only.json)
    refused.set(only, `the request was too large for the server, with a document of ${bytes} bytes (413)`)
    return
  }
  const half = documents.length >> 1
  await writePart(client, index, documents.slice(0, half), refused)
  await writePart(client, index, documents.slice(half), refused)
}

interface Answers {
  kind: 'answered'
  refused: [VersionedDocument, string][]
  /** Elasticsearch had no room for them just now. */
  again: VersionedDocument[]
  /** Elasticsearch says that it has the version or a later one. */
  conflicts: VersionedDocument[]
  /** Why it had no room. */
  busy: string
}

interface Item {
  status?: number
  error?: ErrorCause
}

async function send(
  client: Client,
  index: string,
  documents: readonly VersionedDocument[],
): Promise<Answers | { kind: 'too_large' }> {
  const answers: Answers = { kind: 'answered', refused: [], again: [], conflicts: [], busy: 'a version conflict' }
  const items = await itemsOf(client, index, documents)
  if (items === 'too_large') return { kind: 'too_large' }
  if (items === 'busy') return { ...answers, again: [...documents], busy: 'the whole request was turned away (429)' }
  for (const [place, document] of documents.entries()) sort(answers, document, items[place] ?? {})
  return answers
}

async function itemsOf(
  client: Client,
  index: string,
  documents: readonly VersionedDocument[],
): Promise<Item[] | 'too_large' | 'busy'> {
  const operations: string[] = []
  for (const { id, version, json } of documents)
    operations.push(JSON.stringify({ index: { _id: id, version, version_type: 'external' } }), json)
  try {
    const { errors: some, items } = await client.bulk({
      index,
      operations,
      filter_path: ['errors', 'items.*.status', 'items.*.error'],
    })
    return some ? items.map((item) => item.index ?? {}) : []
  } catch (error) {
    if (!(error instanceof errors.ResponseError)) throw error
    if (error.statusCode === 413) return 'too_large'
    if (error.statusCode === 429) return 'busy'
    throw error
  }
}

function sort(answers: Answers, document: VersionedDocument, { status = 200, error }: Item): void {
  if (!error) return
  if (status === 409) answers.conflicts.push(document)
  else if (status === 429 || status >= 500) {
    answers.again.push(document)
    answers.busy = reasonOf(error)
  } else if (status === 404) throw new IndexGone(reasonOf(error))
  // A row has the columns of its table: one that the mapping lacks is no fault of the row.
  else if (status === 400 && error.type !== 'strict_dynamic_mapping_exception')
    answers.refused.push([document, reasonOf(error)])
  else throw refusedRequest(status, error)
}

/** Those of the documents whose stored version is below ours after all. */
async function olderThanOurs(
  client: Client,
  index: string,
  documents: readonly VersionedDocument[],
): Promise<VersionedDocument[]> {
  if (documents.length === 0) return []
  const { docs } = await client.mget({ index, ids: documents.map(({ id }) => id), _source: false })
  return documents.filter(({ version }, place) => {
    const held = docs[place]
    return !(held && '_version' in held && held._version !== undefined && held._version >= version)
  })
}

function partsOf(documents: readonly VersionedDocument[]): VersionedDocument[][] {
  const parts: VersionedDocument[][] = []
  let part: VersionedDocument[] = []
  let characters = 0
  for (const document of documents) {
    if (part.length === PART_DOCUMENTS || (part.length > 0 && characters + document.json.length > PART_CHARACTERS)) {
      parts.push(part)
      part = []
      characters = 0
    }
    part.push(document)
    characters += document.json.length
  }
  if (part.length > 0) parts.push(part)
  return parts
}
