import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { randomFrom } from '../bad-days/random.ts'
import { lacks } from '../lacks.ts'
import type { AllServers } from './all-endpoints.ts'
import { type Fault, type FaultProxy, faultProxy } from './fault-proxy.ts'
import { LakeUnderLoad } from './lake-under-load.ts'
import { type WireProxy, wireProxy } from './wire-proxy.ts'

const SEED = Number(process.env['SLUICE_TEST_SEED'] ?? Date.now() % 1e6)
const BAD_MS = 12_000
const CUT_EVERY_MS = 1_000
const HELD_BACK_MS = 30
/** Of a hundred requests. */
const FAULTS: readonly [Fault, number][] = [
  ['answer_503', 4],
  ['drop_request', 3],
  ['drop_answer', 3],
  ['cut_answer', 2],
  [{ delay_ms: 500 }, 4],
]
/** The entry of a table's log: putting it is the commit. */
const COMMIT = /^PUT .*\/_delta_log\/\d{20}\.json/

/** A proxy before each server that cuts, delays, refuses and loses answers: nothing is lost, and nothing is twice. */
export function badNetwork({ settings, kafka_proxied }: AllServers): void {
  const random = randomFrom(SEED)
  const proxies: (FaultProxy | WireProxy)[] = []
  const wires: WireProxy[] = []
  const happened = new Map<string, number>()
  let bad = false
  let commits = 0
  let lake: LakeUnderLoad

  function judge(asked: string): Fault {
    if (!bad) return 'pass'
    if (COMMIT.test(asked) && commits++ % 4 === 0) return noted('commit done, answer lost', 'drop_answer')
    let left = random() * 100
    for (const [fault, percent] of FAULTS) {
      left -= percent
      if (left < 0) return noted(JSON.stringify(fault), fault)
    }
    return 'pass'
  }
  function noted(what: string, fault: Fault): Fault {
    happened.set(what, (happened.get(what) ?? 0) + 1)
    return fault
  }
  async function http(name: string): Promise<[string, string]> {
    const proxy = await faultProxy(settings[name] ?? '', judge)
    proxies.push(proxy)
    return [name, proxy.endpoint]
  }
  async function wire(target: string, port?: number): Promise<string> {
    const proxy = await wireProxy(target, port)
    proxies.push(proxy)
    wires.push(proxy)
    return proxy.address
  }
  async function wireOf(name: string): Promise<[string, string]> {
    const { host } = new URL(settings[name] ?? '')
    return [name, (settings[name] ?? '').replace(host, await wire(host))]
  }

  beforeAll(async () => {
    const changed = await Promise.all([
      http('SLUICE_S3_ENDPOINT'),
      http('SLUICE_ELASTICSEARCH_URL'),
      http('SLUICE_INFLUXDB_URL'),
      wireOf('SLUICE_POSTGRES_URL'),
      wireOf('SLUICE_NEO4J_URL'),
    ])
    const through = { ...settings, ...Object.fromEntries(changed) }
    const [told, listener] = kafka_proxied.split('=')
    if (told && listener) {
      await wire(listener, Number(new URL(`tcp://${told}`).port))
      through['SLUICE_KAFKA_BROKERS'] = told
    }
    lake = await LakeUnderLoad.start(through)
  })
  afterAll(async () => {
    await lake?.stop()
    await Promise.all(proxies.map((proxy) => proxy.stop()))
  })

  it(`bears a network that cuts, delays, refuses and loses answers to commits (seed ${SEED})`, async ({ skip }) => {
    if (kafka_proxied === '') return lacks(skip, 'no proxy can stand before Kafka: set SLUICE_TEST_KAFKA_PROXIED')
    const load = await lake.day(async () => {
      bad = true
      for (const one of wires) one.delay_ms = HELD_BACK_MS
      for (let i = 0; i * CUT_EVERY_MS < BAD_MS; i++) {
        await sleep(CUT_EVERY_MS)
        wires[i % wires.length]?.cut()
      }
      bad = false
      for (const one of wires) one.delay_ms = 0
    })
    process.stderr.write(
      `a bad network for ${BAD_MS} ms: ${JSON.stringify(Object.fromEntries(happened))}, ${wires.map(({ cuts }) => cuts)} connections cut; sent ${load.sent.length}, refused ${load.refused.length}\n`,
    )
    expect([...happened.keys()].sort()).toEqual(
      ['commit done, answer lost', ...FAULTS.map(([fault]) => JSON.stringify(fault))].sort(),
    )
    for (const one of wires) expect(one.cuts).toBeGreaterThan(0)
    for (const { status, retry_after } of load.refused) expect([status, retry_after]).toEqual([503, '2'])
  })
}
