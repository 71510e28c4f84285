/**
 * How fast raw history fills a log that was lost: `node bench/refill.ts [batches] [http://host:port access-key secret-key]`,
 * default 5,000 batches of 20 lines, packed, from a bucket or from memory, to an embedded log. Beside it what reading them
 * one by one takes.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openEmbeddedLog } from '@sluice/event-log'
import { EVENTS_TOPIC } from '@sluice/events'
import { refillLog } from '@sluice/ingest'
import { openMemoryStore } from '@sluice/object-store/memory-store'
import { openS3Store } from '@sluice/object-store/s3'
import { openObjectRawZone } from '@sluice/raw-zone/objects'

const LINES = 20
const WRITERS = 8
const ONE_BY_ONE = 500
const PARTITIONS = 4

const [batchesText = '5000', endpoint, access_key = '', secret_key = ''] = process.argv.slice(2)
const batches = Number(batchesText)
const store = endpoint
  ? await openS3Store({
      endpoint,
      bucket: 'sluice-bench',
      prefix: `refill-${Date.now()}`,
      credentials: { access_key, secret_key },
      create_bucket: true,
    })
  : openMemoryStore()
const folder = await mkdtemp(join(tmpdir(), 'sluice-bench-'))
const zone = await openObjectRawZone({ store })
const log = await openEmbeddedLog({ path: join(folder, 'log') })
await log.ensureTopic(EVENTS_TOPIC, { partitions: PARTITIONS })
const incarnation = await filled()

await rate('one by one', ONE_BY_ONE, async () => {
  for (let number = 1; number <= ONE_BY_ONE; number++) await zone.batch(incarnation, number)
})
await rate('as a range', batches, async () => {
  for await (const _ of zone.batches(incarnation, { from: 1, to: batches }));
})
await rate('refill of a log', batches, () =>
  refillLog({ rawZone: zone, log, eventTypes: new Map(), partitions: PARTITIONS }),
)
await log.close()
await zone.close()
await store.close()
await rm(folder, { recursive: true })

/** An incarnation that has ended, so that its batches are in packs. */
async function filled(): Promise<string> {
  const writer = await zone.begin()
  let begun = 0
  const write = async () => {
    while (begun++ < batches) await writer.append(linesOf)
  }
  await Promise.all(Array.from({ length: WRITERS }, write))
  await writer.published(batches)
  await writer.finish()
  return writer.incarnation
}

function linesOf(batch: string) {
  const text = 'abcdefg'.repeat(20)
  const lines = Array.from(
    { length: LINES },
    (_, line) =>
      `{"batch":"${batch}","line":${line},"event_id":"${batch}/${line}","type":"click","form":"event","event":{"user_id":"u${line}","text":"${text}"}}\n`,
  )
  return { bytes: Buffer.from(lines.join('')), lines: LINES }
}

async function rate(what: string, count: number, work: () => Promise<unknown>): Promise<void> {
  const began = performance.now()
  await work()
  const per_second = count / ((performance.now() - began) / 1000)
  console.log(`${what.padEnd(16)} ${Math.round(per_second).toLocaleString('en')} batches/s`)
}
