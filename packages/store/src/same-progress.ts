import type { Progress } from './store.ts'

/** Whether a batch continues where the store stands. */
export function sameProgress(a: Progress | undefined, b: Progress | undefined): boolean {
  return (
    a?.table_id === b?.table_id &&
    a?.version === b?.version &&
    a?.step?.target === b?.step?.target &&
    a?.step?.chunks === b?.step?.chunks
  )
}
