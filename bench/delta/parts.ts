/** What is measured, in the order of the results. `rate`: more is better; `seconds`: less is. */
export const PARTS = [
  { part: 'batches-10k', what: 'a million events in batches of 10,000', unit: 'events/s', goal: 'rate' },
  { part: 'batches-100k', what: 'a million events in batches of 100,000', unit: 'events/s', goal: 'rate' },
  { part: 'tiny-appends', what: '1,000 appends of 100 rows', unit: 'commits/s', goal: 'rate' },
  { part: 'open-log', what: 'opening 10,000 commits without a checkpoint', unit: 's', goal: 'seconds' },
  { part: 'open-checkpoint', what: 'opening 10,000 commits with one', unit: 's', goal: 'seconds' },
  { part: 'checkpoint', what: 'checkpoint of 10,000 files', unit: 's', goal: 'seconds' },
  { part: 'delete', what: 'delete of 1,000 rows in a million, 20 files', unit: 's', goal: 'seconds' },
  { part: 'merge', what: 'merge of 1,000 rows into a million', unit: 's', goal: 'seconds' },
  { part: 'open-many', what: 'opening 100,000 files', unit: 's', goal: 'seconds' },
] as const

export type Part = (typeof PARTS)[number]['part']

/** What a run of a part prints as JSON. */
export interface Measured {
  value: number
  peak_mb: number
  /** Of `tiny-appends`: milliseconds of the first and of the last hundred, each. */
  first_ms?: number
  last_ms?: number
}
