import { afterEach, describe, expect, it, vi } from 'vitest'
import { Client } from '../pipeline/client.ts'
import { LakeProcess } from '../pipeline/lake-process.ts'
import { click } from '../pipeline/world.ts'
import { Load } from './load.ts'
import { randomFrom } from './random.ts'
import { expectReconciled } from './reconcile.ts'

// Each test starts processes, some of them several times; a busy machine takes its time.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

const SENDERS = 8
/** An orchestrator that waits less than this kills. Docker waits 10 s, Kubernetes 30 s. */
const STOP_LIMIT_MS = 10_000

describe('SIGTERM', () => {
  let lake: LakeProcess | undefined
  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') console.error(lake?.output.slice(-5_000))
    await lake?.remove()
    lake = undefined
  })

  it('under load answers what was accepted, loses nothing, and ends with 0', async () => {
    lake = await LakeProcess.start()
    const client = new Client(lake.url)
    const load = new Load('t', randomFrom(7))
    await load.send(client, 100)
    await client.caughtUp()
    let stopping = false
    const senders = Array.from({ length: SENDERS }, async () => {
      for (let sent = true; sent || !stopping; ) sent = await load.send(client, 50)
    })
    while (load.acknowledged.length < 5_000) await load.send(client, 50)
    stopping = true
    const began = performance.now()
    expect(await lake.stop()).toEqual({ code: 0, signal: null })
    expect(performance.now() - began).toBeLessThan(STOP_LIMIT_MS)
    await Promise.all(senders)
    // What was begun and got no answer is a receipt or is not; what was acknowledged is one.
    lake = await LakeProcess.start({ data: lake.data })
    expect(lake.log.some(({ msg }) => msg.includes('adopting'))).toBe(false)
    await expectReconciled(new Client(lake.url), load.events)
  })

  it('answers those who wait for a store that stands still', async () => {
    lake = await LakeProcess.start()
    const client = new Client(lake.url)
    await client.caughtUp()
    await client.call('POST', '/v1/sinks/postgres/pause')
    const waiting = client.post(
      { ...click('x'), type: 'like', subject_id: 's', liked_at: '2025-01-01' },
      { query: 'wait=stores&timeout_ms=60000' },
    )
    await client.until('/v1/status', ({ ledger }: { ledger: { version: number } }) => ledger.version > 0)
    const began = performance.now()
    const stopped = lake.stop()
    expect((await waiting).results[0]?.status).toBe('accepted')
    expect(await stopped).toEqual({ code: 0, signal: null })
    expect(performance.now() - began).toBeLessThan(STOP_LIMIT_MS)
  })

  it('right after the first start, while stores are being made, ends with 0', async () => {
    lake = await LakeProcess.start()
    expect(await lake.stop()).toEqual({ code: 0, signal: null })
    lake = await LakeProcess.start({ data: lake.data })
    const client = new Client(lake.url)
    expect(await client.settle(click('after'))).toBe('stored')
    await client.caughtUp()
  })
})
