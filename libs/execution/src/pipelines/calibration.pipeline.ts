import { CalibrationScorer, Datasets } from '@interlock/calibration';
import { NAME_PATTERN, Settings } from '@interlock/config';
import { Injectable } from '@nestjs/common';
import { IsInt, Matches, Max, Min } from 'class-validator';
import { type InputVerdict, Pipeline, type PipelineContext, PipelineFailed, type PipelineResult } from '../pipeline.js';
import { checkAgainst } from './pipeline-input.js';

class CalibrationInput {
  @Matches(NAME_PATTERN, {
    message: 'must be a name: 1 to 64 of a-z, 0-9, dot, underscore, hyphen, beginning with a letter or digit',
  })
  dataset!: string;

  @IsInt({ message: 'must be a whole number from 2 to 100' })
  @Min(2, { message: 'must be a whole number from 2 to 100' })
  @Max(100, { message: 'must be a whole number from 2 to 100' })
  bins!: number;
}

/** Scores a dataset of resolved markets: how well did its probabilities agree with what happened? */
@Injectable()
export class CalibrationPipeline extends Pipeline {
  readonly name = 'calibration';

  constructor(
    private readonly settings: Settings,
    private readonly datasets: Datasets,
  ) {
    super();
  }

  async checkInput(input: Record<string, unknown>): Promise<InputVerdict> {
    const defaults = { dataset: this.settings.calibrationDataset, bins: 10 };
    // Defaults need no check, and most starts have nothing else.
    const verdict: InputVerdict =
      Object.keys(input).length === 0
        ? { ok: true, input: defaults }
        : checkAgainst(CalibrationInput, { ...defaults, ...input });
    if (!verdict.ok) return verdict;
    const dataset = String(verdict.input['dataset']);
    if (await this.datasets.exists(dataset)) return verdict;
    return { ok: false, fieldErrors: { 'input.dataset': [`there is no dataset ${dataset}`] } };
  }

  async run({ params, signal, stage }: PipelineContext): Promise<PipelineResult> {
    const { dataset: name, bins } = params.input as unknown as CalibrationInput;
    // Pinned, so that an attempt that resumes scores the same rows even when the dataset was replaced meanwhile.
    const dataset = await stage('load', async () => {
      const found = await this.datasets.find(name);
      if (found === null)
        throw new PipelineFailed({ stage: 'load', reason: `there is no dataset ${name} any more` }, false);
      return { versionId: found.versionId, rows: found.rows, sha256: found.sha256 };
    });
    const scores = await stage('score', async (progress) => {
      const scorer = new CalibrationScorer({ bins });
      let done = 0;
      for await (const page of this.datasets.pages(dataset.versionId, signal)) {
        for (const markets of page) {
          scorer.addAll(markets);
          done += markets.probabilities.length;
        }
        progress({ done, total: dataset.rows, unit: 'rows' });
      }
      return scorer.finish();
    });
    return { report: { dataset: name, sha256: dataset.sha256, ...scores } };
  }
}
