import type { Acceptance } from './event-acceptance.ts'

/** What ingest counts. */
export interface IngestMetrics {
  received(bytes: number): void
  checked(acceptances: readonly Acceptance[], rejected: number): void
  appended(seconds: number, lines: number, bytes: number): void
  refused(code: string): void
}

export const noMetrics: IngestMetrics = {
  received: () => undefined,
  checked: () => undefined,
  appended: () => undefined,
  refused: () => undefined,
}
