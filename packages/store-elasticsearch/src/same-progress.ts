import type { Progress } from '@sluice/store'

export function sameProgress(a: Progress | undefined, b: Progress | undefined): boolean {
  return (
    a?.table_id === b?.table_id &&
    a?.version === b?.version &&
    a?.step?.target === b?.step?.target &&
    a?.step?.chunks === b?.step?.chunks
  )
}
