/** A word of a text: its folded form and where it stands (UTF-16 offsets, `end` exclusive). */
export interface Token {
  term: string
  start: number
  end: number
}

/** Longest term that is told apart, in characters; Elasticsearch's standard tokenizer has the same limit. */
const TERM_LIMIT_CHARACTERS = 255

/**
 * Han and Hiragana are written without spaces: each character is a word. Emoji are words. All else is a run of
 * letters, marks and digits, with apostrophes inside (as in UAX #29, which Elasticsearch's standard tokenizer follows).
 */
const WORD =
  /[\p{Script=Han}\p{Script=Hiragana}]|\p{Extended_Pictographic}(?<!\d)|(?:(?![\p{Script=Han}\p{Script=Hiragana}])[\p{L}\p{M}\p{N}_])+(?:['’](?:(?![\p{Script=Han}\p{Script=Hiragana}])[\p{L}\p{M}\p{N}_])+)*/gu

/** The words of a text in order, folded so that case, accents and widths make no difference. */
export function* tokensOf(text: string): Generator<Token> {
  for (const match of text.matchAll(WORD)) {
    const term = fold(match[0])
    if (term !== '') yield { term, start: match.index, end: match.index + match[0].length }
  }
}

/** The different terms of a text. */
export function termsOf(text: string): Set<string> {
  const terms = new Set<string>()
  for (const token of tokensOf(text)) terms.add(token.term)
  return terms
}

/** "L'Été" → "lete": compatibility forms, no accents (U+0300 to U+036F), no apostrophes and underscores, lower case. */
function fold(word: string): string {
  return word
    .normalize('NFKD')
    .replace(/[\u0300-\u036f'’_]/g, '')
    .toLowerCase()
    .normalize('NFC')
    .slice(0, TERM_LIMIT_CHARACTERS)
}
