import type { EventLog } from '@sluice/event-log'
import { EVENTS_TOPIC, type RawLine } from '@sluice/events'
import { type Lake, offsetTxn, queryTuples } from '@sluice/lake'
import type { RawZone } from '@sluice/raw-zone'

export interface LostRecordsParts {
  log: EventLog
  log_epoch: string
  lake: Lake
  rawZone: RawZone
}

/** One raw batch, which went to the log in one piece, by its first line. */
interface Published {
  batch_id: string
  event_id: string
}

const POLL_RECORDS = 10_000
const POLL_BYTES = 32 * 1024 ** 2

/**
 * Whether the log ends before what it has taken: its files were cut off or replaced behind our back. What it loses is
 * its end, and an incarnation's batches come to it in their order. So nothing is lost if each partition reaches as far
 * as the ledger has decided, and the newest published batch of each incarnation is there or decided.
 * @returns what is missing
 */
export async function lostRecords(parts: LostRecordsParts): Promise<string | undefined> {
  const { log, log_epoch, lake } = parts
  const view = lake.ledger.view()
  for (const { partition, end } of await log.offsets(EVENTS_TOPIC)) {
    const decided = BigInt(Math.max(0, view.txn(offsetTxn(log_epoch, partition))))
    if (decided > end) return `partition ${partition} ends at ${end}, and was decided up to ${decided}`
  }
  const undecided: Published[] = []
  for (const published of await newestPublished(parts.rawZone))
    if (!(await isDecided(published, lake))) undecided.push(published)
  const missing = undecided.length > 0 ? await notInLog(undecided, parts) : []
  const [first] = missing
  return first && `raw batch ${first} was published, and is neither there nor decided`
}

/** By incarnation: of those that did not end, and of the newest one, which may have ended with records undecided. */
async function newestPublished(rawZone: RawZone): Promise<Published[]> {
  const marks = new Map((await rawZone.unfinished()).map(({ incarnation, published }) => [incarnation, published]))
  const newest = (await rawZone.heads()).sort((a, b) => (a.incarnation < b.incarnation ? -1 : 1)).at(-1)
  if (newest && !marks.has(newest.incarnation)) marks.set(newest.incarnation, newest.head)
  const found: Published[] = []
  for (const [incarnation, mark] of marks)
    for (let number = mark; number > 0; number--) {
      const batch = await rawZone.batch(incarnation, number)
      const line = batch && firstLine(batch.bytes)
      if (!batch || line === undefined) continue
      found.push({ batch_id: batch.batch_id, event_id: line.event_id })
      break
    }
  return found
}

function firstLine(bytes: Uint8Array): RawLine | undefined {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const end = text.indexOf('\n')
  return end > 0 ? JSON.parse(text.toString('utf8', 0, end)) : undefined
}

async function isDecided({ batch_id, event_id }: Published, { ledger, parts }: Lake): Promise<boolean> {
  const view = ledger.view()
  if (view.rowCount() === 0) return false
  const relation = await view.relation()
  const rows = await parts.database.withConnection((connection) =>
    queryTuples(
      connection,
      `SELECT 1 FROM ${relation} WHERE id_hash = (md5_number_lower($event_id)::BIT)::BIGINT AND event_id = $event_id AND raw_batch = $batch_id LIMIT 1`,
      { event_id, batch_id },
    ),
  )
  return rows.length > 0
}

/** Reads what is undecided, and no further than needed. */
async function notInLog(wanted: readonly Published[], { log, log_epoch, lake }: LostRecordsParts): Promise<string[]> {
  const missing = new Map(wanted.map(({ batch_id }) => [batch_id, Buffer.from(`{"batch":"${batch_id}",`)]))
  const view = lake.ledger.view()
  const ends = await log.offsets(EVENTS_TOPIC)
  const from = new Map(
    ends.map(({ partition, earliest }) => {
      const decided = BigInt(Math.max(0, view.txn(offsetTxn(log_epoch, partition))))
      return [partition, decided > earliest ? decided : earliest]
    }),
  )
  const consumer = await log.consumer({ topic: EVENTS_TOPIC, startFrom: async () => from })
  try {
    while (missing.size > 0) {
      const { records } = await consumer.poll({ max_records: POLL_RECORDS, max_bytes: POLL_BYTES, max_wait_ms: 0 })
      if (records.length === 0) break
      for (const { value } of records)
        for (const [batch_id, prefix] of missing)
          if (prefix.compare(value, 0, prefix.length) === 0) missing.delete(batch_id)
    }
    return [...missing.keys()]
  } finally {
    await consumer.close()
  }
}
