/** The server of bench/ingest.ts: ingest alone, with an embedded log; raw zone in the folder, or in a bucket. */
import { join } from 'node:path'
import { openEmbeddedLog } from '@sluice/event-log'
import { EVENTS_TOPIC, loadEventTypes } from '@sluice/events'
import { createIngest } from '@sluice/ingest'
import { openFolderStore } from '@sluice/object-store'
import { openS3Store } from '@sluice/object-store/s3'
import { openSegmentRawZone } from '@sluice/raw-zone'
import { openObjectRawZone } from '@sluice/raw-zone/objects'
import fastify from 'fastify'

const PARTITIONS = 8
const [folder = '', endpoint, access_key = '', secret_key = ''] = process.argv.slice(2)
const quiet = { debug() {}, info() {}, warn: console.warn, error: console.error }

const objectStore = endpoint
  ? await openS3Store({
      endpoint,
      bucket: 'sluice-bench',
      prefix: `ingest-${Date.now()}`,
      credentials: { access_key, secret_key },
      create_bucket: true,
    })
  : await openFolderStore(join(folder, 'objects'))
const rawZone = endpoint
  ? await openObjectRawZone({ store: objectStore })
  : await openSegmentRawZone({ path: join(folder, 'raw') })
const log = await openEmbeddedLog({ path: join(folder, 'log') })
await log.ensureTopic(EVENTS_TOPIC, { partitions: PARTITIONS })
const { byType } = await loadEventTypes()
const ingest = createIngest({
  rawZone,
  objectStore,
  log,
  eventTypes: byType,
  partitions: PARTITIONS,
  authorize: () => ({ name: 'anonymous' }),
  scratch_folder: join(folder, 'scratch'),
  logger: quiet,
  sole_process: endpoint === undefined,
  limits: endpoint ? { groups_in_flight: 4 } : {},
})
const app = fastify({ forceCloseConnections: true })
await ingest.routes(app)
await ingest.start()
const url = await app.listen({ port: 0, host: '127.0.0.1' })
process.send?.({ port: Number(new URL(url).port) })

process.on('message', async (message) => {
  if (message !== 'stop') {
    const { user, system } = process.cpuUsage()
    const { acknowledged, queue } = ingest.status()
    process.send?.({
      cpu_seconds: (user + system) / 1e6,
      rss_bytes: process.memoryUsage.rss(),
      batches: acknowledged.number,
      unpublished: queue.unpublished_batches,
    })
    return
  }
  await app.close()
  await ingest.stop()
  await rawZone.close()
  await log.close()
  await objectStore.close()
  process.exit(0)
})
