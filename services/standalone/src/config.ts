import { setting } from '@sluice/service'
import { z } from 'zod'

/** Every setting of `npm start`. */
export const config = z.object({
  port: setting.int(8080, { max: 65_535 }).describe('TCP port; 0 takes a free one'),
  host: setting.text('127.0.0.1').describe('address to bind to; without API keys a loopback address only'),
  data: setting.text('./data').describe('folder of everything that is kept'),
  api_keys: setting.optionalText().describe('name:secret:scope+scope,…; scopes are ingest, query and admin'),
  open: setting.flag(false).describe('1: bind to any address without API keys'),
  event_types: setting.optionalText().describe('folder of your own event types'),
  freshness_ms: setting.int(400, { max: 60_000 }).describe('at most this long from receipt to visible, in ms'),
  partitions: setting.int(4, { min: 1, max: 256 }).describe('partitions of the event log; can grow, never shrink'),
  memory_limit_mb: setting.int(192, { min: 64 }).describe("DuckDB's memory for loading, in MB; it spills beyond"),
  log_level: setting.text('info').describe('error, warn, info or debug'),
})

export type Config = z.infer<typeof config>
