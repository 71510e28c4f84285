import { readdir, readFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { type SavedQuestion, savedQuestion } from './cypher-file.ts'

const TITLE = 'The graph of films and viewers'
const TEXT =
  'Users, films and people as the events tell them. Nothing here is stored by hand: the graph follows the lake tables, and a table that is loaded anew makes it anew.'

/** The saved questions of a folder, in the order of their file names. */
export async function savedQuestions(folder: URL): Promise<SavedQuestion[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.cypher')).sort()
  return Promise.all(names.map(async (name) => savedQuestion(name, await readFile(new URL(name, folder), 'utf8'))))
}

/** The guide for the classic Neo4j Browser: `:play http://localhost:7475/graph.html`. */
export function guideHtml(questions: readonly SavedQuestion[]): string {
  const slide = (title: string, text: string, code = '') =>
    `<slide class="row-fluid"><div class="col-sm-4"><h3>${escaped(title)}</h3><p class="lead">${escaped(text)}</p></div><div class="col-sm-8">${code}</div></slide>`
  const code = (text: string) => `<pre mode="cypher" class="pre-scrollable code runnable">${escaped(text)}</pre>`
  const slides = questions.map(({ title, text, parameters, cypher }) =>
    slide(title, text, [...parameters, cypher].map(code).join('')),
  )
  return `<article class="guide"><carousel class="deck container-fluid">${[slide(TITLE, TEXT), ...slides].join('')}</carousel></article>\n`
}

/** The same in AsciiDoc, for the Browser of today: `:guide http://localhost:7475/graph.adoc`. */
export function guideAsciidoc(questions: readonly SavedQuestion[]): string {
  const code = (text: string) => `[source,cypher]\n----\n${text}\n----\n`
  const pages = questions.map(({ title, text, parameters, cypher }) =>
    [`== ${title}\n`, `${text}\n`, ...[...parameters, cypher].map(code)].join('\n'),
  )
  return [`= ${TITLE}\n`, `${TEXT}\n`, ...pages].join('\n')
}

/** Serves both forms to the Browser, which comes from another origin. */
export function guideServer(questions: readonly SavedQuestion[]): Server {
  const pages: Readonly<Record<string, { type: string; text: string }>> = {
    '/graph.html': { type: 'text/html; charset=utf-8', text: guideHtml(questions) },
    '/graph.adoc': { type: 'text/plain; charset=utf-8', text: guideAsciidoc(questions) },
  }
  return createServer((request, response) => {
    const page = pages[new URL(request.url ?? '/', 'http://guide').pathname]
    response.writeHead(page ? 200 : 404, {
      'content-type': page?.type ?? 'text/plain; charset=utf-8',
      'access-control-allow-origin': '*',
      'access-control-allow-headers': '*',
    })
    response.end(page?.text ?? `expected ${Object.keys(pages).join(' or ')}\n`)
  })
}

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
