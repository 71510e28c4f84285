import { afterAll, describe, it } from 'vitest'
import { lacks } from '../lacks.ts'
import type { Power } from './container.ts'

/**
 * A server that tests can talk to, or why there is none. `crash` ends it by SIGKILL and starts it again on the same
 * data, `power` takes it away for a while, where that can be done.
 */
export type Found<Connection extends object> =
  | ({ kind: 'ready'; stop: () => Promise<void>; crash?: () => Promise<void>; power?: Power } & Connection)
  | { kind: 'absent'; reason: string }

export type Ready<F> = Extract<F, { kind: 'ready' }>

/**
 * A suite that needs a server: `await describeServer('MinIO', minioEndpoint, (minio) => { it(…) })` at the top of a
 * `*.servers.test.ts`. Without the server it is skipped and says why; with `SLUICE_TEST_STRICT=1` that is a failure.
 * A server that was started for the suite is stopped after it.
 */
export async function describeServer<Connection extends object>(
  name: string,
  finder: () => Promise<Found<Connection>>,
  body: (server: Ready<Found<Connection>>) => void,
): Promise<void> {
  // What fails here is this suite's failure, and not that of the others in its file.
  const found = await finder().catch((error: unknown) => ({ kind: 'failed' as const, error }))
  if (found.kind === 'failed') {
    describe(name, () => {
      it('has its server', () => {
        throw found.error
      })
    })
    return
  }
  if (found.kind === 'ready') {
    describe(name, () => {
      afterAll(() => found.stop())
      body(found)
    })
    return
  }
  const { reason } = found
  describe(name, () => {
    it('has its server', ({ skip }) => lacks(skip, `${name}: ${reason}`))
  })
}
