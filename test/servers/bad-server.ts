import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { randomFrom } from '../bad-days/random.ts'
import { lacks } from '../lacks.ts'
import type { AllServers, ServerName } from './all-endpoints.ts'
import { type Fault, type FaultProxy, faultProxy } from './fault-proxy.ts'
import { LakeUnderLoad } from './lake-under-load.ts'
import { PLACES, type Place, type ProgressWatch } from './progress-watch.ts'
import { longestGap, type SteadyLoad } from './steady-load.ts'
import { type WireProxy, wireProxy } from './wire-proxy.ts'

const SEED = Number(process.env['SLUICE_TEST_SEED'] ?? Date.now() % 1e6)
/** How long the server is slow and full of errors, and how long it is frozen. */
const BAD_MS = 8_000
const FROZEN_MS = 12_000
const DELAY_MS = 100
const CUT_EVERY_MS = 2_000
/** Of a hundred requests that are answered 503, or whose answer is lost. */
const FAILING = 20
/** What does not need the server may stand still this long: less than it is bad, or it would prove nothing. */
const STALL_OF_BAD_MS = 0.8 * BAD_MS
const STALL_OF_FROZEN_MS = 0.8 * FROZEN_MS

/** Where each server is set. */
const SETTING = {
  minio: 'SLUICE_S3_ENDPOINT',
  kafka: 'SLUICE_KAFKA_BROKERS',
  postgres: 'SLUICE_POSTGRES_URL',
  influxdb: 'SLUICE_INFLUXDB_URL',
  elasticsearch: 'SLUICE_ELASTICSEARCH_URL',
  neo4j: 'SLUICE_NEO4J_URL',
} as const
const SPEAK_HTTP: readonly ServerName[] = ['minio', 'influxdb', 'elasticsearch']
const STORES = ['postgres', 'influxdb', 'elasticsearch', 'neo4j'] as const

/** One server at a time that is slow and full of errors, and then takes connections and never answers: the others go on. */
export function badServer({ settings, kafka_proxied }: AllServers): void {
  const random = randomFrom(SEED)
  const wires = new Map<ServerName, WireProxy>()
  const stops: (() => Promise<void>)[] = []
  let failing: ServerName | undefined
  let failed = 0
  let lake: LakeUnderLoad

  /** A proxy before a server; before one that speaks HTTP another, that fails requests. @returns its setting */
  async function before(server: ServerName): Promise<[string, string]> {
    const setting = settings[SETTING[server]] ?? ''
    if (server === 'kafka') {
      const [told = '', listener = ''] = kafka_proxied.split('=')
      wires.set(server, await wireProxy(listener, Number(new URL(`tcp://${told}`).port)))
      return [SETTING[server], told]
    }
    const { host } = new URL(setting)
    const target = SPEAK_HTTP.includes(server) ? new URL(await failingProxy(server)).host : host
    const wire = await wireProxy(target)
    wires.set(server, wire)
    return [SETTING[server], setting.replace(host, wire.address)]
  }

  async function failingProxy(server: ServerName): Promise<string> {
    const judge = (): Fault => {
      if (failing !== server || random() * 100 >= FAILING) return 'pass'
      return failed++ % 2 === 0 ? 'answer_503' : 'drop_answer'
    }
    const proxy: FaultProxy = await faultProxy(settings[SETTING[server]] ?? '', judge)
    stops.push(() => proxy.stop())
    return proxy.endpoint
  }

  beforeAll(async () => {
    const servers: ServerName[] = ['minio', ...STORES]
    if (kafka_proxied !== '') servers.push('kafka')
    const changed: [string, string][] = []
    for (const server of servers) changed.push(await before(server))
    lake = await LakeUnderLoad.start({ ...settings, ...Object.fromEntries(changed) })
  })
  afterAll(async () => {
    for (const wire of wires.values()) wire.frozen = false
    await lake?.stop()
    await Promise.all([...[...wires.values()].map((wire) => wire.stop()), ...stops.map((stop) => stop())])
  })

  /** Longest time without an acknowledgement, and without another event at each place. */
  function stallsOf(load: SteadyLoad, watch: ProgressWatch, from: number, to: number): Map<Place | 'ingest', number> {
    const places = PLACES.map((place) => [place, longestGap(watch.arrived_ms(place), from, to)] as const)
    return new Map<Place | 'ingest', number>([['ingest', longestGap(load.acknowledged_ms, from, to)], ...places])
  }

  async function slowAndFailing(server: ServerName, wire: WireProxy): Promise<void> {
    failing = server
    wire.delay_ms = DELAY_MS
    for (let i = 0; i * CUT_EVERY_MS < BAD_MS; i++) {
      await sleep(CUT_EVERY_MS)
      wire.cut()
    }
    wire.delay_ms = 0
    failing = undefined
  }

  /** What needs the server, and may stand still with it. */
  const NEEDS: Readonly<Record<ServerName, readonly (Place | 'ingest')[]>> = {
    ...{ postgres: ['postgres'], influxdb: ['influxdb'], elasticsearch: ['elasticsearch'], neo4j: ['neo4j'] },
    kafka: PLACES,
    minio: ['ingest', ...PLACES],
  }

  for (const server of [...STORES, 'kafka', 'minio'] as const)
    it(`${server} is slow and full of errors, then frozen, and nothing else stalls (seed ${SEED})`, async ({
      skip,
    }) => {
      const wire = wires.get(server)
      if (!wire) return lacks(skip, `no proxy can stand before ${server}: set SLUICE_TEST_KAFKA_PROXIED`)
      let bad = new Map<Place | 'ingest', number>()
      let frozen = new Map<Place | 'ingest', number>()
      const cuts_before = wire.cuts
      failed = 0
      const load = await lake.day(async (load, watch) => {
        const from = performance.now()
        await slowAndFailing(server, wire)
        bad = stallsOf(load, watch, from, performance.now())
        await watch.moved()
        const frozen_from = performance.now()
        wire.frozen = true
        await sleep(FROZEN_MS)
        frozen = stallsOf(load, watch, frozen_from, performance.now())
        wire.frozen = false
      })
      const told = (stalls: typeof bad) => [...stalls].map(([place, ms]) => `${place} ${Math.round(ms)}`).join(', ')
      process.stderr.write(
        `${server} slow, ${failed} failures: ${told(bad)}; frozen: ${told(frozen)}; sent ${load.sent.length}, refused ${load.refused.length}\n`,
      )
      const stalled = (stalls: typeof bad, limit_ms: number) =>
        [...stalls].filter(([place, ms]) => !NEEDS[server].includes(place) && ms >= limit_ms)
      expect(stalled(bad, STALL_OF_BAD_MS)).toEqual([])
      expect(stalled(frozen, STALL_OF_FROZEN_MS)).toEqual([])
      expect(wire.cuts).toBeGreaterThan(cuts_before)
      if (SPEAK_HTTP.includes(server)) expect(failed).toBeGreaterThan(0)
      for (const place of NEEDS[server]) if (place === server) expect(frozen.get(place)).toBeGreaterThan(FROZEN_MS / 2)
      for (const { status, retry_after } of load.refused) expect([status, retry_after]).toEqual([503, '2'])
      if (server !== 'minio') expect(load.refused).toEqual([])
    })
}
