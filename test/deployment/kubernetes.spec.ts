import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { InvalidSettings, readSettings } from '@interlock/config';
import { Deployment } from 'kubernetes-models/apps/v1';
import { Job } from 'kubernetes-models/batch/v1';
import { NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1';
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1';
import { ConfigMap, Namespace, Secret, Service, ServiceAccount } from 'kubernetes-models/v1';
import ts from 'typescript';
import { parse } from 'yaml';
import { DOCKER, type Manifest, readManifests } from './deployment-files.js';
import { ROOT } from './native-image.js';

const manifests = readManifests();
const workloads = manifests.flatMap(({ manifest }) => {
  const pod = manifest.spec?.template?.spec;
  return pod === undefined ? [] : [{ name: manifest.metadata.name, manifest, pod, container: pod.containers[0]! }];
});
const programs = workloads.filter(({ manifest }) => manifest.kind === 'Deployment');
const settings = manifests.find(({ manifest }) => manifest.kind === 'ConfigMap')!.manifest.data!;

const MODELS = {
  ConfigMap,
  Deployment,
  Job,
  Namespace,
  NetworkPolicy,
  PodDisruptionBudget,
  Secret,
  Service,
  ServiceAccount,
} as unknown as Record<string, new (data: Manifest) => { validate(): void }>;
const MODULES: Record<string, string> = {
  v1: 'v1',
  'apps/v1': 'apps/v1',
  'batch/v1': 'batch/v1',
  'policy/v1': 'policy/v1',
  'networking.k8s.io/v1': 'networking.k8s.io/v1',
};

describe('the Kubernetes manifests', () => {
  it.each(manifests.map(({ file, manifest }) => [file, manifest.kind, manifest] as const))(
    '%s: its %s is one by the schema',
    (_, kind, manifest) => {
      expect(() => new MODELS[kind]!(manifest).validate()).not.toThrow();
    },
  );

  it('have no field that Kubernetes does not know', () => {
    // The schemas let unknown fields pass; the types that come with them do not.
    expect(typeErrors(manifests.map(({ manifest }) => manifest))).toEqual([]);
    expect(typeErrors([{ ...manifests[0]!.manifest, spce: {} } as Manifest])).not.toEqual([]);
  }, 60_000);

  it('are all named by the kustomization, but for the secret', () => {
    const text = readFileSync(join(DOCKER, 'kubernetes/kustomization.yaml'), 'utf8');
    const { resources } = parse(text) as { resources: string[] };
    expect(new Set([...resources, 'secret.example.yaml'])).toEqual(new Set(manifests.map(({ file }) => file)));
    for (const file of resources) expect(existsSync(join(DOCKER, 'kubernetes', file))).toBe(true);
  });

  it.each(workloads)('$name keeps to the restricted profile and is bounded', ({ pod, container }) => {
    expect(pod).toMatchObject({
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, runAsUser: 10001, seccompProfile: { type: 'RuntimeDefault' } },
    });
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    expect(container.resources.limits).toHaveProperty('memory');
    expect(container.resources.requests).toHaveProperty('memory');
    expect(container.volumeMounts.map(({ name }) => name)).toEqual(pod.volumes.map(({ name }) => name));
  });

  it.each(programs)(
    '$name is probed on a port that it has, and given as long to end as it may take',
    ({ pod, container }) => {
      const { port, workerPort, shutdownGraceMs } = readSettings(settings);
      expect(container.ports?.map(({ containerPort }) => containerPort)).toEqual([
        container.name === 'api' ? port : workerPort,
      ]);
      for (const probe of [container.startupProbe, container.livenessProbe, container.readinessProbe]) {
        expect(probe?.httpGet.port).toBe(container.ports?.[0]?.name);
      }
      expect(container.livenessProbe?.httpGet.path).toMatch(/\/live$/);
      expect(container.readinessProbe?.httpGet.path).toMatch(/\/ready$/);
      const [, wait = '0'] = container.lifecycle?.preStop.exec.command ?? [];
      expect(pod.terminationGracePeriodSeconds! * 1000).toBeGreaterThan(Number(wait) * 1000 + shutdownGraceMs + 5_000);
    },
  );

  it.each(programs)('$name is found by its selector, its budget and its service', ({ manifest }) => {
    const { labels } = manifest.spec!.template!.metadata;
    const others = manifests.filter(
      ({ manifest: { kind, metadata } }) => kind === 'PodDisruptionBudget' && metadata.name === manifest.metadata.name,
    );
    expect(others).toHaveLength(1);
    for (const selecting of [manifest, ...others.map((other) => other.manifest)]) {
      expect(selecting.spec?.selector?.matchLabels).toEqual(labels);
    }
  });

  it('set what there is to set', () => {
    expect(() => readSettings(settings)).not.toThrow();
    const known = readFileSync(join(ROOT, '.env.example'), 'utf8');
    const named = workloads.flatMap(({ container }) => container.env?.map(({ name }) => name) ?? []);
    for (const name of [...Object.keys(settings), ...named]) expect(known).toMatch(new RegExp(`^${name}=`, 'm'));
  });

  it('have placeholders for secrets that the programs refuse by name', () => {
    const { stringData } = manifests.find(({ manifest }) => manifest.kind === 'Secret')!.manifest;
    for (const [name, value] of Object.entries(stringData!)) {
      expect(() => readSettings({ [name]: value })).toThrow(InvalidSettings);
      for (const { container } of workloads.filter((one) => one.name === 'interlock-api')) {
        expect(container.env).toContainEqual({ name: `${name}_FILE`, value: `/run/secrets/interlock/${name}` });
      }
    }
  });
});

/** What the compiler says about manifests as literals of the types that come with the schemas. */
function typeErrors(checked: readonly Manifest[]): string[] {
  const file = join(ROOT, 'manifests-as-literals.ts');
  const text = checked
    .map((manifest, index) => {
      const from = `kubernetes-models/${MODULES[manifest.apiVersion]}`;
      return `import type { I${manifest.kind} as T${index} } from '${from}';\nexport const m${index}: T${index} = ${JSON.stringify(manifest)};`;
    })
    .join('\n');
  const options: ts.CompilerOptions = {
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    target: ts.ScriptTarget.ES2023,
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    types: [],
  };
  const host = ts.createCompilerHost(options);
  const readSource = host.getSourceFile.bind(host);
  host.getSourceFile = (name, target) =>
    name === file ? ts.createSourceFile(name, text, ts.ScriptTarget.ES2023) : readSource(name, target);
  host.fileExists = (name) => name === file || ts.sys.fileExists(name);
  const program = ts.createProgram([file], options, host);
  return ts.getPreEmitDiagnostics(program).map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
}
