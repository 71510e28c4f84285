import { pbkdf2Sync, randomBytes } from 'node:crypto'
import {
  AclOperations,
  AclPermissionTypes,
  Admin,
  alterUserScramCredentialsV0,
  Connection,
  ResourcePatternTypes,
  ResourceTypes,
  type ResourceTypeValue,
  ScramMechanisms,
} from '@platformatic/kafka'
import { Wait } from 'testcontainers'
import { serverIdentity } from './certificates.ts'
import { freePort, startContainer, whyNoDocker } from './container.ts'
import type { Found } from './describe-server.ts'
import { KAFKA_IMAGE, KAFKA_OF_ONE_NODE } from './endpoints.ts'

/** A Kafka with one listener of each kind, as `host:port`. */
export interface SecuredKafka {
  /** Neither login nor TLS. */
  open: string
  /** Login by PLAIN. */
  plain: string
  /** Login by SCRAM-SHA-256 or -512, which holds for `session_ms` and has to be renewed. */
  scram: string
  session_ms: number
  /** Login by PLAIN or SCRAM, within TLS. */
  secure: string
  /** TLS without login. */
  tls: string
  /** Whom to trust for TLS, as PEM. */
  authority: string
  /** May do what the log needs, below the prefix `sluice.`, and nothing else. */
  user: { username: string; password: string }
  /** May log in, by PLAIN, and nothing else. */
  stranger: { username: string; password: string }
}

const USER = { username: 'sluice', password: 'test,=pass word' }
const STRANGER = { username: 'stranger', password: 'test-password' }
/** kafkajs renews ten seconds before the end, and a broker takes one renewal a second. */
const SESSION_MS = 11_500
/** Not named after protocols: of those the image wants files. */
const PROTOCOLS = {
  OPEN: 'PLAINTEXT',
  PLAIN: 'SASL_PLAINTEXT',
  SCRAM: 'SASL_PLAINTEXT',
  SECURE: 'SASL_SSL',
  TLS: 'SSL',
} as const

/** Only in a container: nobody has a Kafka with all of these listeners at hand. */
export async function securedKafka(): Promise<Found<SecuredKafka>> {
  const no_docker = await whyNoDocker()
  if (no_docker) return { kind: 'absent', reason: no_docker }
  const host = process.env['TESTCONTAINERS_HOST_OVERRIDE'] ?? '127.0.0.1'
  const names = Object.keys(PROTOCOLS) as (keyof typeof PROTOCOLS)[]
  const places = names.map(async (name) => ({ name, protocol: PROTOCOLS[name], port: await freePort() }))
  const listeners = await Promise.all(places)
  const { authority, certificate, key } = await serverIdentity([host, 'localhost'])
  const started = await startContainer({
    image: KAFKA_IMAGE,
    environment: {
      ...KAFKA_OF_ONE_NODE,
      KAFKA_LISTENERS: `${listeners.map(({ name, port }) => `${name}://:${port}`).join()},CONTROLLER://:9093`,
      KAFKA_ADVERTISED_LISTENERS: listeners.map(({ name, port }) => `${name}://${host}:${port}`).join(),
      KAFKA_LISTENER_SECURITY_PROTOCOL_MAP: `${listeners.map(({ name, protocol }) => `${name}:${protocol}`).join()},CONTROLLER:PLAINTEXT`,
      KAFKA_INTER_BROKER_LISTENER_NAME: 'OPEN',
      KAFKA_AUTHORIZER_CLASS_NAME: 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
      KAFKA_SUPER_USERS: 'User:ANONYMOUS',
      KAFKA_SSL_KEYSTORE_TYPE: 'PEM',
      KAFKA_SSL_KEYSTORE_CERTIFICATE_CHAIN: oneLine(certificate),
      KAFKA_SSL_KEYSTORE_KEY: oneLine(key),
      KAFKA_LISTENER_NAME_PLAIN_SASL_ENABLED_MECHANISMS: 'PLAIN',
      KAFKA_LISTENER_NAME_PLAIN_PLAIN_SASL_JAAS_CONFIG: plainUsers(),
      KAFKA_LISTENER_NAME_SCRAM_SASL_ENABLED_MECHANISMS: 'SCRAM-SHA-256,SCRAM-SHA-512',
      KAFKA_LISTENER_NAME_SCRAM_SCRAM___SHA___256_SASL_JAAS_CONFIG: SCRAM_USERS,
      KAFKA_LISTENER_NAME_SCRAM_SCRAM___SHA___512_SASL_JAAS_CONFIG: SCRAM_USERS,
      KAFKA_LISTENER_NAME_SCRAM_CONNECTIONS_MAX_REAUTH_MS: String(SESSION_MS),
      KAFKA_LISTENER_NAME_SECURE_SASL_ENABLED_MECHANISMS: 'PLAIN,SCRAM-SHA-512',
      KAFKA_LISTENER_NAME_SECURE_PLAIN_SASL_JAAS_CONFIG: plainUsers(),
      KAFKA_LISTENER_NAME_SECURE_SCRAM___SHA___512_SASL_JAAS_CONFIG: SCRAM_USERS,
    },
    ports: [],
    same_ports: listeners.map(({ port }) => port),
    ready: Wait.forLogMessage(/Kafka Server started/),
  })
  const at = (wanted: keyof typeof PROTOCOLS) =>
    `${started.getHost()}:${listeners.find(({ name }) => name === wanted)?.port}`
  await addScramUser(at('OPEN'))
  await allowTheLog(at('OPEN'))
  return {
    kind: 'ready',
    open: at('OPEN'),
    plain: at('PLAIN'),
    scram: at('SCRAM'),
    session_ms: SESSION_MS,
    secure: at('SECURE'),
    tls: at('TLS'),
    authority,
    user: USER,
    stranger: STRANGER,
    stop: async () => void (await started.stop()),
  }
}

const SCRAM_USERS = 'org.apache.kafka.common.security.scram.ScramLoginModule required;'

function plainUsers(): string {
  const users = [USER, STRANGER].map(({ username, password }) => `user_${username}="${password}"`)
  return `org.apache.kafka.common.security.plain.PlainLoginModule required ${users.join(' ')};`
}

/** As the value of a property: Kafka reads its settings from a file of lines. */
const oneLine = (pem: string) => pem.trim().replaceAll('\n', '\\n')

const ITERATIONS = 4_096

async function addScramUser(broker: string): Promise<void> {
  const [host = '', port] = broker.split(':')
  const connection = new Connection('secured-kafka')
  await connection.connect(host, Number(port))
  for (const bits of [256, 512] as const) {
    const salt = randomBytes(16)
    const credential = {
      name: USER.username,
      mechanism: ScramMechanisms[`SCRAM_SHA_${bits}`],
      iterations: ITERATIONS,
      salt,
      saltedPassword: pbkdf2Sync(USER.password, salt, ITERATIONS, bits / 8, `sha${bits}`),
    }
    await alterUserScramCredentialsV0.api.async(connection, [], [credential])
  }
  await connection.close()
}

const ON_TOPICS = [
  'CREATE',
  'DESCRIBE',
  'DESCRIBE_CONFIGS',
  'ALTER',
  'ALTER_CONFIGS',
  'READ',
  'WRITE',
  'DELETE',
] as const

/** As `docs/scaling.md` says. */
async function allowTheLog(broker: string): Promise<void> {
  const allowed = (resourceType: ResourceTypeValue, operation: keyof typeof AclOperations) => ({
    resourceType,
    resourceName: 'sluice.',
    resourcePatternType: ResourcePatternTypes.PREFIXED,
    principal: `User:${USER.username}`,
    host: '*',
    operation: AclOperations[operation],
    permissionType: AclPermissionTypes.ALLOW,
  })
  const admin = new Admin({ clientId: 'secured-kafka', bootstrapBrokers: [broker] })
  await admin.createAcls({
    creations: [
      ...ON_TOPICS.map((operation) => allowed(ResourceTypes.TOPIC, operation)),
      allowed(ResourceTypes.GROUP, 'READ'),
    ],
  })
  await admin.close()
}
