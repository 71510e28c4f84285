import type { Store, StoreErrorCode } from '../store.ts'

/** The calls that travel; all their arguments and results are plain data. */
export type HostedMethod = Exclude<keyof Store, 'name' | 'close'>

export type ToChild =
  | { kind: 'open'; module: string; options: Readonly<Record<string, unknown>> }
  | { kind: 'call'; id: number; method: HostedMethod; args: readonly unknown[] }
  | { kind: 'close' }

export type FromChild =
  | { kind: 'opened' }
  | { kind: 'refused'; error: PlainError }
  | { kind: 'answer'; id: number; value: unknown }
  | { kind: 'failure'; id: number; error: PlainError }

export interface PlainError {
  message: string
  code: StoreErrorCode
  retryable: boolean
}
