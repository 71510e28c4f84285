import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { allEndpoints } from '../test/servers/all-endpoints.ts'
import { ServerLake, type ServiceName } from '../test/servers/server-lake.ts'

export interface LiveLake {
  /** Serves everything. */
  url: string
  /** Of our processes. */
  pids: readonly number[]
  stop(): Promise<void>
}

const SERVICES: readonly ServiceName[] = [
  'ingest',
  'transformer',
  'sink-postgres',
  'sink-influxdb',
  'sink-elasticsearch',
  'sink-neo4j',
]

/** As `npm start` does. */
export async function startEmbedded(): Promise<LiveLake> {
  const data = await mkdtemp(join(process.env['BENCH_FOLDER'] ?? tmpdir(), 'bench-live-'))
  const began = performance.now()
  const lake = spawn(process.execPath, ['--max-semi-space-size=64', 'services/standalone/src/main.ts'], {
    cwd: resolve(import.meta.dirname, '..'),
    env: { ...process.env, SLUICE_DATA: data, SLUICE_PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const url = await new Promise<string>((done) => {
    let output = ''
    lake.stdout.on('data', (text: Buffer) => {
      output += text.toString('utf8')
      const found = /"url":"(http:[^"]+)"/.exec(output)?.[1]
      if (found) done(found)
    })
  })
  console.log(`ready after ${((performance.now() - began) / 1000).toFixed(1)} s`)
  return {
    url,
    pids: [lake.pid ?? 0],
    async stop() {
      lake.kill('SIGTERM')
      await new Promise((done) => lake.once('exit', done))
      await rm(data, { recursive: true })
    },
  }
}

/** With the settings' defaults. Throws if a server cannot be had. */
export async function startOnServers(): Promise<LiveLake> {
  const servers = await allEndpoints()
  if (servers.kind === 'absent') throw new Error(servers.reason)
  const defaults = { ...servers.settings, SLUICE_FRESHNESS_MS: '400' }
  const lake = await ServerLake.create(defaults)
  const [ingest, ...others] = await Promise.all(SERVICES.map((name) => lake.start(name)))
  if (!ingest) throw new Error('ingest was not started')
  const console = await lake.start('console', { SLUICE_INGEST_URL: ingest.url })
  return {
    url: console.url,
    pids: [ingest, ...others, console].map(({ pid }) => pid),
    async stop() {
      await lake.stop()
      await servers.stop()
    },
  }
}
