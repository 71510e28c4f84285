import { randomUUID } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { EventType } from '@sluice/events'
import type { ObjectStore } from '@sluice/object-store'
import { type Faults, openMemoryStore } from '@sluice/object-store/memory-store'
import fastify, { type FastifyInstance } from 'fastify'
import { createIngest, type Ingest, type IngestParts } from '../src/ingest.ts'
import { FakeLog } from './fake-log.ts'
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
  objects: ObjectStore
  faults: Faults
  close(): Promise<void>
}

/** Ingest on fakes, with its routes on a fastify of its own. */
export async function world(
  given: Partial<IngestParts> & { rawZone?: FakeRawZone; log?: FakeLog } = {},
): Promise<World> {
  const rawZone = given.rawZone ?? new FakeRawZone()
  const faults: Faults = {}
  const objects = openMemoryStore({ faults })
  const log = given.log ?? new FakeLog()
  const ingest = createIngest({
    objectStore: objects,
    eventTypes: new Map([['click', click]]),
    partitions: 8,
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
    faults,
    close: async () => {
      await app.close()
      await ingest.stop()
    },
  }
}

export async function keysOf(objects: ObjectStore, prefix = ''): Promise<string[]> {
  const keys: string[] = []
  for await (const { key } of objects.list(prefix)) keys.push(key)
  return keys
}

export async function textOf(objects: ObjectStore, key: string): Promise<string> {
  return Buffer.from((await objects.get(key)) ?? []).toString()
}
