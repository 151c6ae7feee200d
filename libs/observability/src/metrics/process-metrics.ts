import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { programVersion } from '../version.js';
import { everySeries, Metrics } from './metrics.js';

const RESOLUTION_MS = 10;
const MILLION = 1e6;
const BILLION = 1e9;

/** The process itself: processor time, memory, and how late its event loop is. */
@Injectable()
export class ProcessMetrics implements OnApplicationShutdown {
  private readonly delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  private utilization = performance.eventLoopUtilization();
  private cpu = { user: 0, system: 0 };

  private readonly lag;
  private readonly busy;
  private readonly cpuSeconds;
  private readonly memory;

  constructor(metrics: Metrics) {
    this.lag = metrics.gauge(
      'interlock_event_loop_lag_seconds',
      'How late the event loop came to its timers since the last scrape',
      everySeries({ statistic: ['mean', 'p99', 'maximum'] }),
    );
    this.busy = metrics.gauge(
      'interlock_event_loop_utilization_ratio',
      'Share of the time since the last scrape in which the event loop was busy',
      [{}],
    );
    this.cpuSeconds = metrics.counter(
      'interlock_process_cpu_seconds_total',
      'Processor time of the process',
      everySeries({ mode: ['user', 'system'] }),
    );
    this.memory = metrics.gauge(
      'interlock_process_memory_bytes',
      'Memory of the process: all of it (resident), of the JavaScript heap, and of buffers outside of it (external)',
      everySeries({ kind: ['resident', 'heap', 'external'] }),
    );
    metrics
      .gauge('interlock_process_start_time_seconds', 'When the process began', [{}])
      .set(performance.timeOrigin / 1_000);
    const build = { version: programVersion() };
    metrics.gauge('interlock_build_info', 'Always 1; the label names what runs', [build]).set(build, 1);
    metrics.lookAtScrape('process', () => this.read());
    this.delays.enable();
  }

  onApplicationShutdown(): void {
    this.delays.disable();
  }

  private read(): void {
    // What is measured is the time between two looks, of which the resolution itself is no lag.
    const seconds = (nanoseconds: number) => Math.max(nanoseconds - RESOLUTION_MS * MILLION, 0) / BILLION;
    const looked = this.delays.count > 0;
    this.lag.set({ statistic: 'mean' }, looked ? seconds(this.delays.mean) : 0);
    this.lag.set({ statistic: 'p99' }, seconds(this.delays.percentile(99)));
    this.lag.set({ statistic: 'maximum' }, looked ? seconds(this.delays.max) : 0);
    this.delays.reset();

    const utilization = performance.eventLoopUtilization();
    this.busy.set(performance.eventLoopUtilization(utilization, this.utilization).utilization);
    this.utilization = utilization;

    const cpu = process.cpuUsage();
    for (const mode of ['user', 'system'] as const)
      this.cpuSeconds.inc({ mode }, Math.max(cpu[mode] - this.cpu[mode], 0) / MILLION);
    this.cpu = cpu;

    const { rss, heapUsed, external } = process.memoryUsage();
    this.memory.set({ kind: 'resident' }, rss);
    this.memory.set({ kind: 'heap' }, heapUsed);
    this.memory.set({ kind: 'external' }, external);
  }
}
