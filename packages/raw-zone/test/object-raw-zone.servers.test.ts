import { randomUUID } from 'node:crypto'
import { openS3Store } from '@sluice/object-store/s3'
import { describeServer, minioEndpoint } from '../../../test/servers/endpoints.ts'
import { openObjectRawZone } from '../src/objects.ts'
import { contractOfRawZone } from './contract.ts'

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
})
