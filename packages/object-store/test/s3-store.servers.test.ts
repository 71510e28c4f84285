import { randomUUID } from 'node:crypto'
import { describeServer, minioEndpoint } from '../../../test/servers/endpoints.ts'
import { openS3Store } from '../src/s3.ts'
import { contractOfObjectStore } from './contract.ts'

await describeServer('MinIO', minioEndpoint, ({ endpoint, access_key, secret_key }) => {
  contractOfObjectStore('a bucket', async () => {
    const store = await openS3Store({
      endpoint,
      bucket: 'sluice-test',
      prefix: randomUUID(),
      credentials: { access_key, secret_key },
      create_bucket: true,
    })
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
})
