import { setTimeout as sleep } from 'node:timers/promises'
import { LogError, type PartitionOffsets } from '../event-log.ts'

const LOOKS = 5
const PAUSE_MS = 500

/**
 * Makes sure that offsets are within the log, against all that moves meanwhile: the end is told as of a moment ago, and
 * by a leader that has just changed perhaps too low, so one that seems to be beyond it is looked at again; the earliest
 * offset may have moved to behind what was read since.
 * @param ask what the log holds
 * @param at where the reader is, by partition; asked before and after
 * @throws LogError `offset_out_of_range`
 */
export async function refuseOutside(
  ask: () => Promise<readonly PartitionOffsets[]>,
  at: () => ReadonlyMap<number, bigint>,
  pause_ms = PAUSE_MS,
): Promise<void> {
  for (let look = 1; ; look++) {
    const before = new Map(at())
    const known = await ask()
    const after = at()
    const below = known.find(({ partition, earliest }) => (after.get(partition) ?? earliest) < earliest)
    if (below) throw outside(below, after.get(below.partition))
    const beyond = known.find(({ partition, end }) => (before.get(partition) ?? end) > end)
    if (!beyond) return
    if (look === LOOKS) throw outside(beyond, before.get(beyond.partition))
    await sleep(pause_ms)
  }
}

function outside({ partition, earliest, end }: PartitionOffsets, offset: bigint | undefined): LogError {
  return new LogError(
    'offset_out_of_range',
    `partition ${partition}: expected an offset from ${earliest} to ${end}, got ${offset}; the log was cut or replaced: refill it from the raw zone`,
  )
}
