import type { Client, estypes } from '@elastic/elasticsearch'
import { StoreError } from '@sluice/store'
import { storeErrorOf } from './search-error.ts'

/** The decider that keeps shards away from nodes whose disk is above a watermark. */
const DISK = 'disk_threshold'

type Explanation = Pick<
  estypes.ClusterAllocationExplainResponse,
  'index' | 'shard' | 'allocate_explanation' | 'node_allocation_decisions'
>

/**
 * Why an index that is there takes nothing: which of its primary shards the cluster places nowhere, in the words of
 * its own deciders. `no_space` where full disks are among them, else `busy`; both to be tried again.
 */
export async function unplaced(client: Client, index: string): Promise<StoreError> {
  try {
    const { indices } = await client.cluster.health({ index, level: 'shards' })
    const shards = Object.entries(indices?.[index]?.shards ?? {})
    const shard = shards.find(([, { primary_active }]) => !primary_active)?.[0]
    const explained = shard && (await client.cluster.allocationExplain({ index, shard: Number(shard), primary: true }))
    if (explained && explained.current_state === 'unassigned') return placeRefused(explained)
    return new StoreError('busy', `the Elasticsearch index ${index} was still starting; try again`, { retryable: true })
  } catch (cause) {
    // It is not what was asked for that failed: a user who may not see the cluster's state may well write.
    const reason = storeErrorOf(cause).message
    return new StoreError('busy', `the Elasticsearch index ${index} takes nothing, and why is not told: ${reason}`, {
      cause,
      retryable: true,
    })
  }
}

/** What the cluster says of a shard that it places nowhere, as an error. */
export function placeRefused({
  index,
  shard,
  allocate_explanation,
  node_allocation_decisions = [],
}: Explanation): StoreError {
  const deciders = node_allocation_decisions.flatMap(({ deciders = [] }) => deciders)
  const refusals = new Set(deciders.map(({ explanation }) => explanation))
  const why = refusals.size > 0 ? [...refusals].join('; ') : (allocate_explanation ?? 'it does not say why')
  const full = deciders.some(({ decider }) => decider === DISK)
  const hint = full ? '; free space on its disk, or lower cluster.routing.allocation.disk.watermark' : ''
  return new StoreError(
    full ? 'no_space' : 'busy',
    `Elasticsearch has no place for shard ${shard} of index ${index}: ${why}${hint}`,
    { retryable: true },
  )
}
