import { expect } from 'vitest'
import { Client } from '../pipeline/client.ts'
import { crowdBatch, firstToWork, Sender, workOf } from './crowd.ts'
import { type ServerLake, type ServiceProcess, SINKS } from './server-lake.ts'

/** The topic begins with four. */
const MORE_PARTITIONS = 7
const GROWN_WITHIN_MS = 60_000
/** A member's session and an ingest's lease last 15 s each. */
const TAKEN_OVER_WITHIN_MS = 90_000

export interface Many {
  lake: ServerLake
  console: Client
  /** The console asks the first one. */
  ingests: readonly ServiceProcess[]
  transformers: readonly ServiceProcess[]
  sinks: readonly ServiceProcess[]
}

/**
 * Many of each at work: partitions are added, the same ids come again at other partitions, and of each kind one process
 * is killed, and one stopped until others have taken its work, then continued. Everything is there once, everywhere.
 */
export async function manyOfEach({ lake, console, ingests, transformers, sinks }: Many): Promise<void> {
  const before = (await console.verify()).totals
  const clients = ingests.map(({ url }) => new Client(url))
  // Each has its own ingest, and others where that one is killed.
  const senders = clients.map((own, i) => new Sender([own, ...clients], (n) => crowdBatch(`crowd-${i}`, n)))
  const all = [...senders]
  try {
    await Promise.all([...ingests, ...transformers].map((service) => firstToWork([service])))

    const grown = await lake.start('ingest', { SLUICE_PARTITIONS: String(MORE_PARTITIONS) })
    // Whatever was acknowledged comes again, by an ingest that has more partitions to choose from.
    const repeats = new Sender([new Client(grown.url)], (n) => senders[n % 3]?.acknowledged[Math.floor(n / 3)])
    all.push(repeats)
    await expect
      .poll(() => partitionsOf(console), { timeout: GROWN_WITHIN_MS, interval: 500 })
      .toBeGreaterThanOrEqual(MORE_PARTITIONS)

    // Each is at work when it is stopped or killed.
    const [, stopped_transformer, killed_transformer] = await Promise.all(transformers.map((one) => firstToWork([one])))
    const [, stopped_ingest, killed_ingest] = await Promise.all(ingests.map((one) => firstToWork([one])))
    const victims = await Promise.all(SINKS.map((name) => firstToWork(sinks.filter((sink) => sink.name === name))))
    const stopped = [stopped_transformer, stopped_ingest, ...victims.slice(0, 2)]
    const killed = [killed_transformer, killed_ingest, ...victims.slice(2)]
    for (const service of stopped) service?.signal('SIGSTOP')
    await Promise.all(killed.map((service) => service?.end('SIGKILL')))
    const since = new Date().toISOString()

    const adopters = [...ingests, grown].filter((one) => one !== stopped_ingest && one !== killed_ingest)
    const wanted = { partitions: MORE_PARTITIONS, adopted: true }
    const takenOver = async () => ({
      partitions: await partitionsOf(console, since),
      adopted: (await sumOf(adopters.map((one) => workOf(one, 'adopted')))) >= 2,
    })
    await expect.poll(takenOver, { timeout: TAKEN_OVER_WITHIN_MS, interval: 500 }).toEqual(wanted)
    for (const service of stopped) service?.signal('SIGCONT')
    // It has lost its partitions, and gets some again.
    if (stopped_transformer) await firstToWork([stopped_transformer], TAKEN_OVER_WITHIN_MS)
  } finally {
    for (const service of [...ingests, ...transformers, ...sinks]) service.signal('SIGCONT')
    await Promise.all(all.map((sender) => sender.stop()))
  }
  await console.caughtUp()
  const ids = senders.flatMap(({ acknowledged }) => acknowledged.flat().map(({ event_id }) => event_id))
  const report = await console.verify()
  expect(report).toMatchObject({ ok: true, totals: { stored: before.stored + ids.length, quarantined: 0 } })
  expect(await storedIds(console)).toEqual(ids.sort())
  const receipts = report.totals.receipts - before.receipts
  const acknowledged = all.reduce((sum, sender) => sum + sender.receipts, 0)
  const in_doubt = all.reduce((sum, sender) => sum + sender.in_doubt, 0)
  const elsewhere = await idsAtTwoPartitions(console)
  process.stderr.write(
    `many of each: ${JSON.stringify({ stored: ids.length, receipts, acknowledged, in_doubt, elsewhere })}\n`,
  )
  expect(receipts).toBeGreaterThanOrEqual(acknowledged)
  expect(receipts).toBeLessThanOrEqual(acknowledged + in_doubt)
  expect(elsewhere).toBeGreaterThan(ids.length / 100)
}

/** Partitions whose records the ledger has decided: of all, or of what was received later. */
async function partitionsOf(console: Client, since = '2025-01-01T00:00:00Z'): Promise<number> {
  return numberOf(
    console,
    `SELECT count(DISTINCT log_partition) AS n FROM ledger
     WHERE starts_with(event_id, 'crowd-') AND received_at > TIMESTAMPTZ '${since}'`,
  )
}

const idsAtTwoPartitions = (console: Client) =>
  numberOf(
    console,
    `SELECT count(*) AS n FROM (SELECT event_id FROM ledger WHERE starts_with(event_id, 'crowd-')
     GROUP BY event_id HAVING count(DISTINCT log_partition) > 1)`,
  )

async function numberOf(console: Client, sql: string): Promise<number> {
  const [row] = await console.sql(sql)
  return Number(row?.['n'])
}

/** Each as often as it is stored. */
async function storedIds(console: Client): Promise<string[]> {
  const [row] = await console.sql(
    `SELECT string_agg(event_id, ' ') AS ids FROM ledger WHERE outcome = 'stored' AND starts_with(event_id, 'crowd-')`,
  )
  return String(row?.['ids']).split(' ').sort()
}

const sumOf = async (numbers: readonly Promise<number>[]): Promise<number> =>
  (await Promise.all(numbers)).reduce((sum, number) => sum + number, 0)
