import { z } from 'zod'
import { runService } from '../src/index.ts'

/** A process that never gets ready: its start goes on until its part is closed, and fails then. */
await runService(
  {
    name: 'slow-start',
    title: 'For tests.',
    settings: z.object({}),
    async start(_, { closers, logger }) {
      const closed = Promise.withResolvers<never>()
      await closers.open(
        'part',
        () => setInterval(() => undefined, 1_000),
        async (timer) => {
          clearInterval(timer)
          closed.reject(new Error('the part is closed'))
        },
      )
      logger.info('starting')
      return closed.promise
    },
  },
  process.argv.slice(2),
  process.env,
)
