import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { lacks } from '../lacks.ts'
import type { AllServers, ServerName } from './all-endpoints.ts'
import type { Power } from './container.ts'
import { LakeUnderLoad } from './lake-under-load.ts'
import { PLACES, type Place, type ProgressWatch } from './progress-watch.ts'
import { longestGap, type SteadyLoad } from './steady-load.ts'

const { SLUICE_OUTAGE_SECONDS } = process.env
/** How long each server is away. The tests hold for any length from 8 s. */
const OUTAGE_MS = Number(SLUICE_OUTAGE_SECONDS ?? 8) * 1_000
/** Whoever asks for longer outages gets all of them. */
const THOROUGH = SLUICE_OUTAGE_SECONDS !== undefined
/** What does not need the server that is away may stand still this long: less than the outage, or it would prove nothing. */
const STALL_LIMIT_MS = Math.min(0.7 * OUTAGE_MS, 10_000)
const ANSWER_LIMIT_MS = 5_000
const STORES = ['postgres', 'influxdb', 'elasticsearch', 'neo4j'] as const

type Way = 'stop' | 'kill'
/** How each outage begins where one of a server must do. Those that are killed take long to stop. */
const WAY: Readonly<Record<ServerName, Way>> = {
  postgres: 'stop',
  influxdb: 'stop',
  elasticsearch: 'kill',
  neo4j: 'kill',
  kafka: 'kill',
  minio: 'stop',
}
/** Killed and started again at once. */
const KILLED: readonly (readonly ServerName[])[] = THOROUGH
  ? [STORES, ['kafka'], ['minio']]
  : [['postgres', 'influxdb'], ['minio']]

/** The longest time without progress. */
interface Stalls {
  acknowledged: number
  places: ReadonlyMap<Place, number>
}

/** Servers that go away under load, each in turn, and each by SIGKILL: nothing is lost, and nothing else waits for them. */
export function outages({ settings, powers }: AllServers): void {
  let lake: LakeUnderLoad

  beforeAll(async () => {
    lake = await LakeUnderLoad.start(settings)
  })
  afterAll(async () => {
    await lake?.stop()
  })

  /** Takes the server away for a while, and waits until all goes on with it. */
  async function takeAway(
    { server, way, power }: { server: ServerName; way: Way; power: Power },
    load: SteadyLoad,
    watch: ProgressWatch,
  ): Promise<Stalls> {
    const from = performance.now()
    await power[way]()
    let to = from
    let status: Answered
    try {
      status = await statusOf(lake)
      await sleep(OUTAGE_MS)
      to = performance.now()
    } finally {
      await power.start()
    }
    await watch.moved()
    const stalls = {
      acknowledged: longestGap(load.acknowledged_ms, from, to),
      places: new Map(PLACES.map((place) => [place, longestGap(watch.arrived_ms(place), from, to)])),
    }
    tell(`${server}, ${way}`, stalls, {
      sent: load.sent.length,
      refused: load.refused.length,
      back_ms: performance.now() - to,
    })
    // Whatever is away, operators are told what goes on.
    if (server === 'minio') expect(status.code).toBe(503)
    else {
      expect([status.code, status.caught_up]).toEqual([200, false])
      expect(status.took_ms).toBeLessThan(ANSWER_LIMIT_MS)
    }
    return stalls
  }

  function itBears(server: ServerName, expected: (stalls: Stalls, load: SteadyLoad) => void): void {
    const power = powers[server]
    for (const way of THOROUGH ? (['stop', 'kill'] as const) : [WAY[server]])
      it(`${server} is away for ${OUTAGE_MS / 1000} s under load, by ${way}`, async ({ skip }) => {
        if (!power) return lacks(skip, cannotBeTakenAway(server))
        let stalls: Stalls | undefined
        const load = await lake.day(async (load, watch) => {
          stalls = await takeAway({ server, way, power }, load, watch)
        })
        if (stalls) expected(stalls, load)
        expect(stalls).toBeDefined()
      })
  }

  for (const server of STORES)
    itBears(server, ({ acknowledged, places }, load) => {
      expect(load.refused).toEqual([])
      expect(acknowledged).toBeLessThan(STALL_LIMIT_MS)
      const stalled = [...places].filter(([place, ms]) => place !== server && ms >= STALL_LIMIT_MS)
      expect(stalled).toEqual([])
    })

  itBears('kafka', ({ acknowledged }, load) => {
    // Without the log nothing becomes rows; all is acknowledged.
    expect(load.refused).toEqual([])
    expect(acknowledged).toBeLessThan(STALL_LIMIT_MS)
  })

  itBears('minio', (_, load) => {
    // Nothing can be made durable, and every request is told so.
    expect(load.refused.length).toBeGreaterThan(0)
    for (const { status, retry_after } of load.refused) expect([status, retry_after]).toEqual([503, '2'])
  })

  for (const killed of KILLED)
    it(`SIGKILL under load: ${killed.join(', ')}`, async ({ skip }) => {
      const without = killed.find((server) => !powers[server])
      if (without) return lacks(skip, cannotBeTakenAway(without))
      await lake.day(async () => {
        await Promise.all(
          killed.map(async (server) => {
            await powers[server]?.kill()
            await powers[server]?.start()
          }),
        )
      })
    })
}

const cannotBeTakenAway = (server: ServerName) =>
  `nothing says how ${server} is stopped: set the commands of test/servers/endpoints.ts, or have a Docker engine`

interface Answered {
  code: number
  caught_up: boolean
  took_ms: number
}

async function statusOf({ console }: LakeUnderLoad): Promise<Answered> {
  const from = performance.now()
  const answer = await console.call('GET', '/v1/status')
  return { code: answer.status, caught_up: answer.json().caught_up, took_ms: performance.now() - from }
}

function tell(server: string, { acknowledged, places }: Stalls, more: object): void {
  const longest = Object.fromEntries(
    [['acknowledged', acknowledged], ...places].map(([k, v]) => [k, Math.round(Number(v))]),
  )
  process.stderr.write(
    `${server} away for ${OUTAGE_MS} ms; longest stalls ${JSON.stringify(longest)}; ${JSON.stringify(more)}\n`,
  )
}
