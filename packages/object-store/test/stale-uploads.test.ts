import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { S3Connection } from '../src/s3/connection.ts'
import { dropStaleUploads } from '../src/s3/stale-uploads.ts'

const NOW_MS = Date.parse('2026-02-03T00:00:00Z')
const OLD = '2026-02-01T00:00:00.000Z'
let stop = () => {}
afterEach(() => stop())

/** A server whose answers to GET are these, one after the other; what else is asked of it is noted. */
async function serverOf(pages: readonly { status: number; body: string }[]) {
  const asked: string[] = []
  let page = 0
  const server = createServer((request, response) => {
    if (request.method === 'GET') {
      const answer = pages[page++] ?? { status: 500, body: '' }
      asked.push(new URL(request.url ?? '', 'http://s3').search.replace(/&x-id=\w+/, ''))
      response.writeHead(answer.status, { 'content-type': 'application/xml' }).end(answer.body)
    } else {
      asked.push(`${request.method} ${request.url?.replace(/&?x-id=\w+/, '')}`)
      response.writeHead(request.url?.includes('gone') ? 404 : 204).end()
    }
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const connection = new S3Connection({
    bucket: 'lake',
    prefix: 'ours',
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    credentials: { access_key: 'a', secret_key: 's' },
    connections: 4,
    request_timeout_ms: 5_000,
    retry_for_ms: 500,
  })
  stop = () => {
    connection.close()
    server.closeAllConnections()
    server.close()
  }
  return { connection, asked }
}

const upload = (key: string, id: string, initiated: string) =>
  `<Upload><Key>${key}</Key><UploadId>${id}</UploadId><Initiated>${initiated}</Initiated></Upload>`
const pageOf = (content: string) => ({
  status: 200,
  body: `<?xml version="1.0"?><ListMultipartUploadsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Bucket>lake</Bucket><EncodingType>url</EncodingType>${content}</ListMultipartUploadsResult>`,
})

it('uploads of killed processes are dropped when they are old, page by page, below the folders that are ours alone', async () => {
  const { connection, asked } = await serverOf([
    pageOf(
      `<IsTruncated>true</IsTruncated><NextKeyMarker>ours/b+c</NextKeyMarker><NextUploadIdMarker>2</NextUploadIdMarker>${upload('ours/a', '1', OLD)}${upload('ours/b+c', '2', OLD)}`,
    ),
    pageOf(
      `<IsTruncated>false</IsTruncated>${upload('ours/gone', '3', OLD)}${upload('ours/young', '4', '2026-02-02T23:00:00.000Z')}`,
    ),
    pageOf('<IsTruncated>false</IsTruncated>'),
  ])
  expect(await dropStaleUploads(connection, NOW_MS - 86_400_000, ['media/', 'raw/'])).toBe(3)
  expect(asked.filter((line) => line.startsWith('DELETE'))).toEqual([
    'DELETE /lake/ours/a?uploadId=1',
    'DELETE /lake/ours/b%20c?uploadId=2',
    'DELETE /lake/ours/gone?uploadId=3',
  ])
  const pages = asked.filter((line) => line.startsWith('?')).map((line) => new URLSearchParams(line))
  expect(pages.map((page) => [page.get('prefix'), page.get('key-marker'), page.get('upload-id-marker')])).toEqual([
    ['ours/media/', null, null],
    ['ours/media/', 'ours/b c', '2'],
    ['ours/raw/', null, null],
  ])
})

it('a server without such a list has nothing to drop; one that refuses is an error', async () => {
  const without = await serverOf([{ status: 501, body: '<Error><Code>NotImplemented</Code></Error>' }])
  expect(await dropStaleUploads(without.connection, NOW_MS, ['raw/'])).toBe(0)
  stop()
  const refusing = await serverOf([{ status: 403, body: '<Error><Code>AccessDenied</Code></Error>' }])
  await expect(dropStaleUploads(refusing.connection, NOW_MS, ['raw/'])).rejects.toMatchObject({ code: 'access_denied' })
})
