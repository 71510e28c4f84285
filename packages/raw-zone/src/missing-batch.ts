import { batchId } from './batch-id.ts'
import { type RawBatch, type RawZone, RawZoneError } from './raw-zone.ts'

/** A batch up to an incarnation's head. Numbers have no gaps there, so that a batch which is not found is lost. */
export async function acknowledgedBatch(
  zone: Pick<RawZone, 'batch' | 'location'>,
  incarnation: string,
  number: number,
): Promise<RawBatch> {
  const batch = await zone.batch(incarnation, number)
  if (!batch) throw missingBatch(zone.location, batchId(incarnation, number))
  return batch
}

function missingBatch(location: string, batch_id: string): RawZoneError {
  return new RawZoneError(
    'corrupt',
    `${location}: expected raw batch ${batch_id}, which was made durable, and it is gone: restore what was deleted below ${location}, from the bucket's versions or a copy; until then nothing of its incarnation from there on is sent to the log`,
  )
}
