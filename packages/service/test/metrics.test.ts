import { describe, expect, it } from 'vitest'
import { createApp, createLogger, createMetrics } from '../src/index.ts'

const logger = createLogger({ name: 'test', level: 'silent' })

describe('metrics', () => {
  it('a gauge that is read at each scrape shows what is true then', async () => {
    const metrics = createMetrics()
    let waiting = 1
    metrics.gauge('sluice_test_waiting_rows', 'Rows', ['table'], async (gauge) => {
      await Promise.resolve()
      gauge.set({ table: 'movies' }, waiting)
    })
    expect(await metrics.text()).toContain('sluice_test_waiting_rows{table="movies"} 1')
    waiting = 7
    expect(await metrics.text()).toContain('sluice_test_waiting_rows{table="movies"} 7')
    waiting = Number.NaN
    expect(await metrics.text()).toContain('sluice_test_waiting_rows{table="movies"} NaN')
  })

  it('answers are timed by the pattern of their route and their status, probes are not', async () => {
    const metrics = createMetrics()
    const app = await createApp({ logger, metrics, version: '0' })
    app.get('/v1/things/:id', async () => ({}))
    await app.inject('/v1/things/1')
    await app.inject('/v1/things/2')
    await app.inject('/nothing')
    await app.inject('/health/live')
    const text = (await app.inject('/metrics')).body
    await app.close()
    expect(text).toContain('sluice_http_answer_seconds_count{route="/v1/things/:id",status="200"} 2')
    expect(text).toContain('sluice_http_answer_seconds_count{route="unknown",status="404"} 1')
    expect(text).not.toContain('route="/health')
  })
})
