import { Inject, Injectable } from '@nestjs/common';
import { Pipeline, PIPELINES } from './pipeline.js';

/** The pipelines by name. */
@Injectable()
export class Pipelines {
  private readonly byName: ReadonlyMap<string, Pipeline>;

  constructor(@Inject(PIPELINES) pipelines: readonly Pipeline[]) {
    this.byName = new Map(pipelines.map((pipeline) => [pipeline.name, pipeline]));
    if (this.byName.size !== pipelines.length) throw new Error('two pipelines have the same name');
  }

  find(name: string): Pipeline | undefined {
    return this.byName.get(name);
  }

  get names(): string[] {
    return [...this.byName.keys()].toSorted();
  }
}
