import type { Reporter, TestModule, Vitest } from 'vitest/node'

/** With `SLUICE_TEST_STRICT=1` a test that was skipped, in whatever way, fails the run. */
export default class StrictReporter implements Reporter {
  #all = true

  onInit({ config }: Vitest): void {
    // Whoever asks for some tests by name skips the others on purpose.
    this.#all = config.testNamePattern === undefined
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    if (!this.#all) return
    const skipped = modules.flatMap((file) => [...file.children.allTests('skipped')])
    if (skipped.length === 0) return
    for (const { module, fullName } of skipped)
      process.stderr.write(`SLUICE_TEST_STRICT=1, and this was skipped: ${module.relativeModuleId} > ${fullName}\n`)
    process.exitCode = 1
  }
}

/** For `test.reporters`. */
export const strictly = (): ('default' | StrictReporter)[] =>
  process.env['SLUICE_TEST_STRICT'] === '1' ? ['default', new StrictReporter()] : ['default']
