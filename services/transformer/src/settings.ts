import { KAFKA_LOG_LIMITS } from '@sluice/event-log/kafka'
import { flowSettings } from '@sluice/server-parts'
import { setting } from '@sluice/service'
import type { z } from 'zod'
import type { TransformerLimits } from './limits.ts'

/** What can be set of a transformer on servers. */
export const settings = flowSettings.extend({
  group: setting.text('transformer').describe('consumer group: transformers of one lake share its partitions'),
  batch_records: setting
    .int(25_000, { min: 1, max: 1_000_000 })
    .describe(
      'largest micro-batch, in events, which have 10 MB at most together: larger ones need less work and more memory',
    ),
  kafka_retention_hours: setting
    .int(168, { max: 1_000_000 })
    .describe('records stay on Kafka until they are decided, and this long, in hours; raw keeps them for ever'),
})

/** A batch that is all that a consumer on Kafka buffers tells a backlog, too. */
export const limitsOf = (config: Pick<z.infer<typeof settings>, 'freshness_ms' | 'batch_records'>) =>
  ({
    freshness_ms: config.freshness_ms,
    max_records: config.batch_records,
    max_bytes: KAFKA_LOG_LIMITS.buffer_bytes,
  }) satisfies Partial<TransformerLimits>
