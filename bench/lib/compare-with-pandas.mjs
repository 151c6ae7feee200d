import { spawnSync } from 'node:child_process';
import { atMost } from './results.mjs';

const WHAT = 'pandas + scikit-learn';
const AGREEMENT = 1e-9;
const SCORES = ['brier', 'logLoss', 'ece'];

const SCRIPT = `
import json, resource, sys, time
begin = time.perf_counter()
import numpy as np, pandas as pd, sklearn
from sklearn.metrics import brier_score_loss, log_loss
data = pd.read_csv(sys.argv[1], parse_dates=["as_of", "resolved_at"])
assert data["market_id"].is_unique
p, y = data["probability"].to_numpy(), data["outcome"].to_numpy()
which = np.minimum((p * 10).astype(int), 9)
ece = sum(abs(p[which == i].sum() - y[which == i].sum()) for i in range(10)) / len(p)
for column in ("platform", "category"):
    for _, part in data.groupby(column):
        brier_score_loss(part["outcome"], part["probability"]); log_loss(part["outcome"], part["probability"])
print(json.dumps({"brier": brier_score_loss(y, p), "logLoss": log_loss(y, p), "ece": float(ece),
  "seconds": time.perf_counter() - begin, "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
  "versions": "pandas " + pd.__version__ + ", scikit-learn " + sklearn.__version__}))`;

/**
 * Reads the file and makes the same numbers with pandas and scikit-learn, in memory and without storing anything.
 * @param python the interpreter; unless told, the first of python3 and /usr/bin/python3 that has both
 */
export function compareWithPandas(file, report, python) {
  const candidates = python === undefined ? ['python3', '/usr/bin/python3'] : [python];
  const found = candidates.find((one) => spawnSync(one, ['-c', 'import pandas, sklearn']).status === 0);
  if (found === undefined) {
    const note = `The comparison with ${WHAT} was skipped: ${candidates.join(' and ')} ${candidates.length === 1 ? 'does' : 'do'} not have both.`;
    return { goals: [], note };
  }
  const { status, stdout, stderr } = spawnSync(found, ['-c', SCRIPT, file], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`the comparison with ${WHAT} failed: ${stderr}`);
  const theirs = JSON.parse(stdout);
  const difference = Math.max(...SCORES.map((score) => Math.abs(theirs[score] - report[score])));
  return {
    what: `${WHAT}, in memory`,
    seconds: theirs.seconds,
    megabytes: theirs.megabytes,
    goals: [atMost('largest difference to scikit-learn', difference, AGREEMENT, (value) => value.toExponential(0))],
    note: `Compared with ${theirs.versions}, which read the whole file into memory and store nothing.`,
  };
}
