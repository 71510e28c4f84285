import { writeFile } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { guideServer, savedQuestions } from './neo4j-guide.ts'
import { provision } from './provision.ts'
import { targetsOf } from './targets.ts'

const HELP = `Gives Kibana, InfluxDB, Neo4j and Trino their dashboards, constraints and tables. May be run again at any time.
  node infra/provision/main.ts          goes on trying what is away, and serves the guide for Neo4j Browser
  node infra/provision/main.ts --once   ends: 0 if all was applied, 1 if a server was away for too long or refused
Environment: KIBANA_URL, INFLUXDB_URL, INFLUXDB_TOKEN, INFLUXDB_ORG, INFLUXDB_BUCKET, NEO4J_URL (HTTP), NEO4J_USERNAME,
NEO4J_PASSWORD, TRINO_URL, CONSOLE_URL, CONSOLE_KEY, S3_BUCKET; a server without its URL is left alone.
PATIENCE_S: a server that is away for longer is waited for by nobody (default 120). GUIDE_PORT: where the guide is served.
SETTLED_FILE: written once every server was given its things or set aside.
`

const { values } = parseArgs({ options: { once: { type: 'boolean', default: false }, help: { type: 'boolean' } } })
if (values.help) {
  process.stdout.write(HELP)
  process.exit(0)
}

const { PATIENCE_S = '120', GUIDE_PORT, SETTLED_FILE } = process.env
const infra = new URL('../', import.meta.url)
const ending = new AbortController()
const end = () => ending.abort()
process.on('SIGTERM', end)
process.on('SIGINT', end)

const { settled, finished } = provision({
  targets: targetsOf(process.env, infra),
  log: (line) => console.log(line),
  pause: (ms, signal) => pause(ms, undefined, { signal }).catch(() => undefined),
  now: Date.now,
  patience_ms: Number(PATIENCE_S) * 1000,
  signal: ending.signal,
})
const guide =
  GUIDE_PORT && !values.once ? guideServer(await savedQuestions(new URL('neo4j/queries/', infra))) : undefined
guide?.listen(Number(GUIDE_PORT))

const outcomes = await settled
console.log(`settled: ${JSON.stringify(outcomes)}`)
if (SETTLED_FILE && !ending.signal.aborted) await writeFile(SETTLED_FILE, `${JSON.stringify(outcomes)}\n`)
if (values.once) {
  ending.abort()
  process.exitCode = Object.values(outcomes).every((outcome) => outcome === 'applied') ? 0 : 1
} else {
  // Stays when all is done: `docker compose up --wait` takes a container that has ended for one that failed.
  const ended = new Promise<void>((resolve) => ending.signal.addEventListener('abort', () => resolve()))
  const alive = setInterval(() => undefined, 2 ** 30)
  await Promise.all([finished, ending.signal.aborted ? undefined : ended])
  clearInterval(alive)
}
guide?.close()
