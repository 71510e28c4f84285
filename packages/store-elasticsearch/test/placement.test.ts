import { Client } from '@elastic/elasticsearch'
import { expect, test } from 'vitest'
import { placeRefused, unplaced } from '../src/server/placement.ts'
import { openFaultyServer } from './faulty-server.ts'

const shard = { index: 'sluice-posts.1', shard: 0 }
const above =
  'the node is above the high watermark cluster setting [cluster.routing.allocation.disk.watermark.high=90%], having less than the minimum required [25.1gb] free space, actual free: [22.8gb], actual used: [90.9%]'

test('a full disk is told as such, once, with what to do', () => {
  const full = { decider: 'disk_threshold', decision: 'NO', explanation: above } as const
  const node = {
    node_id: 'n',
    node_decision: 'no',
    node_attributes: {},
    transport_address: '',
    weight_ranking: 1,
  } as const
  const error = placeRefused({
    ...shard,
    node_allocation_decisions: ['a', 'b'].map((node_name) => ({ ...node, roles: [], node_name, deciders: [full] })),
  })
  expect(error).toMatchObject({ code: 'no_space', retryable: true })
  expect(error.message).toBe(
    `Elasticsearch has no place for shard 0 of index sluice-posts.1: ${above}; free space on its disk, or lower cluster.routing.allocation.disk.watermark`,
  )
})

test('without nodes that were asked it is the cluster’s own word', () => {
  const allocate_explanation = 'Elasticsearch is awaiting information about the nodes'
  expect(placeRefused({ ...shard, allocate_explanation })).toMatchObject({
    code: 'busy',
    retryable: true,
    message: `Elasticsearch has no place for shard 0 of index sluice-posts.1: ${allocate_explanation}`,
  })
})

test('a user who may not ask for the reason is told so, and tries again', async () => {
  const denied = { error: { type: 'security_exception', reason: 'action [cluster:monitor/health] is unauthorized' } }
  const server = await openFaultyServer('', async () => ({ status: 403, body: JSON.stringify(denied) }))
  const client = new Client({ node: server.url, maxRetries: 0 })
  try {
    expect(await unplaced(client, 'sluice-posts.1')).toMatchObject({
      code: 'busy',
      retryable: true,
      message: expect.stringContaining(
        'sluice-posts.1 takes nothing, and why is not told: Elasticsearch denies access',
      ),
    })
  } finally {
    await client.close()
    await server.close()
  }
})
