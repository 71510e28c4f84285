import { z } from 'zod'

const count = z.number().int().positive()

/** Every limit of the transformer, with its default. */
export const transformerLimits = z.object({
  freshness_ms: z.number().int().nonnegative().default(400).describe('at most this long from receipt to visible'),
  max_records: count
    .default(40_000)
    .describe('largest micro-batch, in events; less while there is not the memory for it'),
  max_bytes: count.default(32 * 1024 * 1024).describe('largest micro-batch, in bytes'),
  max_wait_ms: count.default(250).describe('a poll waits this long for a first record'),
  look_every_ms: count.default(1_000).describe('while idle, how often to look for work that others left'),
  tables_behind: count.default(64).describe('ledger versions that a table may be behind before the next batch waits'),
  upkeep_every_ms: count.default(2_000).describe('pause between two rounds of compaction, checkpoints and clean-up'),
})

export type TransformerLimits = z.infer<typeof transformerLimits>
