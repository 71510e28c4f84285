import { expect } from 'vitest'
import type { Client } from '../pipeline/client.ts'
import type { SentEvent } from './load.ts'

const PLAIN = { viewing_log: 'viewing_history', system_metric: 'streaming_quality', click: 'clickstream' } as const
const KEYED = {
  movie: { table: 'movies', key: 'movie_id', time: 'updated_at' },
  subscription: { table: 'subscriptions', key: 'subscription_id', time: 'changed_at' },
  post: { table: 'posts', key: 'post_id', time: 'posted_at' },
  payment: { table: 'payments', key: 'payment_id', time: 'paid_at' },
} as const

const SHOWN = 10

/**
 * Compares a quiet lake with what was sent to it: the ledger has every acknowledged event once with its outcome and no
 * event that nobody sent; tables, quarantine and stores hold what follows from that; and verify says so too.
 */
export async function expectReconciled(client: Client, sent: ReadonlyMap<string, SentEvent>): Promise<void> {
  await client.caughtUp()
  const stored = await ledgerIsTrue(client, sent)
  await tablesAreTrue(client, stored)
  await storesAreTrue(client, stored)
  const report = await client.verify()
  expect(report.ok, JSON.stringify(report)).toBe(true)
  expect(report.raw.lines).toBe(report.totals.receipts)
}

/** @returns the events that are stored by the ledger */
async function ledgerIsTrue(client: Client, sent: ReadonlyMap<string, SentEvent>): Promise<SentEvent[]> {
  const rows = await client.sql(
    `SELECT event_id, count(*) AS receipts, count(*) FILTER (outcome = 'stored') AS stored,
      count(*) FILTER (outcome = 'quarantined') AS quarantined, count(DISTINCT raw_batch || '/' || raw_line) AS places
     FROM ledger GROUP BY event_id`,
  )
  const ledger = new Map(rows.map((row) => [String(row['event_id']), row]))
  const wrong: string[] = []
  for (const { event_id, expected, acknowledged, attempts } of sent.values()) {
    const row = ledger.get(event_id)
    const receipts = Number(row?.['receipts'] ?? 0)
    if (receipts < acknowledged || receipts > attempts)
      wrong.push(`${event_id}: ${receipts} receipts of ${acknowledged} acknowledged of ${attempts} sent`)
    if (!row) continue
    if (row['places'] !== row['receipts']) wrong.push(`${event_id}: a receipt twice`)
    if (
      row['stored'] !== (expected === 'stored' ? 1 : 0) ||
      row['quarantined'] !== (expected === 'quarantined' ? 1 : 0)
    )
      wrong.push(`${event_id}: expected ${expected}, ${JSON.stringify(row)}`)
  }
  for (const event_id of ledger.keys()) if (!sent.has(event_id)) wrong.push(`${event_id}: nobody sent it`)
  expect(wrong.slice(0, SHOWN), `${wrong.length} wrong`).toEqual([])
  return [...sent.values()].filter(({ event_id, expected }) => expected === 'stored' && ledger.has(event_id))
}

async function tablesAreTrue(client: Client, stored: readonly SentEvent[]): Promise<void> {
  for (const [type, table] of Object.entries(PLAIN)) {
    const rows = await client.sql(`SELECT event_id FROM ${table} ORDER BY 1`)
    expect(rows.map(({ event_id }) => event_id)).toEqual(idsOf(stored.filter(({ event }) => event['type'] === type)))
  }
  for (const [type, { table, key, time }] of Object.entries(KEYED)) {
    const rows = await client.sql(`SELECT event_id FROM ${table} ORDER BY 1`)
    expect(rows.map(({ event_id }) => event_id)).toEqual(idsOf(newest(stored, type, key, time)))
  }
}

async function storesAreTrue(client: Client, stored: readonly SentEvent[]): Promise<void> {
  const views = stored.filter(({ event }) => event['type'] === 'viewing_log')
  for (const user_id of new Set(views.slice(0, 50).map(({ event }) => String(event['user_id'])))) {
    const wanted = counted(
      views.filter(({ event }) => event['user_id'] === user_id).map(({ event }) => String(event['movie_id'])),
    )
    const rows = await client.ask('watched-by-user', { user_id, limit: 1000 })
    expect(Object.fromEntries(rows.map(({ movie_id, views }) => [movie_id, views]))).toEqual(wanted)
  }
  const { table: _, key, time } = KEYED.subscription
  const states = counted(newest(stored, 'subscription', key, time).map(({ event }) => String(event['status'])))
  const answered = await client.ask('subscription-status')
  expect(Object.fromEntries(answered.map(({ status, subscriptions }) => [status, subscriptions]))).toEqual(states)
  const posts = newest(stored, 'post', KEYED.post.key, KEYED.post.time)
  const found = await client.ask('posts-about', { text: 'Loved', limit: 100_000 })
  expect(found.map(({ post_id }) => post_id).sort()).toEqual(posts.map(({ event }) => event['post_id']).sort())
  const trend = await client.ask('buffering-trend', { region: 'India', to: '2025-10-15', days: 60 })
  const buffered = stored.filter(({ event }) => event['type'] === 'system_metric' && event['region'] === 'India')
  expect(trend.reduce((sum, { buffering_count }) => sum + Number(buffering_count), 0)).toBe(
    buffered.reduce((sum, { event }) => sum + Number(event['buffering_count']), 0),
  )
}

/** The newest event of each key, by time, then by the bytes of the id. */
function newest(stored: readonly SentEvent[], type: string, key: string, time: string): SentEvent[] {
  const kept = new Map<unknown, SentEvent>()
  for (const sent of stored) {
    if (sent.event['type'] !== type) continue
    const other = kept.get(sent.event[key])
    const order = String(sent.event[time]) < String(other?.event[time])
    if (!other || !(order || (sent.event[time] === other.event[time] && sent.event_id < other.event_id)))
      kept.set(sent.event[key], sent)
  }
  return [...kept.values()]
}

const idsOf = (events: readonly SentEvent[]) => events.map(({ event_id }) => event_id).sort()

function counted(values: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1
  return counts
}
