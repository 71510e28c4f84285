import { randomUUID } from 'node:crypto'
import { DuckDBInstance } from '@duckdb/node-api'
import { openS3Store } from '@sluice/object-store/s3'
import { expect, it } from 'vitest'
import { describeServer, minioEndpoint } from '../../../test/servers/endpoints.ts'
import { openObjectRawZone } from '../src/objects.ts'
import { contractOfRawZone, linesOf } from './contract.ts'

await describeServer('MinIO', minioEndpoint, ({ endpoint, access_key, secret_key }) => {
  contractOfRawZone('objects in a bucket', async () => {
    const store = await openS3Store({
      endpoint,
      bucket: 'sluice-test',
      prefix: randomUUID(),
      credentials: { access_key, secret_key },
      create_bucket: true,
    })
    const opened = [await openObjectRawZone({ store })]
    return {
      zone: opened[0]!,
      die: async () => {
        const zone = await openObjectRawZone({ store })
        opened.push(zone)
        return zone
      },
      end: async () => {
        for (const zone of opened) await zone.close()
        const keys: string[] = []
        for await (const { key } of store.list('')) keys.push(key)
        await store.delete(keys)
        await store.close()
      },
    }
  })

  it('DuckDB reads every line once, from packs and from what is in none', async () => {
    const store = await openS3Store({
      endpoint,
      bucket: 'sluice-test',
      prefix: randomUUID(),
      credentials: { access_key, secret_key },
      create_bucket: true,
    })
    const zone = await openObjectRawZone({ store, pack_bytes: 2_000, write_behind_ms: 20 })
    const writer = await zone.begin()
    let sent = 0
    await expect
      .poll(async () => {
        await Promise.all(
          Array.from({ length: 10 }, () => writer.append(linesOf([`a${sent++}`, '', 'ünï', 'x'.repeat(5_000)]))),
        )
        return (await zone.batch(writer.incarnation, 1))?.key
      })
      .toContain('/packs/')
    const files = await zone.files()
    expect(files.length).toBeGreaterThan(1)
    const connection = await (await DuckDBInstance.create()).connect()
    const reads = files.map(
      ({ path, compression }) =>
        `SELECT * FROM read_json('${path}', format = 'newline_delimited', columns = {batch: 'VARCHAR', line: 'INTEGER', event_id: 'VARCHAR'}, compression = '${compression}')`,
    )
    const result = await connection.runAndReadAll(
      `SELECT count(*)::INTEGER, count(DISTINCT (batch, line))::INTEGER, count(DISTINCT event_id)::INTEGER FROM (${reads.join(' UNION ALL ')})`,
    )
    expect(result.getRows()).toEqual([[sent * 4, sent * 4, sent + 3]])
    connection.closeSync()
    await zone.close()
    const keys: string[] = []
    for await (const { key } of store.list('')) keys.push(key)
    await store.delete(keys)
    await store.close()
  })
})
