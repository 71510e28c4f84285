import { appendFile, cp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { Client } from '../pipeline/client.ts'
import { LakeProcess, NotStarted, temporaryFolder } from '../pipeline/lake-process.ts'
import { Load } from './load.ts'
import { randomFrom } from './random.ts'
import { expectReconciled } from './reconcile.ts'

// Each test starts processes, some of them several times; a busy machine takes its time.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

const before = new Load('d', randomFrom(11))
/** Data folders of a lake that was stopped, and of one that was killed. */
let stopped: string
let killed: string
let lake: LakeProcess | undefined

beforeAll(async () => {
  const first = await LakeProcess.start()
  const client = new Client(first.url)
  for (let i = 0; i < 4; i++) await before.send(client, 100)
  await client.caughtUp()
  killed = await temporaryFolder()
  await first.killAll()
  await cp(first.data, killed, { recursive: true })
  const again = await LakeProcess.start({ data: first.data })
  await new Client(again.url).caughtUp()
  expect(await again.stop()).toEqual({ code: 0, signal: null })
  stopped = again.data
})
afterEach(async () => {
  await lake?.remove()
  lake = undefined
})
afterAll(async () => {
  await rm(stopped, { recursive: true, force: true })
  await rm(killed, { recursive: true, force: true })
})

/** A lake on a copy of a data folder that something happened to. */
async function after(data: string, damage: (folder: string) => Promise<void>) {
  const folder = await temporaryFolder()
  await cp(data, folder, { recursive: true })
  await damage(folder)
  lake = await LakeProcess.start({ data: folder })
  return { client: new Client(lake.url), lake, load: before.copy('e') }
}

async function newestFile(folder: string, suffix: string): Promise<string> {
  const paths = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith(suffix)).sort()
  const sized = await Promise.all(paths.map(async (name) => ({ name, size: (await stat(join(folder, name))).size })))
  return join(folder, sized.findLast(({ size }) => size > 0)?.name ?? '')
}

async function cutOff(path: string, bytes: number): Promise<void> {
  await truncate(path, Math.max(0, (await stat(path)).size - bytes))
}

describe('a kill in the middle of writes', () => {
  it('leaves a half-written raw batch and log block, which are cut off; a second process meanwhile is refused', async () => {
    const { client, load, lake } = await after(killed, async (folder) => {
      const segment = await newestFile(join(folder, 'raw'), '.ndjson')
      const [line] = (await readFile(segment, 'utf8')).split('\n')
      await appendFile(segment, `${line}\n${line?.slice(0, 100)}`)
      await appendFile(await newestFile(join(folder, 'log'), '.log'), Buffer.from('SLB1\0\0\0\x10 half a block'))
    })
    const refusal = await LakeProcess.start({ data: lake.data }).catch((error: unknown) => error)
    if (!(refusal instanceof NotStarted)) throw new Error('expected the second process to be refused')
    expect(refusal.exit.code).toBe(1)
    expect(refusal.output).toContain(`another Sluice is running on ${lake.data}`)
    expect(refusal.output.split('\n').length).toBeLessThan(4)
    await load.send(client, 50)
    await expectReconciled(client, load.events)
  })

  it('and the loss of the log and of all stores costs nothing: raw and tables have it all', async () => {
    const { client, load } = await after(killed, async (folder) => {
      for (const part of ['log', 'stores']) await rm(join(folder, part), { recursive: true })
    })
    await expectReconciled(client, load.events)
  })
})

describe('raw that was damaged', () => {
  it.each([
    ['stopped', () => stopped],
    ['killed', () => killed],
  ])(
    'behind what was acknowledged (%s): the lake goes on with all of it, and verify tells which lines are gone',
    async (_, data) => {
      const { client, load } = await after(data(), async (folder) =>
        cutOff(await newestFile(join(folder, 'raw'), '.ndjson'), 2_000),
      )
      await load.send(client, 50)
      await client.caughtUp()
      const report = await client.verify()
      expect(report.ok).toBe(false)
      expect(report.raw).toMatchObject({ missing: 0, lost: expect.any(Number) })
      expect(report.raw.lost).toBeGreaterThan(0)
      expect(before.events.has(report.raw.ids.lost[0])).toBe(true)
      expect(await client.sql('SELECT count(DISTINCT event_id) AS n FROM ledger')).toEqual([{ n: load.events.size }])
      const lines = await client.sql('SELECT count(*) AS n FROM raw.events')
      expect(lines).toEqual([{ n: report.totals.receipts - report.raw.lost }])
    },
  )
})

describe('the event log', () => {
  it('cut off behind what was decided, it is filled again', async () => {
    const { client, load } = await after(killed, async (folder) =>
      cutOff(await newestFile(join(folder, 'log'), '.log'), 10_000),
    )
    await load.send(client, 50)
    await expectReconciled(client, load.events)
  })

  it('cut off between two blocks, before anything of the second was decided, it is filled again', async () => {
    const folder = await temporaryFolder()
    await cp(killed, folder, { recursive: true })
    // The batch after the first waits for more, so that its events stay undecided.
    lake = await LakeProcess.start({ data: folder, settings: { SLUICE_FRESHNESS_MS: '60000' } })
    const client = new Client(lake.url)
    const load = before.copy('u')
    await load.send(client, 20)
    interface Status {
      ingest: { unpublished_batches: number }
      log: { lag: number | string }[]
    }
    const decided = ({ log }: Status) => log.every(({ lag }) => Number(lag) === 0)
    // A log that the batch has not come to yet has nothing undecided either.
    const done = (status: Status) => status.ingest.unpublished_batches === 0 && decided(status)
    expect(done(await client.until('/v1/status', done))).toBe(true)
    const segment = await newestFile(join(folder, 'log'), '.log')
    const { size } = await stat(segment)
    await load.send(client, 20)
    const newest = (await readdir(join(folder, 'raw'))).sort().at(-1) ?? ''
    const state = () => readFile(join(folder, 'raw', newest, 'incarnation.json'), 'utf8').catch(() => '{"published":0}')
    while (JSON.parse(await state()).published < 2) await client.get('/health/live')
    expect(decided(await client.get('/v1/status'))).toBe(false)
    await lake.killAll()
    await truncate(segment, size)

    lake = await LakeProcess.start({ data: folder })
    expect(lake.output).toContain('was published, and is neither there nor decided')
    await expectReconciled(new Client(lake.url), load.events)
  })

  it('its newest segment empty, it is filled again', async () => {
    const { client, load } = await after(stopped, async (folder) =>
      truncate(await newestFile(join(folder, 'log'), '.log'), 0),
    )
    await load.send(client, 50)
    await expectReconciled(client, load.events)
  })
})

describe('stores', () => {
  it('damaged, they are set aside and loaded again', async () => {
    const { client, lake, load } = await after(stopped, async (folder) => {
      for (const name of await readdir(join(folder, 'stores'))) {
        const files = await readdir(join(folder, 'stores', name), { recursive: true, withFileTypes: true })
        for (const file of files)
          if (file.isFile() && file.name !== 'lock.sqlite')
            await writeFile(join(file.parentPath, file.name), 'no database, but a text of some length'.repeat(200))
      }
    })
    await expectReconciled(client, load.events)
    const aside = (await readdir(join(lake.data, 'stores'))).filter((name) => name.includes('.damaged-'))
    expect(aside.map((name) => name.split('.')[0]).sort()).toEqual(['elasticsearch', 'influxdb', 'neo4j', 'postgres'])
  })
})
