import type { Actor } from '@interlock/access';
import { Settings } from '@interlock/config';
import { scopesOver } from '@interlock/kill-switch';
import { faultPoint } from '@interlock/observability';
import { BoundedEvents } from '@interlock/ops-events';
import {
  answeredWithin,
  CommitOutcomeUnknown,
  isDatabaseUnavailable,
  newId,
  SharedBatches,
  type Transaction,
  Transactions,
} from '@interlock/persistence';
import { RiskGuards, RiskStateUnavailable } from '@interlock/risk-guards';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { asksForTheSame, KeyedRuns } from './idempotency.js';
import { judgeStart, judgeWithoutRoom, type QueueFull } from './judge-start.js';
import { Pipelines } from './pipelines.js';
import { QueueRoom } from './queue-room.js';
import type { RunParams, RunStatus } from './run.js';
import { RunMetrics } from './run-metrics.js';
import { RunEnqueues } from './run-enqueues.js';
import { type NewRun, Runs } from './runs.repository.js';
import { startBlocked, type StartRefusal } from './start-blocked.js';

/*
 * A start is answered within 5 s, whatever the database and the queue do. It may wait so long for its admission to begin, and the
 * admission may take so long; after that it can be known to be refused. From the commit on only the whole is limited: what is
 * then still open is said to be open.
 */
const WAIT_MS = 2_000;
const ADMISSION_MS = 2_500;
const ANSWER_MS = 4_600;

/** Batches of starts under way beside each other: while the database commits one, this process judges and answers others. */
const ADMISSIONS_AT_ONCE = 3;

/** What a caller asks for; `pipeline` absent means the settings' default. */
export type StartRequest = Omit<RunParams, 'pipeline'> & { pipeline?: string; idempotencyKey?: string };

/** Starts a run, if switches and guards let it (safety.md: R1, R2, R3, K2, G1). */
export class StartExecution extends Command<StartExecutionResult> {
  constructor(
    readonly request: StartRequest,
    readonly actor: Actor,
  ) {
    super();
  }
}

export type StartExecutionResult =
  | { kind: 'accepted'; runId: string; jobId: string; params: RunParams }
  /** The key's run, as it is by now. */
  | { kind: 'replayed'; runId: string; jobId: string; params: RunParams; status: RunStatus }
  /** The key belongs to a run with other parameters. */
  | { kind: 'key-reused'; runId: string }
  | { kind: 'invalid'; fieldErrors: Record<string, string[]> }
  | StartRefusal
  /** QUEUE_MAX_WAITING runs wait already. */
  | QueueFull
  /** The queue did not take the job; the run will never execute. */
  | { kind: 'enqueue-failed'; runId: string }
  /** The database was lost at a moment that leaves open whether the run will execute. */
  | { kind: 'outcome-unknown'; runId: string };

interface Intent extends NewRun {
  readonly actor: Actor;
}

type Admission =
  | { kind: 'admitted' }
  | { kind: 'known'; runId: string; params: RunParams; status: RunStatus }
  | { kind: 'key-reused'; runId: string }
  | StartRefusal
  | QueueFull;

@CommandHandler(StartExecution)
export class StartExecutionHandler implements ICommandHandler<StartExecution> {
  /** Concurrent starts share a transaction; the next batch is admitted while the last one is committed and enqueued. */
  private readonly admissions = new SharedBatches<Intent, Admission>(
    (intents) => this.transactions.run((tx) => this.admit(tx, intents), { withinMs: ADMISSION_MS }),
    (error) => isDatabaseUnavailable(error) || error instanceof RiskStateUnavailable,
    { atOnce: () => (this.isCounted ? 1 : ADMISSIONS_AT_ONCE) },
  );

  constructor(
    private readonly settings: Settings,
    private readonly transactions: Transactions,
    private readonly pipelines: Pipelines,
    private readonly guards: RiskGuards,
    private readonly runs: Runs,
    private readonly queueRoom: QueueRoom,
    private readonly boundedEvents: BoundedEvents,
    private readonly enqueues: RunEnqueues,
    private readonly metrics: RunMetrics,
  ) {}

  /** True when what one start uses up decides over the next: then a batch must see what the one before has stored. */
  private get isCounted(): boolean {
    return this.guards.startRate !== undefined || !this.queueRoom.isAmple;
  }

  execute(command: StartExecution): Promise<StartExecutionResult> {
    return this.metrics.started(this.startInTime(command));
  }

  private async startInTime(command: StartExecution): Promise<StartExecutionResult> {
    const run = { id: newId() };
    let impatience: NodeJS.Timeout | undefined;
    const late = new Promise<StartExecutionResult>((resolve) => {
      impatience = setTimeout(() => resolve({ kind: 'outcome-unknown', runId: run.id }), ANSWER_MS);
    });
    try {
      return await Promise.race([this.start(command, run), late]);
    } finally {
      clearTimeout(impatience);
    }
  }

  /** @param run what the start is about: the id of a run that may come to be, then that of the key's run where there is one */
  private async start({ request, actor }: StartExecution, run: { id: string }): Promise<StartExecutionResult> {
    const { idempotencyKey, ...wish } = request;
    const until = performance.now() + WAIT_MS;
    const completed = await answeredWithin(WAIT_MS, this.complete(wish));
    if ('fieldErrors' in completed) return { kind: 'invalid', fieldErrors: completed.fieldErrors };
    const { params } = completed;
    const runId = run.id;
    try {
      const intent = { id: runId, params, idempotencyKey, actor };
      const admission = await this.admissions.add(intent, Math.max(until - performance.now(), 0));
      if (admission.kind === 'known') run.id = admission.runId;
      return await this.conclude(admission, runId, params);
    } catch (error) {
      if (error instanceof CommitOutcomeUnknown) return { kind: 'outcome-unknown', runId };
      throw error;
    }
  }

  private async conclude(admission: Admission, runId: string, params: RunParams): Promise<StartExecutionResult> {
    switch (admission.kind) {
      case 'admitted': {
        faultPoint('start-after-commit');
        const outcome = await this.enqueues.add(runId);
        faultPoint('start-after-enqueue');
        return outcome === 'enqueued' ? { kind: 'accepted', runId, jobId: runId, params } : { kind: outcome, runId };
      }
      case 'known':
        return this.replay(admission);
      case 'key-reused':
      case 'kill-switch':
      case 'refused':
      case 'queue-full':
        return admission;
    }
  }

  /** Answers for the key's run, whose first start may be at its enqueue just now: then both are told the same. */
  private async replay({
    runId,
    params,
    status,
  }: Extract<Admission, { kind: 'known' }>): Promise<StartExecutionResult> {
    const outcome = await this.enqueues.underWay(runId);
    if (outcome !== undefined && outcome !== 'enqueued') return { kind: outcome, runId };
    // Read anew where it may have changed: the enqueue may have failed since the key was looked up.
    const now = status === 'QUEUED' ? await this.transactions.run((tx) => this.runs.find(tx, runId)) : null;
    if (now?.status === 'ENQUEUE_FAILED') return { kind: 'enqueue-failed', runId };
    return { kind: 'replayed', runId, jobId: runId, params, status: now?.status ?? status };
  }

  /** The request with every default in place, or what is wrong with it. */
  private async complete(
    request: Omit<StartRequest, 'idempotencyKey'>,
  ): Promise<{ params: RunParams } | { fieldErrors: Record<string, string[]> }> {
    const name = request.pipeline ?? this.settings.defaultPipeline;
    const pipeline = this.pipelines.find(name);
    if (pipeline === undefined) {
      return { fieldErrors: { pipeline: [`must be one of ${this.pipelines.names.join(', ')}`] } };
    }
    const verdict = await pipeline.checkInput(request.input);
    if (!verdict.ok) return { fieldErrors: verdict.fieldErrors };
    return { params: { ...request, pipeline: name, input: verdict.input } };
  }

  private async admit(tx: Transaction, intents: readonly Intent[]): Promise<Admission[]> {
    const scopes = intents.flatMap(({ params }) => scopesOver(params));
    const modes = intents.map(({ params }) => params.mode);
    const { enabled, risk } = await this.guards.openAdmission(tx, scopes, modes, 'start');
    const keys = await KeyedRuns.lock(tx, intents);
    const unknown = intents.filter((intent) => keys.of(intent) === undefined).length;
    let room = unknown === 0 ? 0 : await this.queueRoom.open(tx, unknown);

    // One after the other, over what the ones before have changed: a start may repeat the key of one in the same batch.
    const admissions = intents.map((intent): Admission => {
      const known = keys.of(intent);
      if (known !== undefined) return replay(known, intent.params);
      if (room <= 0) return judgeWithoutRoom(intent.params, enabled, risk);
      const refusal = judgeStart(intent.params, enabled, risk);
      if (refusal !== undefined) return refusal;
      room -= 1;
      keys.add(intent, { runId: intent.id, params: intent.params, status: 'QUEUED' });
      return { kind: 'admitted' };
    });
    await this.store(tx, intents, admissions);
    await risk.write(tx);
    faultPoint('start-in-transaction');
    return admissions;
  }

  private async store(tx: Transaction, intents: readonly Intent[], admissions: readonly Admission[]): Promise<void> {
    const admitted = intents.filter((_, index) => admissions[index]?.kind === 'admitted');
    this.queueRoom.take(admitted.length);
    await this.runs.insert(tx, admitted);
    const blocked = intents.flatMap(({ params, actor }, index) => {
      const admission = admissions[index];
      const isRefusal = admission?.kind === 'kill-switch' || admission?.kind === 'refused';
      return isRefusal ? [startBlocked(params, admission, { source: 'api', actor: actor.name })] : [];
    });
    await this.boundedEvents.record(tx, blocked);
  }
}

function replay(known: { runId: string; params: RunParams; status: RunStatus }, wish: RunParams): Admission {
  return asksForTheSame(known.params, wish) ? { kind: 'known', ...known } : { kind: 'key-reused', runId: known.runId };
}
