import { runService } from '@sluice/service'
import { config } from './config.ts'
import { startStandalone } from './standalone.ts'

await runService(
  {
    name: 'sluice',
    title: 'Sluice: all of it in one process, on embedded parts.',
    settings: config,
    start: startStandalone,
  },
  process.argv.slice(2),
  process.env,
)
