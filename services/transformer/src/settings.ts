import { flowSettings } from '@sluice/server-parts'
import { setting } from '@sluice/service'

/** What can be set of a transformer on servers. */
export const settings = flowSettings.extend({
  group: setting.text('transformer').describe('consumer group: transformers of one lake share its partitions'),
  batch_records: setting
    .int(25_000, { min: 1, max: 1_000_000 })
    .describe(
      'largest micro-batch, in events of at most 8 MB: larger ones decide a backlog with less work and more memory',
    ),
  kafka_retention_hours: setting
    .int(168, { max: 1_000_000 })
    .describe('records stay on Kafka until they are decided, and this long, in hours; raw keeps them for ever'),
})
