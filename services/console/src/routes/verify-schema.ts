import { answered, integer, listOf, namedValues, objectOf, orNull, refusals, text, yesOrNo } from './answer-schema.ts'

const ids = (what: string) => listOf({ type: 'string' }, `some of them, at most 20: ${what}`)

const store = objectOf(
  {
    rows: integer('that the store holds of the table'),
    missing: integer('rows of the table that the store lacks'),
    extra: integer('rows of the store that the table lacks'),
    differing: integer('rows that are not the same in both'),
    refused: integer('rows that the store cannot hold, accounted for'),
    ids: objectOf({ missing: ids('identities'), extra: ids('identities'), differing: ids('identities') }),
    version: orNull(integer('table version that the store was compared at; null where it could not be asked')),
    error: text('why the store could not be asked'),
  },
  { optional: ['error'] },
)

const table = objectOf({
  table: text('name'),
  version: integer('that was compared'),
  stored: integer('events that the ledger has as stored in it'),
  superseded: integer('stored events of a keyed table that a newer one replaced'),
  rows: integer('that the table has'),
  missing: integer('rows that the ledger tells of and the table lacks'),
  extra: integer('rows that the table has twice, or the ledger does not tell of'),
  ids: objectOf({ missing: ids('event ids'), extra: ids('event ids') }),
  stores: namedValues(store, 'by store, those that get the table'),
})

const report = objectOf({
  ok: yesOrNo('nothing is missing, nothing is too much, and nothing differs'),
  ledger_version: integer('of the cut: all below is compared at it'),
  totals: objectOf({
    receipts: integer('raw lines that were decided; stored + quarantined + repeats'),
    stored: integer('receipts'),
    quarantined: integer('receipts, closed ones too'),
    repeats: integer('receipts'),
  }),
  raw: objectOf({
    lines: integer('raw lines that were acknowledged before the call'),
    missing: integer('lines without a receipt'),
    lost: integer('receipts whose line is not in the raw zone any more'),
    ids: objectOf({ missing: ids('event ids'), lost: ids('event ids') }),
  }),
  quarantine: objectOf({
    rows: integer('entries, closed ones too'),
    missing: integer('quarantined receipts without an entry'),
    extra: integer('entries without a quarantined receipt'),
  }),
  tables: listOf(table),
})

/** OpenAPI of `GET /v1/verify`. */
export const verifySchema = {
  tags: ['lake'],
  summary: 'Reconcile raw, ledger, tables and stores, down to event ids',
  description:
    'Waits at most a minute for what was acknowledged before the call; what is not there by then is reported as missing.',
  response: {
    ...answered('what is missing, extra or differing, and where', report, {
      ok: true,
      ledger_version: 57,
      totals: { receipts: 1204, stored: 1200, quarantined: 1, repeats: 3 },
      raw: { lines: 1204, missing: 0, lost: 0, ids: { missing: [], lost: [] } },
      quarantine: { rows: 1, missing: 0, extra: 0 },
      tables: [
        {
          table: 'movies',
          version: 7,
          stored: 130,
          superseded: 10,
          rows: 120,
          missing: 0,
          extra: 0,
          ids: { missing: [], extra: [] },
          stores: {
            postgres: {
              rows: 120,
              missing: 0,
              extra: 0,
              differing: 0,
              refused: 0,
              ids: { missing: [], extra: [], differing: [] },
              version: 7,
            },
          },
        },
      ],
    }),
    ...refusals(),
  },
}
