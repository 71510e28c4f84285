import { describe } from 'vitest'
import { allEndpoints } from './all-endpoints.ts'
import { badNetwork } from './bad-network.ts'
import { badServer } from './bad-server.ts'
import { describeServer } from './describe-server.ts'
import { goodDays } from './good-days.ts'
import { lostLog } from './lost-log.ts'
import { outages } from './outages.ts'
import { refusals } from './refusals.ts'

await describeServer('the pipeline on all six servers', allEndpoints, (servers) => {
  describe('good days', () => goodDays(servers))
  describe('settings that are wrong', () => refusals(servers))
  describe('a log that loses records', () => lostLog(servers))
  describe('servers that go away', () => outages(servers))
  describe('a bad network', () => badNetwork(servers))
  describe('one bad server', () => badServer(servers))
})
