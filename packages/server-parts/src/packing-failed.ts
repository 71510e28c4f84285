import { faultFields, type ServiceParts } from '@sluice/service'

/** A store that refuses one refuses them all, some each second. */
const TELL_EVERY_MS = 60_000

/** Counts failures to pack raw batches, and tells of them now and then. For `ObjectRawZoneOptions.packing_failed`. */
export function packingFailed(
  { logger, metrics }: Pick<ServiceParts, 'logger' | 'metrics'>,
  now: () => number = () => performance.now(),
): (error: unknown, incarnation: string) => void {
  const failures = metrics.counter(
    'sluice_raw_packing_failures_total',
    'Times that raw batches could not be packed, or packed ones not be deleted',
  )
  let told_ms = Number.NEGATIVE_INFINITY
  return (error, incarnation) => {
    failures.inc()
    if (now() - told_ms < TELL_EVERY_MS) return
    told_ms = now()
    logger.warn(
      { ...faultFields(error), incarnation },
      'raw batches could not be packed: nothing is lost, but raw history grows by small objects; may this user write and delete below raw/?',
    )
  }
}
