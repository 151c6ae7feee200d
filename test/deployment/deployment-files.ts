import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';
import { ROOT } from './native-image.js';

export const DOCKER = join(ROOT, 'docker');

export interface Service {
  readonly image: string;
  readonly user: string;
  readonly command?: string[];
  readonly read_only: boolean;
  readonly cap_drop: string[];
  readonly security_opt: string[];
  readonly restart: string;
  readonly ports?: string[];
  readonly environment?: Record<string, string>;
  readonly secrets?: string[];
  readonly configs?: { source: string }[];
  readonly volumes?: string[];
  readonly networks: string[];
  readonly stop_grace_period?: string;
  readonly profiles?: string[];
  readonly healthcheck?: { disable?: boolean; test?: string[] };
  readonly depends_on?: Record<string, { condition: string; required?: boolean }>;
  readonly deploy: { replicas?: number; resources: { limits: { cpus: string; memory: string; pids: number } } };
}

export interface Compose {
  readonly services: Record<string, Service>;
  readonly networks: Record<string, { internal?: boolean }>;
  readonly volumes: Record<string, unknown>;
  readonly secrets: Record<string, { file: string }>;
  readonly configs: Record<string, { file: string }>;
}

export function readCompose(): Compose {
  return parse(readFileSync(join(DOCKER, 'compose.yaml'), 'utf8'), { merge: true }) as Compose;
}

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly args?: string[];
  readonly env?: { name: string; value: string }[];
  readonly ports?: { name: string; containerPort: number }[];
  readonly startupProbe?: Probe;
  readonly livenessProbe?: Probe;
  readonly readinessProbe?: Probe;
  readonly lifecycle?: { preStop: { exec: { command: string[] } } };
  readonly resources: { requests: Record<string, string>; limits: Record<string, string> };
  readonly securityContext: Record<string, unknown>;
  readonly volumeMounts: { name: string; mountPath: string }[];
}

export interface Probe {
  readonly httpGet: { path: string; port: string };
}

export interface PodSpec {
  readonly containers: Container[];
  readonly securityContext: Record<string, unknown>;
  readonly terminationGracePeriodSeconds?: number;
  readonly automountServiceAccountToken: boolean;
  readonly volumes: { name: string }[];
}

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly data?: Record<string, string>;
  readonly stringData?: Record<string, string>;
  readonly spec?: {
    readonly selector?: { readonly matchLabels?: Record<string, string> };
    readonly template?: { readonly metadata: { readonly labels: Record<string, string> }; readonly spec: PodSpec };
  };
}

/** Every object of docker/kubernetes, with its file, but the kustomization. */
export function readManifests(): { file: string; manifest: Manifest }[] {
  return readdirSync(join(DOCKER, 'kubernetes'))
    .filter((file) => file !== 'kustomization.yaml')
    .flatMap((file) =>
      parseAllDocuments(readFileSync(join(DOCKER, 'kubernetes', file), 'utf8')).map((document) => ({
        file,
        manifest: document.toJS() as Manifest,
      })),
    );
}

/** A systemd unit: its settings as `Section.Key` → values, in order. */
export function readUnit(file: string): Map<string, string[]> {
  const settings = new Map<string, string[]>();
  let section = '';
  for (const line of readFileSync(join(DOCKER, 'systemd', file), 'utf8').split('\n')) {
    if (/^\s*(#|$)/.test(line)) continue;
    const header = /^\[(\w+)\]$/.exec(line);
    if (header !== null) section = header[1]!;
    else {
      const [key = '', ...value] = line.split('=');
      const name = `${section}.${key}`;
      settings.set(name, [...(settings.get(name) ?? []), value.join('=')]);
    }
  }
  return settings;
}
