import { afterAll, beforeAll, expect, it } from 'vitest'
import type { AllServers } from './all-endpoints.ts'
import { freePort } from './container.ts'
import { faultProxy } from './fault-proxy.ts'
import { oldKafka } from './old-kafka.ts'
import { ServerLake, type ServiceName, ServiceProcess, SINKS } from './server-lake.ts'
import { wireProxy } from './wire-proxy.ts'

const SERVICES: readonly ServiceName[] = ['ingest', 'transformer', ...SINKS, 'console']
const WITHIN_MS = 60_000

/** Settings that are wrong: each service says so at start, in one line that tells what to do, and ends or waits. */
export function refusals({ settings }: AllServers): void {
  let lake: ServerLake
  let nobody: number
  const stubs: { stop(): Promise<void> }[] = []

  beforeAll(async () => {
    lake = await ServerLake.create(settings)
    nobody = await freePort()
  })
  afterAll(async () => {
    await lake?.stop()
    await Promise.all(stubs.map((stub) => stub.stop()))
  })

  /** A server that answers everything so. */
  async function answering(status: number, body: object, headers: Record<string, string> = {}): Promise<string> {
    const text = JSON.stringify(body)
    const stub = await faultProxy(settings['SLUICE_S3_ENDPOINT'] ?? '', () => ({
      status,
      body: text,
      headers: { 'content-type': 'application/json', ...headers },
    }))
    stubs.push(stub)
    return stub.endpoint
  }

  /** The process ends with 1, and all that it wrote on standard error is one line that says so. */
  async function isRefused(name: ServiceName, wrong: Record<string, string>, line: RegExp): Promise<void> {
    const service = ServiceProcess.launch(name, { ...lake.settings, ...wrong })
    const timer = setTimeout(() => service.signal('SIGKILL'), WITHIN_MS)
    const code = await service.exited
    clearTimeout(timer)
    expect([name, code, service.errors]).toEqual([name, 1, expect.stringMatching(line)])
    expect(service.errors.trimEnd().split('\n')).toEqual([expect.stringContaining(`${name}: `)])
    expect(linesWithStack(service)).toEqual([])
  }

  /** The process goes on; one line of its log says what it waits for, and none has a stack. It ends when it is told to. */
  async function waits(name: ServiceName, wrong: Record<string, string>, line: RegExp): Promise<void> {
    const service = ServiceProcess.launch(name, { ...lake.settings, ...wrong })
    const timer = setTimeout(() => service.signal('SIGKILL'), WITHIN_MS)
    await Promise.race([expect.poll(() => service.output, { timeout: WITHIN_MS }).toMatch(line), service.exited])
    const code = await service.end()
    clearTimeout(timer)
    expect([name, code, service.errors, service.output]).toEqual([name, 0, '', expect.stringMatching(line)])
    expect(linesWithStack(service)).toEqual([])
  }

  it('MinIO: a wrong secret key ends every service', async () => {
    const wrong = { SLUICE_S3_SECRET_KEY: 'wrong-secret' }
    await Promise.all(SERVICES.map((name) => isRefused(name, wrong, /set the right one .*; see SLUICE_S3_\*\n$/)))
  })

  it('MinIO: a missing bucket, another server, and nobody', async () => {
    const missing = { SLUICE_S3_CREATE_BUCKET: '0', SLUICE_S3_BUCKET: 'sluice-missing' }
    await Promise.all([
      isRefused('ingest', missing, /there is no bucket sluice-missing; make it, or name another; see SLUICE_S3_\*\n$/),
      isRefused('console', missing, /there is no bucket sluice-missing/),
      isRefused('transformer', { SLUICE_S3_ENDPOINT: await answering(200, {}) }, /is not S3 .*; see SLUICE_S3_\*\n$/),
      isRefused('sink-neo4j', { SLUICE_S3_ENDPOINT: `http://127.0.0.1:${nobody}` }, /is it running.*SLUICE_S3_\*\n$/),
    ])
  })

  it('Kafka: nobody is waited for, a login that it does not take ends every service', async () => {
    const away = { SLUICE_KAFKA_BROKERS: `127.0.0.1:${nobody}` }
    const login = { SLUICE_KAFKA_USERNAME: 'sluice', SLUICE_KAFKA_PASSWORD: 'wrong' }
    const waiting = /"level":40[^\n]*is it running[^\n]*; it is waited for; see SLUICE_KAFKA_\*"/
    await Promise.all(SERVICES.map((name) => waits(name, away, waiting)))
    await Promise.all(
      SERVICES.map((name) => isRefused(name, login, /takes no login; leave out user name .*; see SLUICE_KAFKA_\*\n$/)),
    )
  })

  it('databases: wrong credentials, missing places, old servers, other products', async () => {
    const postgres = settings['SLUICE_POSTGRES_URL'] ?? ''
    const elastic = { 'x-elastic-product': 'Elasticsearch' }
    const denied = await answering(401, { error: { type: 'security_exception', reason: 'no such user' } }, elastic)
    const old_elastic = await answering(200, { version: { number: '8.19.1' } }, elastic)
    const old_influx = await answering(200, { name: 'influxdb', status: 'pass', version: '1.8.10' })
    const other = await answering(404, { message: 'not found' })
    const password = Object.assign(new URL(postgres), { password: 'wrong' }).href
    const database = Object.assign(new URL(postgres), { pathname: '/nowhere' }).href
    await Promise.all([
      isRefused('sink-postgres', { SLUICE_POSTGRES_URL: password }, /check user and password.*SLUICE_POSTGRES_\*\n$/),
      isRefused('sink-postgres', { SLUICE_POSTGRES_URL: database }, /create it or name another.*SLUICE_POSTGRES_\*\n$/),
      isRefused('sink-neo4j', { SLUICE_NEO4J_PASSWORD: 'wrong' }, /check username and password.*SLUICE_NEO4J_\*\n$/),
      isRefused('sink-influxdb', { SLUICE_INFLUXDB_TOKEN: 'wrong' }, /not know the token.*SLUICE_INFLUXDB_\*\n$/),
    ])
    await Promise.all([
      isRefused('sink-influxdb', { SLUICE_INFLUXDB_BUCKET: 'nowhere' }, /has no bucket nowhere.*SLUICE_INFLUXDB_\*\n$/),
      isRefused(
        'sink-influxdb',
        { SLUICE_INFLUXDB_URL: old_influx },
        /is 1.8.10; .* InfluxDB 2.*SLUICE_INFLUXDB_\*\n$/,
      ),
      isRefused('sink-influxdb', { SLUICE_INFLUXDB_URL: other }, /something else answers.*SLUICE_INFLUXDB_\*\n$/),
    ])
    await Promise.all([
      isRefused('sink-elasticsearch', { SLUICE_ELASTICSEARCH_URL: denied }, /check the credentials.*SEARCH_\*\n$/),
      isRefused('sink-elasticsearch', { SLUICE_ELASTICSEARCH_URL: old_elastic }, /the server is 8.19.1.*SEARCH_\*\n$/),
      isRefused('sink-elasticsearch', { SLUICE_ELASTICSEARCH_URL: other }, /another product answers.*SEARCH_\*\n$/),
    ])
  })

  it('old servers of Kafka, PostgreSQL and Neo4j, as they tell their versions', async () => {
    const kafka = await oldKafka()
    const postgres = new URL(settings['SLUICE_POSTGRES_URL'] ?? '')
    const neo4j = new URL(settings['SLUICE_NEO4J_URL'] ?? '')
    // What today's servers say, with an older version in its place that is as long. PostgreSQL's row: "18", then the
    // length of what follows, then "18.4".
    const old_postgres = await wireProxy(postgres.host, 0, (bytes) =>
      latin(bytes, /\d\d(?<length>\W{4})\d\d\./s, '13$<length>13.'),
    )
    const old_neo4j = await wireProxy(neo4j.host, 0, (bytes) => latin(bytes, /Neo4j\/\d{4}\./, 'Neo4j/5.11.'))
    stubs.push(kafka, old_postgres, old_neo4j)
    const through = (url: URL, { address }: { address: string }) => url.href.replace(url.host, address)
    await Promise.all([
      ...(['ingest', 'transformer', 'sink-neo4j'] as const).map((name) =>
        isRefused(
          name,
          { SLUICE_KAFKA_BROKERS: kafka.address },
          /Kafka 3\.0 or newer is needed; see SLUICE_KAFKA_\*\n$/,
        ),
      ),
      isRefused(
        'sink-postgres',
        { SLUICE_POSTGRES_URL: through(postgres, old_postgres) },
        /expected PostgreSQL 14 or newer; the server is 13\..*; see SLUICE_POSTGRES_\*\n$/,
      ),
      isRefused(
        'sink-neo4j',
        { SLUICE_NEO4J_URL: through(neo4j, old_neo4j) },
        /expected Neo4j 5\.26 or newer; the server is Neo4j\/5\.11.*; see SLUICE_NEO4J_\*\n$/,
      ),
    ])
  })

  it('databases: nobody is waited for, and the console tells what refuses it', async () => {
    const place = `127.0.0.1:${nobody}`
    const away = (server: string) => new RegExp(`"level":40[^\\n]*; it is waited for; see SLUICE_${server}_\\*"`)
    const refused =
      /"level":50[^\n]*check username and password[^\n]*SLUICE_NEO4J_\*; its questions cannot be answered"/
    await Promise.all([
      waits('sink-postgres', { SLUICE_POSTGRES_URL: `postgres://${place}/sluice` }, away('POSTGRES')),
      waits('sink-influxdb', { SLUICE_INFLUXDB_URL: `http://${place}` }, away('INFLUXDB')),
      waits('sink-elasticsearch', { SLUICE_ELASTICSEARCH_URL: `http://${place}` }, away('ELASTICSEARCH')),
      waits('sink-neo4j', { SLUICE_NEO4J_URL: `bolt://${place}` }, away('NEO4J')),
      waits('console', { SLUICE_NEO4J_PASSWORD: 'wrong' }, refused),
    ])
  })
}

/** Bytes with the first match of a pattern replaced, as text of one byte a character. */
const latin = (bytes: Buffer, pattern: RegExp, replacement: string) =>
  Buffer.from(bytes.toString('latin1').replace(pattern, replacement), 'latin1')

/** A stack is for what nobody foresaw. */
const linesWithStack = ({ output }: ServiceProcess) => output.split('\n').filter((line) => line.includes('"stack"'))
