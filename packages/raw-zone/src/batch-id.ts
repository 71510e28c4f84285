/** `<incarnation>-<number>`; short, because every row of the ledger carries one. */
export function batchId(incarnation: string, number: number): string {
  return `${incarnation}-${number}`
}

/** @returns `undefined` for a text that is no batch id */
export function parseBatchId(text: string): { incarnation: string; number: number } | undefined {
  const [, incarnation, number] = /^([0-9a-z]{1,32})-([1-9]\d{0,14})$/.exec(text) ?? []
  return incarnation === undefined ? undefined : { incarnation, number: Number(number) }
}

/** Sorts by time; ten characters of base 36: the milliseconds since 1970, and two that tell apart what began in the same one. */
export function newIncarnation(now_ms: number, random: number): string {
  const suffix = Math.floor(random * 36 ** 2)
    .toString(36)
    .padStart(2, '0')
  return `${now_ms.toString(36).padStart(8, '0')}${suffix}`
}
