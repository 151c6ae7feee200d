import { CalibrationScorer, datasetReportOf } from '@interlock/calibration';
import { reportPage } from './report-page.js';

/** The page on as many markets as there are categories; none names a platform. */
function pageWith(categories: number): string {
  const scorer = new CalibrationScorer({ bins: 10 });
  for (let i = 0; i < categories; i += 1) scorer.add({ probability: 0.5, outcome: 1, category: `category ${i}` });
  const stored = JSON.parse(JSON.stringify({ dataset: 'mine', sha256: '', ...scorer.finish() })) as object;
  const report = datasetReportOf({ ...stored });
  if (report === null) throw new Error('it is no report');
  return reportPage('run', report);
}

describe('reportPage', () => {
  it('shows segments, the largest of many, and says where there are none', () => {
    expect(pageWith(3)).toContain('<th scope="row">category 2</th>');
    expect(pageWith(3)).toMatch(/Platforms<\/h2><p class="faint">The dataset names none\./);
    expect(pageWith(1_000)).toContain('The largest; 800 more are in the report as JSON.');
  });

  it('says so when there are too many segments to list any', () => {
    expect(pageWith(1_001)).toMatch(
      /Categories<\/h2><p class="faint">The dataset names more than 1,000, so none is listed\./,
    );
  });
});
