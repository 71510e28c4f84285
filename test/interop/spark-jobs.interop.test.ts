import { randomUUID } from 'node:crypto'
import { LakeTable } from '@sluice/lake'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { lacks } from '../lacks.ts'
import { Client } from '../pipeline/client.ts'
import { view } from '../pipeline/world.ts'
import { kafkaEndpoint, minioEndpoint } from '../servers/endpoints.ts'
import { ServerLake } from '../servers/server-lake.ts'
import { describeEngines } from './describe-engines.ts'
import type { PlainRow } from './engine-session.ts'
import { type Bucket, deltaRsOptions, openLakeFolder, ourRows, texts } from './lake-folder.ts'
import { runSparkJob } from './spark-jobs.ts'

/** Each is a commit of its own, and a file; fewer than the transformer merges by itself. */
const BATCHES = 6
const BATCH_EVENTS = 50
const REPLAYED = [
  'user_id',
  'movie_id',
  'watched_at',
  'device',
  'duration_minutes',
  'event_id',
  'raw_batch',
  'raw_line',
]

/** MinIO and Kafka, or why they are not there. A Docker engine that cannot fetch an image is no server either. */
async function serversOrWhy() {
  try {
    const [minio, kafka] = await Promise.all([minioEndpoint(), kafkaEndpoint()])
    if (minio.kind === 'absent') return minio.reason
    if (kafka.kind === 'absent') return kafka.reason
    return { minio, kafka }
  } catch (error) {
    return `MinIO or Kafka cannot be started: ${error instanceof Error ? error.message.slice(0, 200) : String(error)}`
  }
}

const servers = await serversOrWhy()

await describeEngines("Spark's jobs on a lake in MinIO, with two cores", (session, engines) => {
  let lake: ServerLake | undefined
  let bucket: Bucket | undefined
  const absent = typeof servers === 'string' ? servers : ''

  beforeAll(async () => {
    if (typeof servers === 'string') return
    const { endpoint, access_key, secret_key } = servers.minio
    bucket = { endpoint, access_key, secret_key, bucket: `sluice-spark-${randomUUID().slice(0, 8)}`, prefix: '' }
    lake = await ServerLake.create({
      SLUICE_S3_ENDPOINT: endpoint,
      SLUICE_S3_ACCESS_KEY: access_key,
      SLUICE_S3_SECRET_KEY: secret_key,
      SLUICE_S3_REGION: 'us-east-1',
      SLUICE_S3_CREATE_BUCKET: '1',
      SLUICE_S3_BUCKET: bucket.bucket,
      SLUICE_KAFKA_BROKERS: servers.kafka.brokers,
    })
    const [ingest] = await Promise.all([lake.start('ingest'), lake.start('transformer')])
    const client = new Client(ingest.url)
    for (let n = 0; n < BATCHES; n++) {
      const events = Array.from({ length: BATCH_EVENTS }, (_, i) => viewing(n * BATCH_EVENTS + i))
      // One of each batch comes twice, and one is none that the table takes.
      const more = [events[0], view(`wrong-${n}`, { watched_at: 'never' })]
      const { results } = await client.post([...events, ...more], { query: 'wait=table&timeout_ms=60000' })
      expect(new Set(results.map(({ status }) => status))).toEqual(new Set(['stored', 'repeat', 'quarantined']))
    }
  })
  afterAll(async () => {
    await lake?.stop()
    if (typeof servers !== 'string') await Promise.all([servers.minio.stop(), servers.kafka.stop()])
  })

  it('optimize.py rewrites a table beside a running transformer: fewer files, the same rows', async ({ skip }) => {
    if (!bucket) return lacks(skip, absent)
    const folder = await openLakeFolder(undefined, bucket)
    try {
      const open = () => LakeTable.open(folder.lake, { name: 'viewing_history' })
      const before = await open()
      const rows = await ourRows(before)
      const files = before.view().files().length
      expect([rows.length, files > 3]).toEqual([BATCHES * BATCH_EVENTS, true])
      const told = await runSparkJob(engines, bucket, ['optimize.py', '--tables', 'viewing_history'])
      expect(told).toContain(`viewing_history: ${files} files became 1`)
      const after = await open()
      expect(after.view().files().length).toBe(1)
      expect(await ourRows(after)).toEqual(rows)
    } finally {
      await folder.close()
    }
  })

  it('replay.py types raw history anew: each stored event once, as the table has it', async ({ skip }) => {
    if (!bucket) return lacks(skip, absent)
    const into = 'replayed/viewing_history'
    const told = await runSparkJob(engines, bucket, ['replay.py', '--type', 'viewing_log', '--into', into])
    expect(told).toContain(`${BATCHES * BATCH_EVENTS} rows are in s3a://${bucket.bucket}/${into}`)
    const options = deltaRsOptions(bucket)
    const rowsOf = async (path: string) => {
      const rows = await session.call<PlainRow[]>('delta_rs', 'rows', {
        path: `s3://${bucket?.bucket}/${path}`,
        options,
      })
      return texts(rows.map((row) => Object.fromEntries(REPLAYED.map((name) => [name, row[name]]))))
    }
    expect(await rowsOf(into)).toEqual(await rowsOf('lake/viewing_history'))
  })
})

/** A number as text and one with places are integers too. */
const viewing = (n: number) =>
  view(`e-${n}`, {
    user_id: `u${n % 7}`,
    movie_id: `m${n % 11}`,
    duration_minutes: [n, `${n}`, n / 1, null][n % 4],
    ...(n % 3 === 0 ? { device: 'TV "é"' } : {}),
    ...(n % 5 === 0 ? { unknown_member: { n } } : {}),
    watched_at: new Date(Date.UTC(2025, 9, 2, 21, 0, n)).toISOString().replace('Z', '123Z'),
  })
