import { afterAll, describe, it } from 'vitest'
import { lacks } from '../lacks.ts'
import { EngineSession } from './engine-session.ts'
import { type Engines, findEngines } from './engines.ts'

/**
 * A suite that needs delta-rs and Spark: `await describeEngines('…', (session) => { it(…) })`. Without them it is skipped
 * and says why; with `SLUICE_TEST_STRICT=1` that is a failure.
 */
export async function describeEngines(
  name: string,
  body: (session: EngineSession, engines: Engines) => void,
): Promise<void> {
  const found = await findEngines()
  if (found.kind === 'absent') {
    describe(name, () => {
      it('has its engines', ({ skip }) => lacks(skip, found.reason))
    })
    return
  }
  describe(name, () => {
    const session = new EngineSession(found)
    afterAll(() => session.stop())
    body(session, found)
  })
}
