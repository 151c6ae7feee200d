import { DatabaseBusy } from './database-errors.js';
import { SharedBatches } from './shared-batches.js';

/** A batch that is under way until it is let go. */
function gate() {
  let open: () => void = () => undefined;
  const passed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { passed, open };
}

/** Resolves when nothing is left to do but what waits for a gate. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}

describe('shared batches', () => {
  it('carries a lone caller out at once, and lets those who come meanwhile share the next batch', async () => {
    const first = gate();
    const seen: number[][] = [];
    const batches = new SharedBatches<number, number>(
      async (intents) => {
        seen.push([...intents]);
        if (seen.length === 1) await first.passed;
        return intents.map((n) => n * 10);
      },
      () => false,
      { maximumSize: 3 },
    );
    const answers = [1, 2, 3, 4, 5].map((n) => batches.add(n));
    first.open();
    expect(await Promise.all(answers)).toEqual([10, 20, 30, 40, 50]);
    expect(seen).toEqual([[1], [2, 3, 4], [5]]);
  });

  it('never lets one faulty intent fail its neighbours', async () => {
    const batches = new SharedBatches<number, number>(
      async (intents) => {
        await Promise.resolve();
        if (intents.includes(3)) throw new Error('three is faulty');
        return intents;
      },
      () => false,
    );
    const outcomes = await Promise.allSettled([1, 2, 3, 4].map((n) => batches.add(n)));
    expect(outcomes.map((outcome) => outcome.status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled']);
  });

  it('tells everybody at once when the fault is nobody’s own, and goes on with the next', async () => {
    let calls = 0;
    const batches = new SharedBatches<number, number>(
      async (intents) => {
        await Promise.resolve();
        if (++calls === 2) throw new Error('the database is gone');
        return intents;
      },
      (error) => (error as Error).message.includes('gone'),
    );
    const outcomes = await Promise.allSettled([1, 2, 3].map((n) => batches.add(n)));
    expect(outcomes.map((outcome) => outcome.status)).toEqual(['fulfilled', 'rejected', 'rejected']);
    expect(calls).toBe(2);
    expect(await batches.add(4)).toBe(4);
  });

  it('lets an intent wait no longer than its patience, and never carries it out after that', async () => {
    const first = gate();
    const seen: number[] = [];
    const batches = new SharedBatches<number, number>(
      async (intents) => {
        seen.push(...intents);
        await first.passed;
        return intents;
      },
      () => false,
    );
    const under = batches.add(1, 10);
    const others = [batches.add(2, 10), batches.add(3)];
    await expect(others[0]).rejects.toBeInstanceOf(DatabaseBusy);
    first.open();
    expect(await Promise.all([under, others[1]])).toEqual([1, 3]);
    expect(seen).toEqual([1, 3]);
  });

  it('carries out as many batches beside each other as it may at the moment, and a single one on its own', async () => {
    let atOnce = 2;
    const gates = Array.from({ length: 5 }, gate);
    const seen: number[][] = [];
    const batches = new SharedBatches<number, number>(
      async (intents) => {
        const mine = gates[seen.push([...intents]) - 1];
        await mine?.passed;
        return intents;
      },
      () => false,
      { atOnce: () => atOnce },
    );
    const first = [1, 2, 3, 4].map((n) => batches.add(n));
    expect(seen).toEqual([[1], [2]]);
    gates[1]?.open();
    expect(await first[1]).toBe(2);
    await settled();
    expect(seen).toEqual([[1], [2], [3, 4]]);

    atOnce = 1;
    const next = [batches.add(5), batches.add(6)];
    gates[0]?.open();
    await first[0];
    await settled();
    expect(seen).toHaveLength(3); // the third batch is still under way
    gates[2]?.open();
    await Promise.all(first);
    await settled();
    expect(seen).toEqual([[1], [2], [3, 4], [5, 6]]);
    gates[3]?.open();
    expect(await Promise.all(next)).toEqual([5, 6]);
  });
});
