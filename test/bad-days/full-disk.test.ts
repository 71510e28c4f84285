import { afterAll, describe, expect, it, onTestFailed } from 'vitest'
import { Client } from '../pipeline/client.ts'
import { LakeProcess } from '../pipeline/lake-process.ts'
import { Load } from './load.ts'
import { randomFrom } from './random.ts'
import { expectReconciled } from './reconcile.ts'
import { canMount, SmallDisk } from './small-disk.ts'

const DISK_MEBIBYTES = 320

// Needs a file system that can be filled without harm to anybody else: a mount of one's own.
describe.skipIf(!canMount)('a full disk', () => {
  let disk: SmallDisk
  let lake: LakeProcess
  afterAll(async () => {
    await lake?.remove()
    await disk?.remove()
  })

  it('refuses what it cannot keep, keeps what it acknowledged, and goes on when there is room', async () => {
    onTestFailed(() => console.error(lake?.output.slice(-5_000)))
    disk = await SmallDisk.mount(DISK_MEBIBYTES)
    lake = await LakeProcess.start({ data: `${disk.path}/data`, through: disk.enter })
    const client = new Client(lake.url)
    const load = new Load('f', randomFrom(5))
    for (let i = 0; i < 3; i++) expect(await load.send(client, 100)).toBe(true)
    await client.caughtUp()

    await disk.fill(1_000_000)
    let refused = 0
    for (let sent = 0; refused < 3 && sent < 500; sent++) if (!(await load.send(client, 200))) refused++
    expect(refused).toBe(3)
    await disk.fill(0)
    const answer = await client.post({ type: 'click', large: 'x'.repeat(3_000_000) })
    expect([answer.status, answer.code, answer.headers.get('retry-after')]).toEqual([503, 'no_space', '2'])
    expect((await client.call('GET', '/health/live')).status).toBe(200)
    await disk.makeRoom()
    expect(await load.send(client, 50)).toBe(true)
    await expectReconciled(client, load.events)
  }, 120_000)

  it('is survived by a kill and a start without room, and one with room', async () => {
    onTestFailed(() => console.error(lake?.output.slice(-5_000)))
    const client = new Client(lake.url)
    const load = new Load('g', randomFrom(6))
    const before = await client.sql('SELECT count(*) AS n FROM ledger')
    await load.send(client, 100)
    await disk.fill(0)
    await load.send(client, 200)
    await lake.killAll()
    const refusal = await LakeProcess.start({ data: `${disk.path}/data`, through: disk.enter }).then(
      (started) => {
        lake = started
        return started.killAll().then(() => '')
      },
      (error: unknown) => String(error),
    )
    if (refusal !== '') expect(refusal).toMatch(/no space|ENOSPC|full/i)
    await disk.makeRoom()
    lake = await LakeProcess.start({ data: `${disk.path}/data`, through: disk.enter })
    const after = new Client(lake.url)
    expect(await load.send(after, 50)).toBe(true)
    await after.caughtUp()
    const report = await after.verify()
    expect(report.ok, JSON.stringify(report)).toBe(true)
    const acknowledged = load.acknowledged.reduce((sum, sent) => sum + sent.acknowledged, 0)
    const [{ n }] = [...(await after.sql("SELECT count(*) AS n FROM ledger WHERE event_id LIKE 'g-%'")), { n: 0 }]
    expect(Number(n)).toBeGreaterThanOrEqual(acknowledged)
    expect(Number((await after.sql('SELECT count(*) AS n FROM ledger'))[0]?.['n'])).toBeGreaterThan(
      Number(before[0]?.['n']),
    )
  }, 120_000)
})
