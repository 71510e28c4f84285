import { serverSettings } from '@sluice/server-parts'
import { setting } from '@sluice/service'

/** What can be set of ingest on servers. */
export const settings = serverSettings.extend({
  gather_ms: setting
    .int(10, { max: 10_000 })
    .describe(
      'while a raw batch is on its way the next one gathers at least this long, in ms: fewer PUTs, later answers',
    ),
})
