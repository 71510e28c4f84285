import { z } from 'zod'

const MiB = 1024 * 1024

/** Every limit of ingest, with its default. What goes beyond one is refused with a reason. */
export const ingestLimits = z.object({
  body_limit_bytes: z
    .number()
    .int()
    .positive()
    .default(32 * MiB)
    .describe('largest request body, before and after decompression'),
  event_limit_bytes: z
    .number()
    .int()
    .positive()
    .default(4 * MiB)
    .describe('largest text of one event'),
  events_per_request: z.number().int().positive().default(50_000),
  nesting_limit: z
    .number()
    .int()
    .positive()
    .default(100)
    .describe('deepest nesting of arrays and objects in one event'),
  queue_limit_bytes: z
    .number()
    .int()
    .positive()
    .default(128 * MiB)
    .describe('bodies being read, checked and made durable, all together'),
  client_queue_limit_bytes: z
    .number()
    .int()
    .positive()
    .default(96 * MiB)
    .describe('the same for one API key'),
  group_limit_bytes: z
    .number()
    .int()
    .positive()
    .default(8 * MiB)
    .describe('a raw batch takes no further request beyond this'),
  group_limit_events: z.number().int().positive().default(20_000),
  groups_in_flight: z
    .number()
    .int()
    .positive()
    .default(1)
    .describe('raw batches on their way at once; more than one helps where a write waits for another machine'),
  gather_ms: z
    .number()
    .nonnegative()
    .default(10)
    .describe('with a raw batch on its way, the next one gathers at least this long before it follows'),
  relay_queue_limit_bytes: z
    .number()
    .int()
    .positive()
    .default(64 * MiB)
    .describe('raw batches kept in memory until they are published; beyond it they are read back'),
  relay_send_limit_bytes: z
    .number()
    .int()
    .positive()
    .default(4 * MiB)
    .describe('one send to the log takes no further batch beyond this'),
  wait_limit_ms: z
    .number()
    .int()
    .positive()
    .default(60_000)
    .describe('a request waits no longer, whatever its timeout_ms'),
  waiting_limit_events: z
    .number()
    .int()
    .positive()
    .default(100_000)
    .describe('events whose outcome is waited for at a time'),
  media_limit_bytes: z
    .number()
    .int()
    .positive()
    .default(16 * 1024 * MiB),
  file_limit_bytes: z
    .number()
    .int()
    .positive()
    .default(16 * 1024 * MiB),
  file_load_limit_ms: z
    .number()
    .int()
    .positive()
    .default(30 * 60_000)
    .describe('longest time to read the rows of one file'),
  uploads: z.number().int().positive().default(32).describe('media and files being received at a time'),
  stop_limit_ms: z
    .number()
    .int()
    .positive()
    .default(10_000)
    .describe('at shutdown, time to publish what is not yet on the log; the rest is published after the next start'),
})

export type IngestLimits = z.infer<typeof ingestLimits>
