import { afterAll, beforeAll, expect, it } from 'vitest'
import { Client } from '../pipeline/client.ts'
import { click, movie, view } from '../pipeline/world.ts'
import type { AllServers } from './all-endpoints.ts'
import { deleteTopics } from './kafka-topics.ts'
import { manyOfEach } from './many-of-each.ts'
import { ServerLake, type ServiceProcess, SINKS } from './server-lake.ts'

const at = (second: number) =>
  `2025-10-02T21:${String(10 + Math.floor(second / 60))}:${String(second % 60).padStart(2, '0')}Z`

/** A sink looks at what is wanted of it every 2 s. */
const PAUSED_WITHIN_MS = 30_000
/** What it waits for may by itself take more than 400 s: see the limits of `many-of-each.ts`, `firstToWork` and `caughtUp`. */
const MANY_OF_EACH_WITHIN_MS = 600_000

/** What the whole pipeline does on real servers that are there. */
export function goodDays({ settings }: AllServers): void {
  let lake: ServerLake
  let client: Client
  /** Stored events so far. */
  let seen = 0
  const ingests: ServiceProcess[] = []
  const transformers: ServiceProcess[] = []
  const sinks: ServiceProcess[] = []

  beforeAll(async () => {
    lake = await ServerLake.create(settings)
    ingests.push(await lake.start('ingest'))
    transformers.push(await lake.start('transformer'))
    for (const sink of SINKS) sinks.push(await lake.start(sink))
    const console = await lake.start('console', { SLUICE_INGEST_URL: ingests[0]?.url ?? '' })
    client = new Client(console.url)
  })
  afterAll(async () => {
    await lake?.stop()
  })

  it('takes the events of the brief to every store', async () => {
    const events = [
      view('v1', { user_id: 'u123', movie_id: 'm101' }),
      movie('m1', 'm101', 'Inception', at(0), {
        cast: ['Leonardo DiCaprio'],
        subtitles: 'dream bigger',
        related_to: ['m102'],
      }),
      movie('m2', 'm102', 'Interstellar', at(0)),
      {
        type: 'system_metric',
        event_id: 's1',
        region: 'Brief',
        movie_id: 'm101',
        buffering_count: 5,
        collected_at: at(0),
      },
      { type: 'post', event_id: 'p1', post_id: 'p999', user_id: 'u123', content: 'About Inception', media: ['a.mp4'] },
    ]
    const sent = await client.post(events, { query: 'wait=stores&timeout_ms=60000' })
    expect(sent.results.map(({ status }) => status)).toEqual(events.map(() => 'stored'))
    const rows = (name: string, query: Record<string, string>) => client.ask(name, query)
    expect(await rows('watched-by-user', { user_id: 'u123' })).toMatchObject([
      { movie_id: 'm101', title: 'Inception', views: 1 },
    ])
    expect(await rows('buffering-per-minute', { region: 'Brief', from: '2025-10-02', to: '2025-10-03' })).toMatchObject(
      [{ buffering_count: 5 }],
    )
    expect(await rows('movies-by-subtitle', { text: 'dream' })).toMatchObject([{ movie_id: 'm101' }])
    expect(await rows('posts-about', { text: 'Inception' })).toMatchObject([{ post_id: 'p999' }])
    expect(await rows('because-you-watched', { user_id: 'u123' })).toMatchObject([
      { movie_id: 'm102', because_of: 'm101' },
    ])
  })

  it('pauses, resumes and rebuilds a sink that runs in another process', async () => {
    const control = async (action: string) =>
      expect((await client.call('POST', `/v1/sinks/postgres/${action}`)).status).toBe(200)
    await control('pause')
    // The console tells what is wanted of a sink; the sink itself, what it does.
    await expect.poll(() => runningOf(sinks, 'sink-postgres'), { timeout: PAUSED_WITHIN_MS }).toEqual(['0'])
    const held = view('held')
    const { results } = await client.post([held], { query: 'wait=table&timeout_ms=60000' })
    expect(results[0]?.status).toBe('stored')
    expect((await client.trail(held.event_id)).sinks.postgres).toMatchObject({ status: 'pending' })
    await control('resume')
    await client.caughtUp()
    expect((await client.trail(held.event_id)).sinks.postgres).toMatchObject({ status: 'written' })
    await control('rebuild')
    await client.caughtUp()
    seen = (await client.verify()).totals.stored
    expect((await client.verify()).ok).toBe(true)
  })

  it('stays exact with many of each, repeats at both ingests, a killed and a paused transformer', async () => {
    ingests.push(await lake.start('ingest'), await lake.start('ingest'))
    transformers.push(await lake.start('transformer'), await lake.start('transformer'))
    for (const sink of SINKS) sinks.push(await lake.start(sink))
    const clients = ingests.map(({ url }) => new Client(url))
    const ids = Array.from({ length: 3_000 }, (_, i) => `many-${i}`)
    const eventOf = (id: string, i: number) =>
      i % 3 === 0
        ? {
            type: 'subscription',
            event_id: id,
            subscription_id: `s${i % 50}`,
            user_id: 'u1',
            plan: 'p',
            status: `st${i % 4}`,
            changed_at: at(i),
          }
        : i % 3 === 1
          ? view(id, { user_id: `u${i % 20}`, movie_id: `m${i % 30}` })
          : click(id)
    const send = async (client: Client, from: number, to: number) => {
      for (let i = from; i < to; i += 100) {
        const part = ids.slice(i, i + 100).map((id, n) => eventOf(id, i + n))
        const { accepted } = await client.post(part)
        expect(accepted).toBe(part.length)
      }
    }
    const sending = clients.map((one, i) => send(one, i * 500, i * 500 + 2_000))
    const [, paused, killed] = transformers
    paused?.signal('SIGSTOP')
    await killed?.end('SIGKILL')
    await Promise.all(sending)
    await client.caughtUp()
    paused?.signal('SIGCONT')
    const [again] = await Promise.all([client.post(ids.slice(0, 100).map(eventOf)), client.caughtUp()])
    expect(again.accepted).toBe(100)
    await client.caughtUp()
    const report = await client.verify()
    expect(report).toMatchObject({ ok: true, totals: { stored: seen + 3_000, quarantined: 0 } })
    expect(report.totals.receipts).toBe(seen + 6_000 + 100)
  })

  const crowd =
    'stays exact while partitions are added, ids come again at others, and one of each is killed and one stopped'
  it(crowd, { timeout: MANY_OF_EACH_WITHIN_MS }, async () => {
    while (ingests.length < 3) ingests.push(await lake.start('ingest'))
    if (sinks.length === SINKS.length) for (const sink of SINKS) sinks.push(await lake.start(sink))
    // Of those of before one was killed.
    const working = transformers.slice(0, 2)
    while (working.length < 3) working.push(await lake.start('transformer'))
    await manyOfEach({ lake, console: client, ingests, transformers: working, sinks })
  })

  it('makes a lost log anew from the raw zone', async () => {
    await client.caughtUp()
    const before = (await client.verify()).totals
    await lake.stop()
    await deleteTopics(settings['SLUICE_KAFKA_BROKERS'] ?? '', 'sluice.events.')
    const ingest = await lake.start('ingest')
    expect((await new Client(ingest.url).post([view('after-loss')])).accepted).toBe(1)
    // The first transformer finds the loss, ends the log's life and says so; all begin anew, as Compose has them do.
    await expect(lake.start('transformer')).rejects.toThrow('begins another life')
    await ingest.exited
    const again = await lake.start('ingest')
    await lake.start('transformer')
    for (const sink of SINKS) await lake.start(sink)
    client = new Client((await lake.start('console', { SLUICE_INGEST_URL: again.url })).url)
    await client.caughtUp()
    const after = await client.verify()
    expect(after.ok).toBe(true)
    expect(after.totals).toEqual({ ...before, receipts: before.receipts + 1, stored: before.stored + 1 })
  })
  it('drives again what a patch makes valid, by way of the console and ingest', async () => {
    const bad = await client.post([view('redriven', { duration_minutes: 'a while' })], { query: 'wait=table' })
    expect(bad.results[0]?.status).toBe('quarantined')
    const body = JSON.stringify({ ids: ['redriven'], patch: { duration_minutes: 12 } })
    const headers = { 'content-type': 'application/json' }
    const driven = await client.call('POST', '/v1/quarantine/redrive', { body, headers })
    expect([driven.status, driven.json().events]).toEqual([200, [{ event_id: 'redriven', status: 'stored' }]])
    await client.caughtUp()
    const { quarantine, sinks } = await client.trail('redriven')
    expect([quarantine?.closed_by, sinks['postgres']?.status]).toEqual([expect.any(String), 'written'])
    expect((await client.verify()).ok).toBe(true)
  })
}

/** Whether the processes of a sink apply what comes (1) or not (0), each by its own metrics. */
function runningOf(sinks: readonly ServiceProcess[], name: ServiceProcess['name']): Promise<(string | undefined)[]> {
  return Promise.all(
    sinks
      .filter((sink) => sink.name === name)
      .map(
        async ({ url }) =>
          /^sluice_sink_running\{[^}]*\} (\d)$/m.exec(await (await fetch(`${url}/metrics`)).text())?.[1],
      ),
  )
}
