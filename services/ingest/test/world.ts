import { randomUUID } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { EventType } from '@sluice/events'
import fastify, { type FastifyInstance } from 'fastify'
import { createIngest, type Ingest, type IngestParts } from '../src/ingest.ts'
import { FakeLog } from './fake-log.ts'
import { FakeObjectStore } from './fake-object-store.ts'
import { FakeRawZone } from './fake-raw-zone.ts'

export const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }

const click: EventType = {
  type: 'click',
  table: 'clickstream',
  description: 'a click',
  fields: {},
  partition_by: ['user_id'],
  stores: {},
  example: {},
}

export interface World {
  app: FastifyInstance
  ingest: Ingest
  rawZone: FakeRawZone
  log: FakeLog
  objects: FakeObjectStore
  close(): Promise<void>
}

/** Ingest on fakes, with its routes on a fastify of its own. */
export async function world(
  given: Partial<IngestParts> & { rawZone?: FakeRawZone; log?: FakeLog } = {},
): Promise<World> {
  const rawZone = given.rawZone ?? new FakeRawZone()
  const objects = new FakeObjectStore()
  const log = given.log ?? new FakeLog()
  const ingest = createIngest({
    objectStore: objects,
    eventTypes: new Map([['click', click]]),
    partitions: 8,
    partitionOf: (key) => key.length % 8,
    authorize: () => ({ name: 'anonymous' }),
    scratch_folder: join(tmpdir(), `ingest-test-${randomUUID()}`),
    logger: quiet,
    now: () => Date.UTC(2026, 0, 2, 3, 4, 5, 678),
    ...given,
    rawZone,
    log,
  })
  const app = fastify({ forceCloseConnections: true })
  await ingest.routes(app)
  await ingest.start()
  return {
    app,
    ingest,
    rawZone,
    log,
    objects,
    close: async () => {
      await app.close()
      await ingest.stop()
    },
  }
}
