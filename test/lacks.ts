/**
 * Skips a test for want of what it needs, and says why; with `SLUICE_TEST_STRICT=1` that is a failure.
 * @param skip of the test's context
 */
export function lacks(skip: (reason: string) => unknown, reason: string): void {
  if (process.env['SLUICE_TEST_STRICT'] === '1') throw new Error(`SLUICE_TEST_STRICT=1, and ${reason}`)
  process.stderr.write(`skipped: ${reason}\n`)
  skip(reason)
}
