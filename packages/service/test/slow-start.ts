import { z } from 'zod'
import { runService } from '../src/index.ts'

/** A process whose start fails as soon as its part is closed. */
await runService(
  {
    name: 'slow-start',
    title: 'For tests.',
    settings: z.object({}),
    start: (_, { closers, logger }) =>
      new Promise((_, reject) => {
        const open = setInterval(() => undefined, 1_000)
        closers.add('part', async () => {
          clearInterval(open)
          reject(new Error('the part is closed'))
        })
        logger.info('starting')
      }),
  },
  process.argv.slice(2),
  process.env,
)
