import { Wait } from 'testcontainers'
import { type ContainerSpec, freePort, type Power, powerOf, startContainer, whyNoDocker } from './container.ts'
import { crashCommand, powerCommands } from './crash-command.ts'
import type { Found } from './describe-server.ts'

export { describeServer, type Found, type Ready } from './describe-server.ts'

/**
 * Where the real servers are that `*.servers.test.ts` talk to: named by the environment, else started in a container
 * where a Docker engine is, else absent with the reason. A server named by the environment is never stopped by us, and
 * is shared: suites work below names of their own (bucket, topic, schema, index prefix). A shell command in
 * `SLUICE_TEST_KAFKA_CRASH` (and so on for the others) that kills the server by SIGKILL and starts it again lets those
 * suites run that need it; so do three in `SLUICE_TEST_KAFKA_STOP`, `_KILL` and `_START` that take it away for a while.
 */

/** Servers on Java that live for minutes: a start costs half of the processor time. */
const QUICK_START = '-XX:TieredStopAtLevel=1'

export interface S3Connection {
  endpoint: string
  access_key: string
  secret_key: string
}
/** `SLUICE_TEST_S3_ENDPOINT`, `SLUICE_TEST_S3_ACCESS_KEY`, `SLUICE_TEST_S3_SECRET_KEY`. */
export function minioEndpoint(): Promise<Found<S3Connection>> {
  return found<S3Connection>(
    {
      endpoint: 'SLUICE_TEST_S3_ENDPOINT',
      access_key: 'SLUICE_TEST_S3_ACCESS_KEY',
      secret_key: 'SLUICE_TEST_S3_SECRET_KEY',
    },
    async () => ({
      spec: {
        image: 'quay.io/minio/minio:RELEASE.2025-09-07T16-13-09Z',
        environment: { MINIO_ROOT_USER: 'sluice', MINIO_ROOT_PASSWORD: 'sluice-test-secret' },
        ports: [9000],
        command: ['server', '/data'],
        ready: Wait.forHttp('/minio/health/cluster', 9000),
      },
      connection: (at) => ({
        endpoint: `http://${at(9000)}`,
        access_key: 'sluice',
        secret_key: 'sluice-test-secret',
      }),
    }),
  )
}

export const KAFKA_IMAGE = 'apache/kafka:4.3.1'
/** A broker that is its own controller, on port 9093 of the listener CONTROLLER. */
export const KAFKA_OF_ONE_NODE = {
  KAFKA_NODE_ID: '1',
  KAFKA_PROCESS_ROLES: 'broker,controller',
  KAFKA_CONTROLLER_LISTENER_NAMES: 'CONTROLLER',
  KAFKA_CONTROLLER_QUORUM_VOTERS: '1@localhost:9093',
  KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR: '1',
  KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR: '1',
  KAFKA_TRANSACTION_STATE_LOG_MIN_ISR: '1',
  KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS: '0',
  JAVA_TOOL_OPTIONS: QUICK_START,
}

export interface KafkaConnection {
  /** `host:port`, separated by commas if there are several. */
  brokers: string
  /**
   * `host:port=host:port`: a listener that tells its clients the first address, where a proxy of ours may listen, and
   * the listener's own. Empty: there is none.
   */
  proxied: string
}
/** `SLUICE_TEST_KAFKA`, and `SLUICE_TEST_KAFKA_PROXIED` where there is such a listener. */
export async function kafkaEndpoint(): Promise<Found<KafkaConnection>> {
  let proxied = process.env['SLUICE_TEST_KAFKA_PROXIED'] ?? ''
  const kafka = await found<{ brokers: string }>({ brokers: 'SLUICE_TEST_KAFKA' }, async () => {
    const port = await freePort()
    const proxy_port = await freePort()
    const host = process.env['TESTCONTAINERS_HOST_OVERRIDE'] ?? '127.0.0.1'
    return {
      spec: {
        image: KAFKA_IMAGE,
        environment: {
          ...KAFKA_OF_ONE_NODE,
          KAFKA_LISTENERS: `PLAINTEXT://:${port},PROXIED://:9094,CONTROLLER://:9093`,
          KAFKA_ADVERTISED_LISTENERS: `PLAINTEXT://${host}:${port},PROXIED://127.0.0.1:${proxy_port}`,
          KAFKA_LISTENER_SECURITY_PROTOCOL_MAP: 'PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT',
          KAFKA_INTER_BROKER_LISTENER_NAME: 'PLAINTEXT',
        },
        ports: [9094],
        same_ports: [port],
        ready: Wait.forLogMessage(/Kafka Server started/),
      },
      connection(at) {
        proxied = `127.0.0.1:${proxy_port}=${at(9094)}`
        return { brokers: `${host}:${port}` }
      },
    }
  })
  return kafka.kind === 'ready' ? { ...kafka, proxied } : kafka
}

export interface PostgresConnection {
  /** `postgres://user:password@host:port/database` of a user who may create databases and schemas. */
  url: string
}
/** `SLUICE_TEST_POSTGRES_URL`. */
export function postgresEndpoint(): Promise<Found<PostgresConnection>> {
  return found<PostgresConnection>({ url: 'SLUICE_TEST_POSTGRES_URL' }, async () => ({
    spec: {
      image: 'postgres:18.4',
      environment: { POSTGRES_USER: 'sluice', POSTGRES_PASSWORD: 'sluice-test-secret', POSTGRES_DB: 'sluice' },
      ports: [5432],
      // Once while the image prepares its data, once for good.
      ready: Wait.forLogMessage(/database system is ready to accept connections/, 2),
    },
    connection: (at) => ({ url: `postgres://sluice:sluice-test-secret@${at(5432)}/sluice` }),
  }))
}

export interface InfluxConnection {
  url: string
  token: string
  org: string
  bucket: string
}
/** `SLUICE_TEST_INFLUX_URL`, `SLUICE_TEST_INFLUX_TOKEN`, `SLUICE_TEST_INFLUX_ORG`, `SLUICE_TEST_INFLUX_BUCKET`. */
export function influxEndpoint(): Promise<Found<InfluxConnection>> {
  return found<InfluxConnection>(
    {
      url: 'SLUICE_TEST_INFLUX_URL',
      token: 'SLUICE_TEST_INFLUX_TOKEN',
      org: 'SLUICE_TEST_INFLUX_ORG',
      bucket: 'SLUICE_TEST_INFLUX_BUCKET',
    },
    async () => ({
      spec: {
        image: 'influxdb:2.7.12',
        environment: {
          DOCKER_INFLUXDB_INIT_MODE: 'setup',
          DOCKER_INFLUXDB_INIT_USERNAME: 'sluice',
          DOCKER_INFLUXDB_INIT_PASSWORD: 'sluice-test-secret',
          DOCKER_INFLUXDB_INIT_ORG: 'sluice',
          DOCKER_INFLUXDB_INIT_BUCKET: 'sluice',
          DOCKER_INFLUXDB_INIT_ADMIN_TOKEN: 'sluice-test-token',
        },
        ports: [8086],
        ready: Wait.forHttp('/health', 8086),
      },
      connection: (at) => ({ url: `http://${at(8086)}`, token: 'sluice-test-token', org: 'sluice', bucket: 'sluice' }),
    }),
  )
}

export interface ElasticsearchConnection {
  url: string
}
/** `SLUICE_TEST_ELASTICSEARCH_URL`. */
export function elasticsearchEndpoint(): Promise<Found<ElasticsearchConnection>> {
  return found<ElasticsearchConnection>({ url: 'SLUICE_TEST_ELASTICSEARCH_URL' }, async () => ({
    spec: {
      image: 'docker.elastic.co/elasticsearch/elasticsearch:9.4.3',
      environment: {
        'discovery.type': 'single-node',
        'xpack.security.enabled': 'false',
        // As in docker-compose.yml: a disk that is nine tenths full would take no index.
        'cluster.routing.allocation.disk.watermark.low': '2gb',
        'cluster.routing.allocation.disk.watermark.high': '1gb',
        'cluster.routing.allocation.disk.watermark.flood_stage': '500mb',
        ES_JAVA_OPTS: `-Xms512m -Xmx512m ${QUICK_START}`,
      },
      ports: [9200],
      ready: Wait.forHttp('/_cluster/health?wait_for_status=yellow', 9200),
    },
    connection: (at) => ({ url: `http://${at(9200)}` }),
  }))
}

export interface Neo4jConnection {
  /** `bolt://host:port` */
  url: string
  user: string
  password: string
  /** Where it speaks HTTP: `http://host:port`. */
  http: string
}
/**
 * `SLUICE_TEST_NEO4J_URL`, `SLUICE_TEST_NEO4J_USER`, `SLUICE_TEST_NEO4J_PASSWORD`; `SLUICE_TEST_NEO4J_HTTP`, by default
 * port 7474 of the same host.
 */
export async function neo4jEndpoint(): Promise<Found<Neo4jConnection>> {
  let http = process.env['SLUICE_TEST_NEO4J_HTTP']
  const neo4j = await found<Omit<Neo4jConnection, 'http'>>(
    { url: 'SLUICE_TEST_NEO4J_URL', user: 'SLUICE_TEST_NEO4J_USER', password: 'SLUICE_TEST_NEO4J_PASSWORD' },
    async () => ({
      spec: {
        image: 'neo4j:2026.08.1',
        environment: {
          NEO4J_AUTH: 'neo4j/sluice-test-secret',
          // As the image's own configuration, and Compose, say.
          NEO4J_db_query_default__language: 'CYPHER_25',
          JAVA_TOOL_OPTIONS: QUICK_START,
        },
        ports: [7687, 7474],
        ready: Wait.forHttp('/', 7474),
      },
      connection(at) {
        http = `http://${at(7474)}`
        return { url: `bolt://${at(7687)}`, user: 'neo4j', password: 'sluice-test-secret' }
      },
    }),
  )
  if (neo4j.kind === 'absent') return neo4j
  return { ...neo4j, http: http ?? `http://${new URL(neo4j.url).hostname}:7474` }
}

interface Container<Connection> {
  spec: ContainerSpec
  /** `at` gives `host:port` for a port inside the container. */
  connection: (at: (port: number) => string) => Connection
}

/** @param names the environment variable of each part of the connection; the first decides whether it is used */
async function found<Connection extends object>(
  names: { [Part in keyof Connection]: string },
  container: () => Promise<Container<Connection>>,
): Promise<Found<Connection>> {
  const named = fromEnvironment(names)
  if (named) {
    const prefix = variablePrefix(names)
    const power = powerCommands(prefix)
    const crash = crashCommand(`${prefix}_CRASH`) ?? (power && (() => crashBy(power)))
    return { kind: 'ready', ...named, stop: async () => {}, crash, power }
  }
  const no_docker = await whyNoDocker()
  if (no_docker)
    return { kind: 'absent', reason: `${Object.values(names).join(', ')} are not in the environment and ${no_docker}` }
  const { spec, connection } = await container()
  const started = await startContainer(spec)
  const at = (port: number) => `${started.getHost()}:${started.getMappedPort(port)}`
  const power = powerOf(started)
  return {
    kind: 'ready',
    ...connection(at),
    stop: async () => void (await started.stop()),
    crash: () => crashBy(power),
    power,
  }
}

async function crashBy(power: Power): Promise<void> {
  await power.kill()
  await power.start()
}

/** `SLUICE_TEST_S3_ENDPOINT` gives `SLUICE_TEST_S3`. */
function variablePrefix(names: object): string {
  return String(Object.values(names)[0]).replace(/_(URL|ENDPOINT)$/, '')
}

function fromEnvironment<Connection extends object>(
  names: { [Part in keyof Connection]: string },
): Connection | undefined {
  const pairs = Object.entries<string>(names).map(([part, name]) => ({ part, name, value: process.env[name] }))
  if (pairs[0]?.value === undefined) return undefined
  const missing = pairs.filter(({ value }) => value === undefined)
  if (missing.length > 0)
    throw new Error(`${pairs[0].name} is set; set ${missing.map(({ name }) => name).join(', ')} too`)
  const values: Record<string, string> = {}
  for (const { part, value } of pairs) values[part] = value ?? ''
  return values as Connection
}
