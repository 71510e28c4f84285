import type { estypes } from '@elastic/elasticsearch'

/** Name of the analyzer that every full-text field has. */
export const WORDS = 'words'

/**
 * Elasticsearch's analysis of a text, with the same words as `text-analysis.ts` finds: words by UAX #29, folded so
 * that case, accents and widths make no difference. Folding is by rules made here, because the ICU plugin is no part
 * of Elasticsearch and its ASCII folding knows Latin letters only.
 */
export function wordAnalysis(): estypes.IndicesIndexSettingsAnalysis {
  return {
    char_filter: { folded: { type: 'mapping', mappings: [...foldingRules(), ...BREAK_RULES, ...OTHER_RULES] } },
    filter: {
      joined: { type: 'pattern_replace', pattern: "['_]", replacement: '' },
      not_empty: { type: 'length', min: 1 },
    },
    analyzer: {
      [WORDS]: {
        type: 'custom',
        char_filter: ['folded'],
        tokenizer: 'standard',
        filter: ['lowercase', 'joined', 'not_empty'],
      },
    },
  }
}

const LAST_OF_BASIC_PLANE = 0xffff

/** One rule for each letter, digit or mark that has accents or is a form of another: `é => e`. */
function foldingRules(): string[] {
  const rules: string[] = []
  for (let code = 0x80; code <= LAST_OF_BASIC_PLANE; code++) {
    const character = String.fromCharCode(code)
    if (!/[\p{L}\p{N}\p{M}]/u.test(character)) continue
    const folded = character
      .normalize('NFKD')
      .replace(/[\u0300-\u036f]/g, '')
      .normalize('NFC')
      .trim()
    if (folded !== character) rules.push(`${character} => ${folded}`)
  }
  return rules
}

/** What UAX #29 lets join letters or digits into one word (MidLetter, MidNum, MidNumLet), apostrophes apart. */
const BREAK_RULES = [
  ...['\\u002c', '\\u002e', '\\u003a', '\\u003b', '\\u00b7', '\\u037e', '\\u0387', '\\u055f', '\\u0589', '\\u05f4'],
  ...['\\u060c', '\\u060d', '\\u066c', '\\u07f8', '\\u2018', '\\u2024', '\\u2027', '\\u2044', '\\ufe10', '\\ufe13'],
  ...['\\ufe14', '\\ufe50', '\\ufe52', '\\ufe54', '\\ufe55', '\\uff07', '\\uff0c', '\\uff0e', '\\uff1a', '\\uff1b'],
].map((character) => `${character} => \\u0020`)

/** Both apostrophes are one; the last sigma of a word is a sigma, because Elasticsearch lowers each letter by itself. */
const OTHER_RULES = ['\\u2019 => \\u0027', 'ς => σ']
