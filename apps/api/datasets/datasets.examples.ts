import type { DatasetAnswer, DatasetAnswerBody, DatasetsAnswer } from './datasets.dto.js';

const sample = {
  name: 'sample',
  rows: 42,
  bytes: 7310,
  sha256: 'b088f5a4888e997be714049153962769a2ff3c50a5a8e1274fb5f0f9747a5028',
  importedAt: '2026-11-23T06:56:13.446Z',
  ignoredColumns: [],
} satisfies DatasetAnswerBody;
const one = {
  ok: true,
  dataset: {
    name: 'mine',
    rows: 2,
    bytes: 77,
    sha256: 'ebcfd3723131339f77ab8d89a54c8dceb472744cc9d8063029693867c221757a',
    importedAt: '2026-11-23T06:56:48.912Z',
    ignoredColumns: ['venue'],
  },
} satisfies DatasetAnswer;
const page = { ok: true, items: [sample], nextCursor: null } satisfies DatasetsAnswer;

const csv = 'market_id,probability,outcome\nrain-monday,0.7,1\nrain-tuesday,0.2,0\n';
const ndjson =
  '{"market_id":"rain-monday","probability":0.7,"outcome":1}\n{"market_id":"rain-tuesday","probability":0.2,"outcome":0}\n';

export const datasetsExamples = { one, page, csv, ndjson };
