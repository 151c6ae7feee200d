import { TEST_BACKENDS } from './test/support/test-backends.js';

/** Jest runs the TypeScript sources as ES modules; `@interlock/<lib>` is resolved as in tsconfig.json. */
const suites = {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  roots: ['<rootDir>/apps', '<rootDir>/libs', '<rootDir>/test', '<rootDir>/clients'],
  testMatch: ['**/*.spec.ts'],
  testPathIgnorePatterns: ['/node_modules/', '<rootDir>/test/redis/'],
  moduleNameMapper: {
    '^@interlock/([^/]+)$': '<rootDir>/libs/$1/src/index.ts',
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          target: 'es2023',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true },
          keepClassNames: true,
        },
        module: { type: 'es6' },
        sourceMaps: 'inline',
      },
    ],
  },
  globalSetup: '<rootDir>/test/support/global-setup.js',
  globalTeardown: '<rootDir>/test/support/global-teardown.js',
};

/** Whatever needs the queue runs a second time with it in Redis. */
const redisSuites = {
  ...suites,
  displayName: 'redis',
  testMatch: [
    '<rootDir>/test/backends.spec.ts',
    '<rootDir>/test/redis/*.spec.ts',
    '<rootDir>/test/e2e/{runs,survival,alert-delivery,alert-processes}.spec.ts',
    '<rootDir>/test/faults/*.spec.ts',
    '<rootDir>/test/chaos/*.spec.ts',
    '<rootDir>/test/support/cluster.spec.ts',
  ],
  testPathIgnorePatterns: ['/node_modules/'],
  setupFiles: ['<rootDir>/test/support/use-redis.js'],
};

export default {
  projects: TEST_BACKENDS.includes('redis') ? [suites, redisSuites] : [suites],
  testTimeout: 60_000,
};
