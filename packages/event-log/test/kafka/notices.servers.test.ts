import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { describeServer, kafkaEndpoint } from '../../../../test/servers/endpoints.ts'
import { type EventLog, LogError, type Notice } from '../../src/index.ts'
import { type KafkaNotices, kafkaNotices, openKafkaLog } from '../../src/kafka/kafka-log.ts'

const version = (version: number): Notice => ({ kind: 'store', store: 'postgres', table: 't', version })

/** Whether a notice is one of a's (odd versions) or of b's. */
const of = (parity: 'odd' | 'even') => (notice: Notice) =>
  notice.kind === 'store' && notice.version > 0 && notice.version % 2 === (parity === 'odd' ? 1 : 0)

await describeServer('notices over Kafka', kafkaEndpoint, ({ brokers }) => {
  const logs: EventLog[] = []
  const open: KafkaNotices[] = []
  const failures: unknown[] = []
  let epoch: string
  beforeEach(() => {
    epoch = randomUUID()
  })
  afterEach(async () => {
    for (const notices of open.splice(0)) await notices.close()
    for (const log of logs.splice(0)) await log.close()
    expect(failures.splice(0)).toEqual([])
  })

  /** As if in a process of its own. */
  async function another(): Promise<{ notices: KafkaNotices; heard: Notice[]; next: () => Promise<void> }> {
    const log = await openKafkaLog({ brokers: brokers.split(','), clientId: 'notices', epoch })
    logs.push(log)
    const notices = kafkaNotices({ log, failed: (error) => failures.push(error) })
    open.push(notices)
    const heard: Notice[] = []
    let wake = () => {}
    notices.subscribe((notice) => {
      heard.push(notice)
      wake()
    })
    return {
      notices,
      heard,
      next: () =>
        new Promise((resolve) => {
          wake = resolve
        }),
    }
  }
  /** Publishes until the other one hears, because it hears nothing that was published before it began. */
  async function connected(from: KafkaNotices, to: { heard: Notice[]; next: () => Promise<void> }): Promise<void> {
    while (to.heard.length === 0) {
      const heard = to.next()
      await from.publish(version(0))
      await Promise.race([heard, new Promise((resolve) => setTimeout(resolve, 200))])
    }
    // What was published before those who listen had made the topic failed, as it may. Where one hears, it is there.
    failures.push(
      ...failures.splice(0).filter((error) => !(error instanceof LogError && error.code === 'unknown_topic')),
    )
  }

  it('each process hears of all, its own at once and only once', async () => {
    const [a, b] = [await another(), await another()]
    await connected(a.notices, b)
    await connected(b.notices, a)
    a.heard.splice(0)
    b.heard.splice(0)
    await a.notices.publish(version(1))
    expect(a.heard).toEqual([version(1)])
    await b.notices.publish(version(2))
    // A notice may be lost while a process joins again, so it is followed by others until one is heard.
    let published = 2
    while (!(b.heard.some(of('odd')) && a.heard.some(of('even')))) {
      await Promise.race([a.next(), b.next(), new Promise((resolve) => setTimeout(resolve, 1_000))])
      await a.notices.publish(version(++published))
      await b.notices.publish(version(++published))
    }
    for (const { heard } of [a, b]) {
      // Of those by which they were connected some may still be on their way, all of them equal.
      const versions = heard.flatMap((notice) =>
        notice.kind === 'store' && notice.version > 0 ? [notice.version] : [],
      )
      expect(versions).toEqual([...new Set(versions)])
    }
    expect(a.heard.filter(of('odd'))).toHaveLength(Math.ceil(published / 2))
  })

  it('one with very many outcomes comes in parts, with all of them', async () => {
    const [a, b] = [await another(), await another()]
    await connected(a.notices, b)
    const outcomes = Array.from({ length: 5_000 }, (_, i) => ({
      event_id: `e${i}`.padEnd(200),
      status: 'stored' as const,
      table: 't',
      reason: null,
    }))
    await a.notices.publish({ kind: 'tables', ledger: 7, versions: { t: 3 }, outcomes })
    const seen = () => b.heard.flatMap((notice) => (notice.kind === 'tables' ? notice.outcomes : []))
    while (seen().length < 5_000) await b.next()
    expect(seen()).toEqual(outcomes)
  })
})
