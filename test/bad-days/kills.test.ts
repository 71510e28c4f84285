import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, expect, it, onTestFailed } from 'vitest'
import { Client } from '../pipeline/client.ts'
import { LakeProcess } from '../pipeline/lake-process.ts'
import { Load } from './load.ts'
import { randomFrom } from './random.ts'
import { expectReconciled } from './reconcile.ts'

const KILLS = Number(process.env['SLUICE_KILLS'] ?? 5)
const SEED = Number(process.env['SLUICE_SEED'] ?? Math.floor(Math.random() * 1e9))
const SENDERS = 4
const LONGEST_LIFE_MS = 1_500
const DERIVED = ['log', 'stores/postgres', 'stores/influxdb', 'stores/elasticsearch', 'stores/neo4j', 'stores']
/** About how long a start takes. */
const STARTING_MS = 1_500
const LONGEST_PAUSE_MS = 200
/** Time for a kill and a restart, and for the whole reconciliation at the end. */
const KILL_LIMIT_MS = 20_000
const END_LIMIT_MS = 120_000
/** Who was killed may write until its last system call returns. */
const REMOVED_WHILE_KILLED = { recursive: true, force: true, maxRetries: 10 }

const pick = (names: readonly string[], random: () => number) => names[Math.floor(random() * names.length)] ?? ''

let lake: LakeProcess
afterAll(() => lake?.remove())

it(
  `kill -9 at ${KILLS} random moments under load loses and doubles nothing (SLUICE_SEED=${SEED})`,
  async () => {
    onTestFailed(() => console.error(lake.output))
    const random = randomFrom(SEED)
    lake = await LakeProcess.start()
    let client = new Client(lake.url)
    const load = new Load(`s${SEED}`, random)
    let ended = false
    const senders = Array.from({ length: SENDERS }, async () => {
      while (!ended) {
        const sent = await load.send(client)
        await sleep(sent ? random() * LONGEST_PAUSE_MS : LONGEST_PAUSE_MS)
      }
    })
    for (let kill = 0; kill < KILLS; kill++) {
      await sleep(random() ** 2 * LONGEST_LIFE_MS)
      if (random() < 0.5) await lake.kill()
      else {
        await lake.killAll()
        // Now and then a disk goes with it, that of the log or of a store: both are made from what is left.
        if (random() < 0.3) await rm(join(lake.data, pick(DERIVED, random)), REMOVED_WHILE_KILLED)
      }
      if (random() < 0.3) await LakeProcess.startAndKill({ data: lake.data }, random() * STARTING_MS)
      lake = await LakeProcess.start({ data: lake.data })
      client = new Client(lake.url)
    }
    ended = true
    await Promise.all(senders)
    await load.sendUnacknowledged(client)
    expect(load.acknowledged.length).toBe(load.events.size)
    await expectReconciled(client, load.events)
  },
  KILLS * KILL_LIMIT_MS + END_LIMIT_MS,
)
