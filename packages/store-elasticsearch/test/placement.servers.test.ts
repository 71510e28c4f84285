import { randomUUID } from 'node:crypto'
import { Client } from '@elastic/elasticsearch'
import type { Store } from '@sluice/store'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { describeServer, elasticsearchEndpoint } from '../../../test/servers/endpoints.ts'
import { openStore } from '../src/server.ts'
import { dropAll } from './drop-all.ts'
import { posts } from './search-tables.ts'

await describeServer('Elasticsearch', elasticsearchEndpoint, ({ url }) => {
  let prefix: string
  let store: Store
  let client: Client

  beforeEach(async () => {
    prefix = `placement-${randomUUID().slice(0, 8)}`
    store = await openStore({ url, prefix })
    client = new Client({ node: url })
  })
  afterEach(async () => {
    await Promise.all([store.close(), client.close()])
    await dropAll(url, prefix)
  })

  test('a shard that the cluster places nowhere is told with its reason', async () => {
    await client.indices.create({
      index: `${prefix}-posts.1`,
      settings: { 'index.routing.allocation.require._name': 'a-node-that-nobody-has' },
      timeout: '1s',
    })
    await expect(store.prepare([posts])).rejects.toMatchObject({
      retryable: true,
      message: expect.stringContaining(
        `no place for shard 0 of index ${prefix}-posts.1: node does not match index setting`,
      ),
    })
  })

  test('while one shard of an index is away, questions and inventory are errors and never a part of the rows', async () => {
    await store.prepare([posts])
    const index = `${prefix}-posts.1`
    await client.indices.delete({ index })
    // One node takes two of the three; the progress lies in one of them.
    await client.indices.create({
      index,
      settings: { number_of_shards: 3, 'index.routing.allocation.total_shards_per_node': 2 },
      timeout: '1s',
    })
    await store.prepare([posts])
    const ask = () => store.ask('posts-about', { text: 'anything' }, 10)
    await expect(ask()).rejects.toMatchObject({ code: 'busy', retryable: true })
    await expect(store.inventory('posts', undefined, 10)).rejects.toMatchObject({ code: 'busy', retryable: true })
  })
})
