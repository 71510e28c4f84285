import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { describeServer } from '../../../../test/servers/describe-server.ts'
import { securedKafka } from '../../../../test/servers/secured-kafka.ts'
import type { EventLog, LogConsumer } from '../../src/index.ts'
import { type KafkaLogOptions, type KafkaSasl, openKafkaLog } from '../../src/kafka/kafka-log.ts'
import { contractOfEventLog } from '../contract.ts'

type Way = Pick<KafkaLogOptions, 'brokers' | 'sasl' | 'ssl'>

const PRODUCERS = ['kafkajs', 'platformatic'] as const
/** A refusal, with all that the client tries before it. */
const REFUSED_WITHIN_MS = 15_000
const BEYOND_A_SESSION_MS = 1_500

await describeServer('Kafka behind logins and TLS', securedKafka, (kafka) => {
  const { scram, user, session_ms } = kafka
  const login = (mechanism: KafkaSasl['mechanism'], wrong: object = {}): KafkaSasl => ({ mechanism, ...user, ...wrong })
  const ssl = { ca: kafka.authority }
  const open = (way: Way, more: Partial<KafkaLogOptions> = {}) =>
    openKafkaLog({ clientId: 'secured', epoch: randomUUID(), ...way, ...more })

  contractOfEventLog('the log on Kafka by SCRAM within TLS', async () => {
    const way = { brokers: [kafka.secure], sasl: login('scram-sha-512'), ssl, epoch: randomUUID() }
    let log = await open(way)
    return {
      log,
      reopen: async () => {
        await log.close()
        log = await open(way)
        return log
      },
      end: () => log.close(),
    }
  })

  describe.concurrent('each kind of listener', () => {
    it.each(PRODUCERS)('a login goes on beyond the end of its session, sending by %s', async (producer) => {
      const log = await open({ brokers: [scram], sasl: login('scram-sha-512') }, { producer })
      await exchange(log, session_ms + BEYOND_A_SESSION_MS)
      await log.close()
    })

    const ways: [name: string, way: Way][] = [
      ['PLAIN', { brokers: [kafka.plain], sasl: login('plain') }],
      ['SCRAM-SHA-256', { brokers: [scram], sasl: login('scram-sha-256') }],
      ['SCRAM-SHA-512', { brokers: [scram], sasl: login('scram-sha-512') }],
      ['PLAIN within TLS', { brokers: [kafka.secure], sasl: login('plain'), ssl }],
      ['SCRAM-SHA-512 within TLS', { brokers: [kafka.secure], sasl: login('scram-sha-512'), ssl }],
      ['TLS without a login', { brokers: [kafka.tls], ssl }],
    ]
    const each = ways.flatMap(([name, way]) => PRODUCERS.map((producer) => ({ name, way, producer })))
    it.each(each)('$name: what is sent by $producer is read', async ({ way, producer }) => {
      const log = await open(way, { producer })
      await exchange(log)
      await log.close()
    })

    it('an authority of NODE_EXTRA_CA_CERTS is trusted', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'sluice-authority-'))
      const authority = join(folder, 'authority.pem')
      await writeFile(authority, kafka.authority)
      const program = join(import.meta.dirname, 'trusting.ts')
      const env = { ...process.env, NODE_EXTRA_CA_CERTS: authority }
      await expect(promisify(execFile)(process.execPath, [program, kafka.tls], { env })).resolves.toMatchObject({
        stderr: '',
      })
      await rm(folder, { recursive: true })
    })
  })

  describe.concurrent('settings that are not what the listener wants are refused for good, in a line', () => {
    const wrong: [name: string, way: Way, code: string, line: RegExp][] = [
      [
        'a wrong password by PLAIN',
        { brokers: [kafka.plain], sasl: login('plain', { password: 'wrong' }) },
        'unauthorized',
        /correct the SASL mechanism, user name or password$/,
      ],
      [
        'a wrong password by SCRAM',
        { brokers: [scram], sasl: login('scram-sha-256', { password: 'wrong' }) },
        'unauthorized',
        /correct the SASL mechanism, user name or password$/,
      ],
      [
        'a user that there is not, within TLS',
        { brokers: [kafka.secure], sasl: login('scram-sha-512', { username: 'nobody' }), ssl },
        'unauthorized',
        /correct the SASL mechanism, user name or password$/,
      ],
      [
        'PLAIN where SCRAM is wanted',
        { brokers: [scram], sasl: login('plain') },
        'unauthorized',
        /takes a login by SCRAM-SHA-\d+ or SCRAM-SHA-\d+, not by PLAIN; set such a mechanism$/,
      ],
      [
        'SCRAM where PLAIN is wanted',
        { brokers: [kafka.plain], sasl: login('scram-sha-512') },
        'unauthorized',
        /takes a login by PLAIN, not by SCRAM-SHA-512; set such a mechanism$/,
      ],
      [
        'no login where one is wanted',
        { brokers: [kafka.plain] },
        'unauthorized',
        /wants a login by PLAIN; set mechanism, user name and password$/,
      ],
      [
        'no login where one is wanted, within TLS',
        { brokers: [kafka.secure], ssl },
        'unauthorized',
        /wants a login by \S+ or \S+; set mechanism, user name and password$/,
      ],
      [
        'a login where none is taken',
        { brokers: [kafka.open], sasl: login('plain') },
        'unauthorized',
        /takes no login; leave out user name and password/,
      ],
      ['TLS where there is none', { brokers: [kafka.open], ssl }, 'unreachable', /does not speak TLS; turn TLS off/],
      [
        'TLS and a login where there is only a login',
        { brokers: [kafka.plain], sasl: login('plain'), ssl },
        'unreachable',
        /does not speak TLS; turn TLS off/,
      ],
      ['no TLS where it is wanted', { brokers: [kafka.tls] }, 'unreachable', /speaks TLS; turn TLS on$/],
      [
        'a login without TLS where both are wanted',
        { brokers: [kafka.secure], sasl: login('plain') },
        'unreachable',
        /speaks TLS; turn TLS on$/,
      ],
      [
        'an authority that nobody trusts',
        { brokers: [kafka.tls], ssl: true },
        'unreachable',
        /certificate; let NODE_EXTRA_CA_CERTS name a PEM file of the authority that signed it$/,
      ],
    ]
    it.each(wrong)('%s', { timeout: REFUSED_WITHIN_MS }, async (_, way, code, line) => {
      const refused = open(way)
      await expect(refused).rejects.toMatchObject({ code, retryable: false, message: expect.stringMatching(line) })
      await expect(refused).rejects.toMatchObject({ message: expect.not.stringMatching(/\n|test,=|wrong/) })
    })

    it('a user who may do nothing', async () => {
      const log = await open({ brokers: [kafka.plain], sasl: { mechanism: 'plain', ...kafka.stranger } })
      await expect(log.ensureTopic('t', { partitions: 1 })).rejects.toMatchObject({
        code: 'unauthorized',
        retryable: false,
        message: expect.stringMatching(/allow this user CREATE, .* on topics, and READ on groups/),
      })
      await log.close()
    })
  })
})

/** Sends record after record, for so long, and reads each. */
async function exchange(log: EventLog, for_ms = 0): Promise<void> {
  await log.ensureTopic('t', { partitions: 1 })
  const producer = await log.producer()
  const consumer = await log.consumer({
    topic: 't',
    group: 'g',
    startFrom: async (partitions) => new Map(partitions.map(({ partition, earliest }) => [partition, earliest])),
  })
  const until = performance.now() + for_ms
  let count = 0
  do {
    await producer.send('t', [{ partition: 0, value: Buffer.from(`${count}`) }])
    expect(await next(consumer)).toBe(`${count++}`)
  } while (performance.now() < until)
}

async function next(consumer: LogConsumer): Promise<string | undefined> {
  const limits = { max_records: 1, max_bytes: 1_000_000, max_wait_ms: 10_000 }
  const [record] = (await consumer.poll(limits)).records
  return record && Buffer.from(record.value).toString()
}
