import type { Acceptance } from './event-acceptance.ts'

/** Why a request could not be made durable. */
export const NOT_DURABLE_CODES = ['no_space', 'raw_zone_unavailable'] as const
export type NotDurableCode = (typeof NOT_DURABLE_CODES)[number]

/** What ingest counts. */
export interface IngestMetrics {
  received(bytes: number): void
  checked(acceptances: readonly Acceptance[], rejected: number): void
  appended(seconds: number, lines: number, bytes: number): void
  refused(code: NotDurableCode): void
}

export const noMetrics: IngestMetrics = {
  received: () => undefined,
  checked: () => undefined,
  appended: () => undefined,
  refused: () => undefined,
}
