import { afterAll, beforeAll, expect, it } from 'vitest'
import { Client } from '../pipeline/client.ts'
import type { AllServers } from './all-endpoints.ts'
import { crowdBatch, Sender } from './crowd.ts'
import { cutTopics, deleteTopics, makeTopics } from './kafka-topics.ts'
import { KeptRunning } from './kept-running.ts'
import { ServerLake, SINKS } from './server-lake.ts'

const TOPICS = 'sluice.events.'
const ANOTHER_LIFE_WITHIN_MS = 60_000

/** A log that loses records under running services, which are started again as Compose does: it is filled from raw. */
export function lostLog({ settings }: AllServers): void {
  const brokers = settings['SLUICE_KAFKA_BROKERS'] ?? ''
  const services: KeptRunning[] = []
  let lake: ServerLake
  let console: Client
  let ingest: Client
  let transformer: KeptRunning
  /** Of all senders so far. */
  let receipts = 0
  let in_doubt = 0
  const ids: string[] = []

  beforeAll(async () => {
    await deleteTopics(brokers, TOPICS)
    lake = await ServerLake.create(settings)
    const begin = async (name: Parameters<typeof KeptRunning.start>[1], more = {}) => {
      const kept = await KeptRunning.start(lake, name, more)
      services.push(kept)
      return kept
    }
    ingest = new Client((await begin('ingest')).url)
    const [first] = await Promise.all([begin('transformer'), ...SINKS.map((sink) => begin(sink))])
    transformer = first
    console = new Client((await begin('console', { SLUICE_INGEST_URL: ingest.url })).url)
  })
  afterAll(async () => {
    await Promise.all(services.map((service) => service.stop()))
    await lake?.stop()
  })

  /** Runs `losing` under load, and waits for another life of the log, in which all is there that was acknowledged. */
  async function loses(name: string, losing: (load: Sender) => Promise<void>): Promise<void> {
    const starts = services.map((service) => service.starts)
    const load = new Sender([ingest], (number) => crowdBatch(name, number))
    try {
      await expect.poll(() => load.receipts, { timeout: 20_000 }).toBeGreaterThan(100)
      await losing(load)
      // The one that finds the loss ends the log's life, and each process begins anew.
      const again = () => services.filter(({ starts: now }, i) => now <= (starts[i] ?? 0)).map((one) => one.name)
      await expect.poll(again, { timeout: ANOTHER_LIFE_WITHIN_MS, interval: 500 }).toEqual([])
    } finally {
      await load.stop()
    }
    receipts += load.receipts
    in_doubt += load.in_doubt
    ids.push(...load.acknowledged.flat().map(({ event_id }) => event_id))
    await expect.poll(() => caughtUp(), { timeout: 100_000, interval: 500 }).toBe(true)
    const report = await console.verify()
    expect(report).toMatchObject({ ok: true, totals: { stored: ids.length, quarantined: 0 } })
    process.stderr.write(`${name}: ${JSON.stringify({ ...report.totals, receipts_sent: receipts, in_doubt })}\n`)
    expect(report.totals.receipts).toBeGreaterThanOrEqual(receipts)
    expect(report.totals.receipts).toBeLessThanOrEqual(receipts + in_doubt)
  }

  /** A console that has just ended answers nobody. */
  const caughtUp = () =>
    console.call('GET', '/v1/status').then(
      (answer) => answer.status === 200 && answer.json().caught_up === true,
      () => false,
    )

  it('a topic that is deleted and made anew under load, under its own name', async () => {
    await loses('recreated', async () => {
      const names = await deleteTopics(brokers, TOPICS)
      expect(names).toHaveLength(1)
      await makeTopics(brokers, names, 4)
    })
  })

  it('a topic that is cut off under load, before what it held became rows', async () => {
    await loses('truncated', async (load) => {
      transformer.signal('SIGSTOP')
      const before = load.receipts
      await expect.poll(() => load.receipts, { timeout: 20_000 }).toBeGreaterThan(before + 200)
      await cutTopics(brokers, TOPICS)
      transformer.signal('SIGCONT')
    })
  })
}
