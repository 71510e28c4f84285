import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { ConnectionError, FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { PROBLEM_TYPE, type ProblemFields, problemText, sendProblem } from './problem.ts'

/** What Fastify itself refuses before it has found a route: a path that cannot be decoded, or is too long. */
export function answerFrameworkError(error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  sendProblem(reply, refusalOf(error, error.statusCode ?? 400, request))
}

/** What is no HTTP that could be answered in turn: the connection is answered once, and ends. */
export function answerTornRequest(error: ConnectionError, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const fields = tornRequest(error.code)
  const body = problemText(fields)
  socket.end(
    `HTTP/1.1 ${fields.status} ${STATUS_CODES[fields.status]}\r\ncontent-type: ${PROBLEM_TYPE}\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  )
}

/** A refusal of Fastify's as a problem with a code of ours. */
export function refusalOf(error: FastifyError, status: number, request: FastifyRequest): ProblemFields {
  if (error.code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') {
    const came = request.headers['content-type']?.slice(0, 100) || 'none'
    return { status, code: 'unsupported_media_type', detail: `expected application/json, came ${came}` }
  }
  if (error.code === 'FST_ERR_BAD_URL')
    return { status, code: 'invalid_path', detail: 'expected a path whose percent signs stand for UTF-8' }
  if (error.code === 'FST_ERR_MAX_PARAM_LENGTH')
    return { status, code: 'path_too_long', detail: 'expected a shorter part of the path, such as an id or a name' }
  const code = (error.code ?? 'bad_request').replace(/^FST_ERR_(CTP_)?/, '').toLowerCase()
  return { status, code, detail: error.message }
}

function tornRequest(code: string): ProblemFields {
  if (code === 'HPE_HEADER_OVERFLOW')
    return { status: 431, code: 'header_too_large', detail: 'expected at most 16 KB of request line and headers' }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return { status: 408, code: 'request_timeout', detail: 'expected the whole request sooner; send it again' }
  return { status: 400, code: 'invalid_http', detail: `expected HTTP/1.1, came something else (${code})` }
}
