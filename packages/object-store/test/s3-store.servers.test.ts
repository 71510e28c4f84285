import { randomUUID } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { describeServer, minioEndpoint } from '../../../test/servers/endpoints.ts'
import { faultProxy } from '../../../test/servers/fault-proxy.ts'
import { openS3Store } from '../src/s3.ts'
import { contractOfObjectStore } from './contract.ts'

await describeServer('MinIO', minioEndpoint, ({ endpoint, access_key, secret_key }) => {
  const opened = (at: string) =>
    openS3Store({
      endpoint: at,
      bucket: 'sluice-test',
      prefix: randomUUID(),
      credentials: { access_key, secret_key },
      create_bucket: true,
    })

  contractOfObjectStore('a bucket', async () => {
    const store = await opened(endpoint)
    return {
      store,
      end: async () => {
        const keys: string[] = []
        for await (const { key } of store.list('')) keys.push(key)
        await store.delete(keys)
        await store.close()
      },
    }
  })

  it('local paths hold the current bytes: immutable keys are looked at once, others each time', async () => {
    const proxy = await faultProxy(endpoint, () => 'pass')
    const store = await opened(proxy.endpoint)
    const asked = async (work: () => Promise<unknown>) => {
      const before = proxy.requests.length
      await work()
      return proxy.requests.slice(before).map((request) => request.split(' ')[0])
    }
    const textAt = async (key: string) => readFile(await store.localPath(key), 'utf8')

    await store.put('data/x.parquet', Buffer.from('rows'))
    expect(await asked(() => textAt('data/x.parquet'))).toEqual(['HEAD', 'GET'])
    expect(await asked(() => textAt('data/x.parquet'))).toEqual([])
    expect(await textAt('data/x.parquet')).toBe('rows')

    await store.put('state', Buffer.from('one'))
    expect(await textAt('state')).toBe('one')
    await store.put('state', Buffer.from('two'))
    expect(await textAt('state')).toBe('two')
    expect(await asked(() => textAt('state'))).toEqual(['HEAD'])

    const folder = await mkdtemp(join(tmpdir(), 'own-'))
    await writeFile(join(folder, 'y.parquet'), 'written here')
    expect(await asked(() => store.putFile('data/y.parquet', join(folder, 'y.parquet')))).toEqual(['PUT'])
    expect(await asked(() => textAt('data/y.parquet'))).toEqual([])
    await store.put('data/y.parquet', Buffer.from('erased'))
    expect(await textAt('data/y.parquet')).toBe('erased')

    await store.delete(['data/x.parquet'])
    await expect(store.localPath('data/x.parquet')).rejects.toMatchObject({ code: 'not_found' })
    await rm(folder, { recursive: true })
    await store.delete(['state', 'data/y.parquet'])
    await store.close()
    await proxy.stop()
  })

  it('asking for uploads that were cut off is no error, and drops no object', async () => {
    const store = await opened(endpoint)
    await store.put('kept', Buffer.from('kept'))
    // MinIO lists uploads by their whole key alone, and drops them by itself.
    expect(await store.dropUnfinished?.(Date.now() + 60_000, [''])).toBe(0)
    expect(await store.head('kept')).toBeDefined()
    await store.delete(['kept'])
    await store.close()
  })

  it('local paths of large objects, through parts and ranges', async () => {
    const prefix = randomUUID()
    const common = { endpoint, bucket: 'sluice-test', prefix, credentials: { access_key, secret_key } }
    const [writer, reader] = [await openS3Store({ ...common, part_bytes: 5 * 1024 ** 2 }), await openS3Store(common)]
    const folder = await mkdtemp(join(tmpdir(), 'own-'))
    const bytes = Buffer.alloc(11_000_000, 'parquet ')
    await writeFile(join(folder, 'large'), bytes)
    const { etag, size } = await writer.putFile('large.parquet', join(folder, 'large'))
    expect({ etag, size }).toEqual({ etag: (await reader.head('large.parquet'))?.etag, size: bytes.length })
    expect(Buffer.compare(await readFile(await reader.localPath('large.parquet')), bytes)).toBe(0)
    await rm(folder, { recursive: true })
    await writer.delete(['large.parquet'])
    await writer.close()
    await reader.close()
  })
})
